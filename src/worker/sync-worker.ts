// The worker that does one thing at a time: one connection of its listeners, or without any one call
// of handleRequest() after the other, until told to stop.

import { ConcurrentWorker } from './concurrent-worker.ts'
import { KIND } from './worker.ts'

export class SyncWorker extends ConcurrentWorker {
  static override readonly [KIND]: string = 'sync'

  protected override get concurrency(): number {
    return 1
  }
}
