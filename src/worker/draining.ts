// What all servers of the SDK need when they are told to stop: how the time until SIGKILL is divided.

import { theHost } from './host.ts'

const GRACE_MS = 10_000

export interface DrainTimes {
  /** Clients that keep their connection may still send so long, and learn by the answer that it was the last. */
  readonly lastCallsMs: number
  /** Then what is still open is cut, so that stop() can run before SIGKILL. */
  readonly cutMs: number
}

export function drainTimes(graceMs = theHost()?.graceMs ?? GRACE_MS): DrainTimes {
  return { lastCallsMs: Math.min(1000, graceMs / 3), cutMs: graceMs - Math.min(500, graceMs / 4) }
}
