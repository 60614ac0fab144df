// The typed client of the socket: one connection, many calls in flight, answers by id.
// Used by phctl and, as `processhandler/client`, by scripts. Every call ends: with the result, with
// the master's own error, or with PH_NO_MASTER when what comes over the line cannot be an answer or
// the line breaks. It never throws outside a promise, and knows nothing of the master's inside.

import { statSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { JSONRPCClient, JSONRPCErrorException } from 'json-rpc-2.0'
import { errno, messageOf, PhError } from '../errors.ts'
import type { Method, Params, Result } from './contract.ts'
import { lineSplitter } from './framing.ts'
import { readMessage, wireError } from './messages.ts'
import { type EventStream, type LogStream, type Notice, streamsOn } from './notices.ts'

export type { EventStream, LogStream, Missed, Notice } from './notices.ts'

/** Longest answer taken, in bytes: `status` of 10 000 processes is about 6 MB. */
const MAX_ANSWER = 256 * 1024 * 1024

/** Events and lines that wait for their reader; beyond, the socket is not read until they are taken, or a call is to be answered. */
const MAX_WAITING = 1000

/** Longest path of a Unix socket on Linux, in bytes: the kernel would cut a longer one silently. */
const MAX_PATH = 107

export interface Client {
  /** Calls a method; rejects with a PhError whose code is the master's, or PH_NO_MASTER when the connection ends first. */
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>
  /** As call, for a method whose name is only known at run time (`phctl call`). `params` is an object or an array. */
  raw(method: string, params: unknown): Promise<unknown>
  /** What happens from now on, or after `since`. The call is made at once. */
  events(params: Params<'events'>): EventStream
  /** The last lines, and with `follow` those that come. The call is made at once. */
  logs(params: Params<'logs'>): LogStream
  /** Every notification, as it comes; `hear` must not throw. Returns what ends it. */
  onNotice(hear: (notice: Notice) => void): () => void
  /** A call can be made. */
  readonly isOpen: boolean
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>
  /** What is owed comes first. */
  close(): void
  /** At once: calls that are under way are rejected. */
  drop(): void
}

/**
 * Connects to the control socket at `path`.
 * Rejects with PH_NO_MASTER when nobody listens there, PH_DENIED when the file's mode forbids it.
 */
export function connect(path: string): Promise<Client> {
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_PATH) {
    const why = `the path has ${bytes} bytes, a Unix socket's has at most ${MAX_PATH}`
    return Promise.reject(
      new PhError('PH_NO_MASTER', `cannot reach a master at ${path}: ${why}`, { socket: path, reason: why }),
    )
  }
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    const refused = (e: Error): void => reject(connectError(path, e))
    socket.once('error', refused)
    socket.once('connect', () => {
      const client = clientOn(socket, path)
      socket.off('error', refused)
      resolve(client)
    })
  })
}

function connectError(path: string, e: Error): PhError {
  const no = errno(e)
  if (no === 'EACCES' || no === 'EPERM') {
    return new PhError('PH_DENIED', `cannot connect to ${path}: permission denied`, { socket: path }, { cause: e })
  }
  const why = (no !== null && connectReasons[no === 'ECONNREFUSED' && !isSocket(path) ? 'ENOTSOCK' : no]) || e.message
  return new PhError(
    'PH_NO_MASTER',
    `cannot reach a master at ${path}: ${why}`,
    { socket: path, reason: why },
    { cause: e },
  )
}

const connectReasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ENOTDIR: 'there is no such socket',
  ECONNREFUSED: 'nobody listens on it (a master that died leaves its socket)',
  ENOTSOCK: 'it is no socket',
  EAGAIN: 'its queue of connections is full',
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true
}

