// The first lines that run: until the real handlers stand, no signal may end this process or open Node's
// inspector (USR1). At a start of its own, TERM, INT and QUIT keep their meaning: there is nothing to stop in
// order yet. After an upgrade in place there is; and to pid 1, as in a container, they mean nothing by themselves: the
// kernel drops them. Then they are kept and told again when somebody listens.
// Imported before everything else, so that loading the rest of the program is covered as well.

const STOPS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const

const heard: NodeJS.Signals[] = []
const keep = (signal: NodeJS.Signals): void => {
  // The real handler stands already, and has heard it itself.
  if (process.listenerCount(signal) === 1) heard.push(signal)
}

for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTTIN', 'SIGTTOU', 'SIGWINCH', 'SIGIO'] as const) {
  process.on(signal, () => undefined)
}
if (process.env.PHD_HANDOVER !== undefined || process.pid === 1) for (const signal of STOPS) process.on(signal, keep)

/** The real handlers stand: what came before is told to them. */
export function replaySignals(): void {
  for (const signal of STOPS) process.off(signal, keep)
  for (const signal of heard.splice(0)) process.kill(process.pid, signal)
}
