// The worker whose methods are called by JSON-RPC 2.0 over its listeners, TCP and Unix alike: one JSON
// text a line, both ways, many calls in flight on a connection, batches, notifications. Each connection
// costs bounded memory. Told to stop it answers every call that it has begun, and begins none on a
// connection that it has ended: a caller that gets no answer may ask the next process.

import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainTimes } from './draining.ts'
import { theHost } from './host.ts'
import { byteLines } from './lines.ts'
import { type Requests, requestsOf } from './requests.ts'
import { ENDING, KIND, OPEN, Worker } from './worker.ts'

const BACKLOG = 511
/** Bytes of one call. */
const MAX_MESSAGE = 1024 * 1024
/** Calls of one connection that are being answered; beyond, nothing more is read from it for a while. */
const MAX_OWED = 64
/** Answers that wait for their caller to read; beyond, nothing more is read from it for a while. */
const MAX_UNREAD = 1024 * 1024

interface Connection {
  readonly socket: Socket
  /** Calls that are being answered. */
  owed: number
  /** It will begin no call any more. */
  ended: boolean
}

export class RpcWorker extends Worker {
  static override readonly [KIND]: string = 'rpc'

  readonly #requests: Requests = requestsOf(this)
  readonly #connections = new Set<Connection>()
  #servers: readonly Server[] = []
  #answer: (text: Buffer) => Promise<string | null> = async () => null
  #tooLong = ''
  #draining = false
  #times: DrainTimes = { lastCallsMs: 0, cutMs: 0 }
  #broken: (e: Error) => void = () => {}
  readonly #brokenOff = new Promise<never>((_, reject) => {
    this.#broken = reject
  })

  override async [OPEN](): Promise<void> {
    this.#brokenOff.catch(() => {}) // run() awaits it; before that it must not count as unhandled
    if (this.listeners.length === 0) {
      throw new Error('cannot serve JSON-RPC: the section has neither bind nor unix_socket')
    }
    // Not before: most workers are of another kind, and every file costs time at the start.
    const [{ publicMethods, rpcAnswers, tooLong }, { drainTimes }] = await Promise.all([
      import('./rpc.ts'),
      import('./draining.ts'),
    ])
    this.#times = drainTimes()
    const methods = publicMethods(this)
    if (methods.size === 0) throw new Error(`cannot serve JSON-RPC: class ${this.constructor.name} has no methods`)
    this.#answer = rpcAnswers({
      methods,
      requests: this.#requests,
      failed: (method, err) => this.logger.error({ err, method }, 'a method failed'),
    })
    this.#tooLong = tooLong(MAX_MESSAGE)
    const backlog = theHost()?.backlog ?? BACKLOG
    this.#servers = this.listeners.map(({ fd }) => {
      const server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket))
      server.on('error', this.#broken)
      return server.listen({ fd, backlog })
    })
  }

  override async run(): Promise<void> {
    await Promise.race([this[ENDING], this.#brokenOff])
    const { lastCallsMs, cutMs } = this.#times
    let open = this.#servers.length
    const closed = new Promise<void>((resolve) => {
      for (const server of this.#servers) server.close(() => --open === 0 && resolve())
    })
    this.#draining = true
    await Promise.race([closed, sleep(lastCallsMs)])
    for (const connection of this.#connections) if (connection.owed === 0) end(connection)
    await Promise.race([closed, sleep(cutMs - lastCallsMs)])
    if (this.#requests.inFlight > 0) {
      this.logger.warn({ requests: this.#requests.inFlight }, 'cut calls that took longer than graceful_timeout')
    }
    for (const { socket } of this.#connections) socket.destroy()
  }

  #serve(socket: Socket): void {
    const connection: Connection = { socket, owed: 0, ended: false }
    this.#connections.add(connection)
    /** Calls that were read, and not yet begun. */
    let waiting: Buffer[] = []
    const isFull = (): boolean => connection.owed >= MAX_OWED || socket.writableLength > MAX_UNREAD
    const goOn = (): void => {
      while (waiting.length > 0 && !isFull() && !connection.ended) begin(waiting.shift() as Buffer)
      if (isFull() && !connection.ended) socket.pause()
      else if (socket.isPaused()) socket.resume()
      if (connection.owed + waiting.length === 0 && (this.#draining || socket.readableEnded)) end(connection)
    }
    const begin = (line: Buffer): void => {
      connection.owed++
      void this.#answer(line).then((answer) => {
        connection.owed--
        if (answer !== null && !socket.destroyed) socket.write(`${answer}\n`)
        goOn()
      })
    }
    const lines = byteLines(
      MAX_MESSAGE,
      (line) => {
        if (line.length > 0 && !connection.ended) waiting.push(line)
      },
      () => {
        waiting = []
        socket.write(`${this.#tooLong}\n`)
        end(connection)
      },
    )
    socket.on('data', (chunk: Buffer) => {
      lines(chunk)
      goOn()
    })
    socket.on('drain', goOn)
    // `printf ... | nc` says at once that it will write no more, and still wants its answers.
    socket.on('end', goOn)
    // 'close' follows.
    socket.on('error', () => {})
    socket.on('close', () => this.#connections.delete(connection))
  }
}

/** What still comes in is read and dropped: a close over unread bytes would take the last answer with it. */
function end(connection: Connection): void {
  if (connection.ended) return
  connection.ended = true
  connection.socket.end()
  connection.socket.resume()
}