function clientOn(socket: Socket, path: string): Client {
  const inFlight = new Set<(e: PhError) => void>()
  /** Why the line is of no use any more; or the last refusal that named no call, as long as nothing good came after it. */
  let ended: PhError | null = null
  let gone = (): void => {}
  const closed = new Promise<void>((done) => {
    gone = done
  })
  const rpc = new JSONRPCClient<void>((request) => {
    socket.write(`${JSON.stringify(request)}\n`)
  })
  const hearers = new Set<(notice: Notice) => void>()
  /** The master feels that somebody reads slowly; but an answer must not wait behind notices that nobody takes. */
  const pace = (): void => {
    if (streams.waiting > MAX_WAITING && inFlight.size === 0) socket.pause()
    else if (socket.isPaused()) socket.resume()
  }
  const streams = streamsOn({
    call: (method, params) => raw(method, params),
    unsubscribe: (subscription) => void raw('unsubscribe', { subscription }).catch(() => {}), // it ends with the connection anyway
    changed: pace,
  })

  const failAll = (e: PhError): void => {
    ended = e
    for (const reject of inFlight) reject(e)
    inFlight.clear()
    rpc.rejectAllPendingRequests(e.message) // frees what the library keeps; its rejections come too late to matter
  }
  const breakOff = (why: string): void => {
    failAll(new PhError('PH_NO_MASTER', `cannot go on with ${path}: ${why}`, { socket: path, reason: why }))
    socket.destroy()
  }
  const receive = (line: Buffer): void => {
    const message = readMessage(line)
    switch (message.kind) {
      case 'answer':
        ended = null
        rpc.receive(message.response)
        return
      case 'refusal':
        // An error without an id belongs to no call we could name. To leave all of them waiting would be worse.
        failAll(message.error)
        return
      case 'notice':
        if (message.notice === null) return
        streams.take(message.notice)
        for (const hear of hearers) hear(message.notice)
        return
      case 'junk':
        breakOff(message.why)
    }
  }

  const lines = lineSplitter(
    MAX_ANSWER,
    (line) => {
      if (line.length > 0 && !socket.destroyed) receive(line)
    },
    () => breakOff(`an answer of more than ${MAX_ANSWER} bytes came`),
  )
  socket.on('data', (chunk) => lines.push(chunk as Buffer))
  socket.on('error', (e) => breakOff(`the connection broke (${errno(e) ?? e.message})`))
  socket.on('close', () => {
    if (ended === null || inFlight.size > 0) breakOff('the connection was closed')
    streams.end()
    gone()
  })

  const isOpen = (): boolean => !socket.destroyed && !socket.writableEnded
  const raw = (method: string, params: unknown): Promise<unknown> => {
    if (!isOpen()) {
      const why = `cannot call ${method}: the connection to ${path} is closed`
      return Promise.reject(ended ?? new PhError('PH_NO_MASTER', why, { socket: path }))
    }
    return new Promise((resolve, reject) => {
      inFlight.add(reject)
      pace()
      // The library's type admits objects and arrays only, which is what the contract says of params.
      const done = (): boolean => {
        const first = inFlight.delete(reject)
        pace()
        return first
      }
      rpc.request(method, params as Record<string, unknown>).then(
        (result) => done() && resolve(result),
        (e: unknown) => done() && reject(callError(e)),
      )
    })
  }
  return {
    raw,
    call: <M extends Method>(method: M, params: Params<M>) => raw(method, params) as Promise<Result<M>>,
    events: (params) => streams.events(params),
    logs: (params) => streams.logs(params),
    onNotice(hear) {
      hearers.add(hear)
      return () => hearers.delete(hear)
    },
    get isOpen() {
      return isOpen()
    },
    closed,
    close() {
      socket.end()
      if (socket.isPaused()) socket.resume() // else its end would never be read
    },
    drop: () => breakOff('this client was closed'),
  }
}

function callError(e: unknown): PhError {
  if (e instanceof JSONRPCErrorException) return wireError(e.code, e.message, e.data)
  return new PhError('PH_NO_MASTER', messageOf(e), {}, { cause: e })
}
