// The one reaper: on SIGCHLD it waits for every ended child, ours and the orphans that come to us as
// subreaper, until there is none. Signals merge, so one SIGCHLD may stand for many ends. Nothing
// else in the master may use child_process: two reapers would steal from each other.

import { constants } from 'node:os'
import { becomeSubreaper, type Waited, waitAny, waited } from './libc.ts'

export interface Ended {
  readonly pid: number
  readonly code: number | null
  /** With SIG. */
  readonly signal: string | null
}

/** Where a number has two names (SIGABRT and SIGIOT), the first is the usual one. */
const signalNames = new Map<number, string>(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, n]) => [n, name]),
)

/** Starts reaping; `ended` is called once for each. Returns what stops it. */
export function reap(ended: (e: Ended) => void): () => void {
  becomeSubreaper()
  const look = (): void => {
    for (let w = waitAny(); w; w = waitAny()) ended(named(w))
  }
  process.on('SIGCHLD', look)
  look()
  return () => process.off('SIGCHLD', look)
}

/** An end from its wait status, as wait(2) lays it out. */
export const endedOf = (pid: number, status: number): Ended => named(waited(pid, status))

const named = ({ pid, code, signal }: Waited): Ended => ({
  pid,
  code,
  signal: signal === null ? null : (signalNames.get(signal) ?? `SIG${signal}`),
})
