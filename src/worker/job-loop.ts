// The loop of workers without listeners: handleRequest() again and again until told to stop. The event
// loop turns once between two calls, so that signals, timers and the heartbeat are heard even when
// handleRequest never waits for anything. One that keeps throwing pauses, longer and longer.

import { setTimeout as sleep } from 'node:timers/promises'
import { theHost } from './host.ts'
import type { Requests } from './requests.ts'
import type { Worker } from './worker.ts'

const PAUSE_FIRST_MS = 100
const PAUSE_MAX_MS = 5000

export async function jobLoop(worker: Worker, requests: Requests): Promise<void> {
  let pauseMs = PAUSE_FIRST_MS
  while (worker.alive) {
    const ended = requests.begin()
    let failed = false
    try {
      await worker.handleRequest()
    } catch (err) {
      failed = true
      worker.logger.error({ err }, 'handleRequest failed')
    }
    ended(failed)
    if (failed) {
      await pause(pauseMs, theHost()?.stopping)
      pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)
    } else {
      pauseMs = PAUSE_FIRST_MS
      await turn()
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
