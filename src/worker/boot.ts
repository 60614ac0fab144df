// The program that phd starts for an SDK worker. Its first lines take the signals, before anything
// is loaded: from there on TERM and QUIT finish the work in hand, and HUP USR1 USR2 WINCH TTIN TTOU
// change nothing (USR1 would open Node's inspector, the others kill). INT keeps its default, so it
// ends the worker at once, even in the middle of a computation, and the master sees the signal.
// One of the three places that exit; what happens in between is start.ts's.

const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGQUIT'] as const) process.on(signal, () => stop.abort())
for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGTTIN', 'SIGTTOU'] as const) {
  process.on(signal, () => {})
}

// The master starts it without a shell in between, so nobody else could say for which process its listeners are.
if (process.env.LISTEN_FDS) process.env.LISTEN_PID = String(process.pid)

const { start } = await import('./start.ts')
process.exit(await start(stop.signal))

export {}
