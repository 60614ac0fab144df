// The one reaper: on SIGCHLD it waits for every ended child, ours and the orphans that come to us as
// subreaper, until there is none. Signals merge, so one SIGCHLD may stand for many ends. Nothing
// else in the master may use child_process: two reapers would steal from each other.
// A signal is a message in a pipe of libuv's, which drops what does not fit: while the loop is blocked for long, the
// SIGIO of some thousand writes can take a SIGCHLD's place. So there is one more look after each turn that heard any.

import { constants } from 'node:os'
import type { Clock } from '../core/ports.ts'
import { becomeSubreaper, type Waited, waitAny, waited } from './libc.ts'

export interface Ended {
  readonly pid: number
  readonly code: number | null
  /** With SIG. */
  readonly signal: string | null
}

/** What follows from each end takes 0.1 ms or more, and a thousand may come at once: the others wait for the next turn. */
const MOST_AT_ONCE = 32

/** Where a number has two names (SIGABRT and SIGIOT), the first is the usual one. */
const signalNames = new Map<number, string>(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, n]) => [n, name]),
)

/** Starts reaping; `ended` is told of each once, and of many that have ended at a time. Returns what stops it. */
export function reap(clock: Pick<Clock, 'soon'>, ended: (all: readonly Ended[]) => void): () => void {
  becomeSubreaper()
  let due = false
  const look = (): void => {
    const all: Ended[] = []
    for (let w = waitAny(); w; w = waitAny()) if (all.push(named(w)) === MOST_AT_ONCE) break
    if (all.length === MOST_AT_ONCE) lookSoon()
    if (all.length > 0) ended(all)
  }
  const lookSoon = (): void => {
    if (due) return
    due = true
    clock.soon(() => {
      due = false
      look()
    })
  }
  // While others wait for the next turn, so do the ends that further signals stand for: dozens of them come in one.
  const signalled = (): void => {
    if (!due) look()
  }
  process.on('SIGCHLD', signalled)
  process.on('SIGIO', lookSoon)
  look()
  return () => {
    process.off('SIGCHLD', signalled)
    process.off('SIGIO', lookSoon)
  }
}

/** An end from its wait status, as wait(2) lays it out. */
export const endedOf = (pid: number, status: number): Ended => named(waited(pid, status))

const named = ({ pid, code, signal }: Waited): Ended => ({
  pid,
  code,
  signal: signal === null ? null : (signalNames.get(signal) ?? `SIG${signal}`),
})
