// The requests of a worker, counted the same way by every kind: begun, ended, failed, how long they
// took. Keeps `nr`, and tells the process's host, which tells the master.

import { theHost } from './host.ts'
import type { Worker } from './worker.ts'

export interface Requests {
  /** A request begins; the result is called once, when it has ended. */
  begin(): (failed: boolean) => void
  readonly inFlight: number
}

export function requestsOf(worker: Worker): Requests {
  const host = theHost()
  let inFlight = 0
  let errors = 0
  return {
    begin() {
      const since = performance.now()
      host?.working?.(++inFlight)
      return (failed) => {
        host?.took?.(performance.now() - since)
        host?.working?.(--inFlight)
        worker.nr++
        if (failed) errors++
        host?.counted(worker.nr, errors)
      }
    },
    get inFlight() {
      return inFlight
    },
  }
}
