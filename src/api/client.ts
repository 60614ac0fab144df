// The typed client of the socket: one connection, many calls in flight, answers by id.
// Used by phctl and, as `processhandler/client`, by scripts. Every call ends: with the result, with
// the master's own error, or with PH_NO_MASTER when what comes over the line cannot be an answer or
// the line breaks. It never throws outside a promise, and knows nothing of the master's inside.

import { createConnection, type Socket } from 'node:net'
import { JSONRPCClient, JSONRPCErrorException, type JSONRPCErrorResponse, type JSONRPCResponse } from 'json-rpc-2.0'
import { type Code, codeOfRpc, codes, errno, messageOf, PhError } from '../errors.ts'
import type { Method, Params, Result } from './contract.ts'
import { lineSplitter } from './framing.ts'

/** Longest answer taken, in bytes: `status` of 10 000 processes is about 6 MB. */
const MAX_ANSWER = 256 * 1024 * 1024

/** Longest path of a Unix socket on Linux, in bytes: the kernel would cut a longer one silently. */
const MAX_PATH = 107

export interface Client {
  /** Calls a method; rejects with a PhError whose code is the master's, or PH_NO_MASTER when the connection ends first. */
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>
  /** As call, for a method whose name is only known at run time (`phctl call`). `params` is an object or an array. */
  raw(method: string, params: unknown): Promise<unknown>
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>
  close(): void
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
  const why = (no !== null && connectReasons[no]) || e.message
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
  ECONNREFUSED: 'nobody listens on it',
  EAGAIN: 'its queue of connections is full',
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
        return // notifications are not asked for in this version
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
    gone()
  })

  const raw = (method: string, params: unknown): Promise<unknown> => {
    if (socket.destroyed || socket.writableEnded) {
      const why = `cannot call ${method}: the connection to ${path} is closed`
      return Promise.reject(ended ?? new PhError('PH_NO_MASTER', why, { socket: path }))
    }
    return new Promise((resolve, reject) => {
      inFlight.add(reject)
      // The library's type admits objects and arrays only, which is what the contract says of params.
      const done = (): boolean => inFlight.delete(reject)
      rpc.request(method, params as Record<string, unknown>).then(
        (result) => done() && resolve(result),
        (e: unknown) => done() && reject(callError(e)),
      )
    })
  }
  return {
    raw,
    call: <M extends Method>(method: M, params: Params<M>) => raw(method, params) as Promise<Result<M>>,
    closed,
    close: () => socket.end(),
  }
}

type Message =
  | { readonly kind: 'answer'; readonly response: JSONRPCResponse }
  | { readonly kind: 'refusal'; readonly error: PhError }
  | { readonly kind: 'notice' }
  | { readonly kind: 'junk'; readonly why: string }

/** What one line of the master is. The library checks nothing of this, and would throw where nobody catches. */
function readMessage(line: Buffer): Message {
  const junk = (why: string): Message => ({ kind: 'junk', why: `${why}: ${excerpt(line)}` })
  let value: unknown
  try {
    value = JSON.parse(line.toString('utf8'))
  } catch {
    return junk('what answers there does not speak JSON-RPC') // the parser's own words say less than the line itself
  }
  if (!isRecord(value)) return junk('an answer must be a JSON object')
  if (typeof value.method === 'string') return { kind: 'notice' }
  const { id, error } = value
  if (error !== undefined && error !== null) {
    if (!isRecord(error) || typeof error.code !== 'number' || typeof error.message !== 'string') {
      return junk('an error without code and message came')
    }
    if (id === null || id === undefined) {
      return { kind: 'refusal', error: wireError(error.code, error.message, error.data) }
    }
  } else if (!('result' in value)) {
    return junk('an answer with neither result nor error came')
  }
  if (typeof id !== 'number') return junk('an answer to no call of ours came')
  // Rebuilt, because the library refuses an answer that has a `result` of null beside its error.
  return {
    kind: 'answer',
    response: isRecord(error)
      ? { jsonrpc: '2.0', id, error: error as unknown as JSONRPCErrorResponse['error'] }
      : { jsonrpc: '2.0', id, result: value.result },
  }
}

function excerpt(line: Buffer): string {
  const text = line.subarray(0, 240).toString('utf8')
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function callError(e: unknown): PhError {
  if (e instanceof JSONRPCErrorException) return wireError(e.code, e.message, e.data)
  return new PhError('PH_NO_MASTER', messageOf(e), {}, { cause: e })
}

/** What the master answered, as a PhError. `data.rpc` keeps its number, which may be one that we do not know. */
function wireError(rpc: number, message: string, data: unknown): PhError {
  const facts = isRecord(data) ? data : data === undefined || data === null ? {} : { detail: data }
  const named = facts.code
  const code = typeof named === 'string' && Object.hasOwn(codes, named) ? (named as Code) : codeOfRpc(rpc)
  return new PhError(code, message, { ...facts, rpc })
}
