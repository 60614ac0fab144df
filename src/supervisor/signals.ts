// Signals to the master, and what each asks for. Until these handlers stand, main.ts ignores those that
// would end the process or open Node's inspector (USR1).

import type { Clock } from '../core/ports.ts'

export interface SignalActions {
  /** TERM, QUIT, INT: the orderly end. */
  stop(signal: string): void
  /** A second one of those, at least half a second later: SIGKILL to all now. */
  kill(): void
  /** HUP: update, then reload. */
  hup(): Promise<unknown>
  /** USR1: open log files anew. */
  reopen(): void
  /** USR2: become the program that stands there now. */
  upgrade(): void
  /** TTIN, TTOU: one slot more or fewer in every program. */
  scale(by: 1 | -1): void
  /** WINCH: stop all processes, keep the master. */
  rest(): void
}

const IMPATIENT_MS = 500

export function listenToSignals(clock: Clock, actions: SignalActions): void {
  let firstStop: number | null = null
  const stop = (signal: string): void => {
    if (firstStop === null) {
      firstStop = clock.now()
      actions.stop(signal)
    } else if (clock.now() - firstStop >= IMPATIENT_MS) actions.kill()
  }
  for (const signal of ['SIGTERM', 'SIGQUIT', 'SIGINT'] as const) process.on(signal, () => stop(signal))
  process.on('SIGHUP', merging(actions.hup))
  process.on('SIGUSR1', () => actions.reopen())
  process.on('SIGUSR2', () => actions.upgrade())
  process.on('SIGTTIN', () => actions.scale(1))
  process.on('SIGTTOU', () => actions.scale(-1))
  process.on('SIGWINCH', () => actions.rest())
}

/** A storm of calls becomes the one that runs and one more after it. */
export function merging(run: () => Promise<unknown>): () => void {
  let running = false
  let pending = false
  const begin = (): void => {
    running = true
    void run().finally(() => {
      running = false
      if (pending) {
        pending = false
        begin()
      }
    })
  }
  return () => {
    if (running) pending = true
    else begin()
  }
}
