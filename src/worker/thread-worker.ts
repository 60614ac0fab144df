// The worker with a pool of threads, for requests that compute: handleRequest() runs on the main
// thread, as in every worker, and hands the work to `this.thread(name, data)`, an export of the module
// in `static TASKS`. So the process hears signals and keeps its heartbeat while threads are busy. As
// many requests are in hand as there are threads.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Piscina } from 'piscina'
import { ConcurrentWorker } from './concurrent-worker.ts'
import { theHost } from './host.ts'
import { KIND, OPEN } from './worker.ts'

export interface ThreadOptions {
  /** Ends the thread in the middle of the work. */
  readonly signal?: AbortSignal
  /** What of `data` is moved instead of copied. */
  readonly transferList?: readonly ArrayBuffer[]
}

export class ThreadWorker extends ConcurrentWorker {
  static override readonly [KIND]: string = 'thread'

  /** The module whose exported functions run in threads: `new URL('./tasks.js', import.meta.url)`. */
  static TASKS?: URL | string

  #pool: Piscina | null = null

  /** Threads, and so requests in hand: max_greenlets, or as many as there are cores where the section has none. */
  protected override get concurrency(): number {
    const isSet = 'max_greenlets' in this.cfg || 'max_concurrency' in this.cfg
    return (isSet ? theHost()?.concurrency : undefined) ?? availableParallelism()
  }

  /** Runs an exported function of TASKS in a thread, with a copy of `data`; rejects with what it throws. */
  async thread(name: string, data?: unknown, { signal, transferList }: ThreadOptions = {}): Promise<unknown> {
    this.#pool ??= await this.#start()
    return (await this.#pool.run(data, {
      name,
      ...(signal && { signal }),
      ...(transferList && { transferList: [...transferList] }),
    })) as unknown
  }

  override async [OPEN](): Promise<void> {
    this.#pool ??= await this.#start()
    await super[OPEN]()
  }

  override async run(): Promise<void> {
    await super.run()
    await this.#pool?.destroy()
  }

  async #start(): Promise<Piscina> {
    const { TASKS, name } = this.constructor as typeof ThreadWorker
    if (TASKS === undefined) {
      throw new Error(`cannot start threads: class ${name} has no static TASKS, the module of what they run`)
    }
    const { Piscina } = await import('piscina')
    const threads = this.concurrency
    const filename = TASKS instanceof URL || TASKS.startsWith('file:') ? fileURLToPath(TASKS) : TASKS
    const pool = new Piscina({ filename, minThreads: threads, maxThreads: threads })
    // What a task throws comes from thread(); this is a thread that broke beside its work. The pool starts another.
    pool.on('error', (err) => this.logger.error({ err }, 'a thread broke'))
    return pool
  }
}
