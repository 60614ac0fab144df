// The worker that does one thing at a time: handleRequest() again and again until told to stop. The
// event loop turns once between two calls, so that signals, timers and the heartbeat are heard even
// when handleRequest never waits for anything.

import { setTimeout as sleep } from 'node:timers/promises'
import { theHost } from './host.ts'
import { KIND, Worker } from './worker.ts'

const PAUSE_FIRST_MS = 100
const PAUSE_MAX_MS = 5000

export class SyncWorker extends Worker {
  static override readonly [KIND]: string = 'sync'

  override async run(): Promise<void> {
    const host = theHost()
    let errors = 0
    let pauseMs = PAUSE_FIRST_MS
    while (this.alive) {
      let failed = false
      try {
        await this.handleRequest()
      } catch (err) {
        failed = true
        errors++
        this.logger.error({ err }, 'handleRequest failed')
      }
      this.nr++
      host?.counted(this.nr, errors)
      if (failed) {
        await pause(pauseMs, host?.stopping)
        pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)
      } else {
        pauseMs = PAUSE_FIRST_MS
        await turn()
      }
    }
  }
}

/** One turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A wait that ends at once when the worker is told to stop. */
async function pause(ms: number, stopping: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, stopping === undefined ? {} : { signal: stopping })
  } catch (e) {
    // Told to stop: the loop sees `alive`.
    if ((e as Error).name !== 'AbortError') throw e
  }
}
