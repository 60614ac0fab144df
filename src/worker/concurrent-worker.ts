// The worker that has up to max_greenlets requests in hand. With listeners a request is a connection,
// and handleRequest(connection) is called for each; without, that many loops call handleRequest(). The
// limit is kept by not listening, so who comes beyond it waits for this process or is taken by another.

import type { Socket } from 'node:net'
import type { Accepting } from './accepting.ts'
import { theHost } from './host.ts'
import { jobLoop } from './job-loop.ts'
import { type Requests, requestsOf } from './requests.ts'
import { ENDING, KIND, OPEN, Worker } from './worker.ts'

const CONCURRENCY = 10
const BACKLOG = 511
/** An answer that its client does not fetch is given up after so long. */
const UNREAD_MS = 2000

/**
 * A slot that leaves gets no more connections: its queue is empty soon. One whose next process is there already would
 * get them for ever: that one takes what is left.
 */
const EMPTYING_MS = 1_000

export class ConcurrentWorker extends Worker {
  static override readonly [KIND]: string = 'concurrent'

  readonly #requests: Requests = requestsOf(this)
  /** Connections that wait for their client to take the last bytes. */
  readonly #ending = new Set<Promise<void>>()
  #accepting: Accepting | null = null
  #broken: (e: Error) => void = () => {}
  readonly #brokenOff = new Promise<never>((_, reject) => {
    this.#broken = reject
  })

  /**
   * One unit of work; with listeners one connection. Its end is the end of the connection: await whatever answers it.
   * A throw is logged and counted; the worker lives.
   */
  override handleRequest(_connection?: Socket): void | Promise<void> {
    return super.handleRequest()
  }

  /** Requests in hand at most. */
  protected get concurrency(): number {
    return theHost()?.concurrency ?? CONCURRENCY
  }

  override async [OPEN](): Promise<void> {
    this.#brokenOff.catch(() => {}) // run() awaits it; before that it must not count as unhandled
    if (this.listeners.length === 0) return
    // Not before: most workers have no listeners, and every file costs time at the start.
    const { acceptUpTo } = await import('./accepting.ts')
    this.#accepting = acceptUpTo({
      listeners: this.listeners,
      limit: this.concurrency,
      backlog: theHost()?.backlog ?? BACKLOG,
      take: (connection) => this.#serve(connection),
      broken: this.#broken,
    })
  }

  override async run(): Promise<void> {
    const accepting = this.#accepting
    if (accepting === null) {
      await Promise.all(Array.from({ length: this.concurrency }, () => jobLoop(this, this.#requests)))
      return
    }
    await Promise.race([this[ENDING], this.#brokenOff])
    const host = theHost()
    if (host?.ownQueues) await accepting.empty(Math.min(EMPTYING_MS, (host.graceMs ?? 0) / 2))
    await accepting.close()
    await Promise.all(this.#ending)
  }

  async #serve(connection: Socket): Promise<void> {
    // Whoever reads or writes it learns of the error; a client that goes away is none of ours.
    connection.on('error', () => {})
    const ended = this.#requests.begin()
    try {
      await this.handleRequest(connection)
      ended(false)
    } catch (err) {
      this.logger.error({ err }, 'handleRequest failed')
      ended(true)
      connection.destroy()
      return
    }
    if (connection.destroyed) return
    const ending = endOf(connection)
    this.#ending.add(ending)
    void ending.then(() => this.#ending.delete(ending))
  }
}

/** Ends it when the client has taken all; what the client still sends is read, lest the answer be reset. */
function endOf(connection: Socket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => connection.destroy(), UNREAD_MS)
    connection.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    connection.resume()
    connection.end()
  })
}
