// The typed client of the socket: one connection, many calls in flight, answers by id.
// Used by phctl and, as `processhandler/client`, by scripts. Knows nothing of the master's inside.

import { createConnection, type Socket } from 'node:net'
import { JSONRPCClient, JSONRPCErrorException, type JSONRPCResponse, type TypedJSONRPCClient } from 'json-rpc-2.0'
import { type Code, codeOfRpc, codes, errno, PhError } from '../errors.ts'
import type { Method, Methods, Params, Result } from './contract.ts'
import { lineSplitter } from './framing.ts'

/** Longest answer taken, in bytes: `status` of 10 000 processes is about 6 MB. */
const MAX_ANSWER = 256 * 1024 * 1024

type Calls = { [M in Method]: (params: Params<M>) => Result<M> }

export interface Client {
  /** Calls a method; rejects with a PhError whose code is the master's, or PH_NO_MASTER when the connection ends first. */
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>
  /** As call, for a method whose name is only known at run time (`phctl call`). */
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
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.once('error', (e) => reject(connectError(path, e)))
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(clientOn(socket, path))
    })
  })
}

function connectError(path: string, e: Error): PhError {
  if (errno(e) === 'EACCES' || errno(e) === 'EPERM') {
    return new PhError('PH_DENIED', `cannot connect to ${path}: permission denied`, {}, { cause: e })
  }
  const why =
    errno(e) === 'ENOENT' ? 'there is no such socket' : errno(e) === 'ECONNREFUSED' ? 'nobody listens on it' : e.message
  return new PhError('PH_NO_MASTER', `cannot reach a master at ${path}: ${why}`, { socket: path }, { cause: e })
}

function clientOn(socket: Socket, path: string): Client {
  const rpc: TypedJSONRPCClient<Calls> = new JSONRPCClient<void>((request) => {
    socket.write(`${JSON.stringify(request)}\n`)
  })
  let gone = (): void => {}
  const closed = new Promise<void>((done) => {
    gone = done
  })
  const lines = lineSplitter(
    MAX_ANSWER,
    (line) => {
      if (line.length > 0) rpc.receive(JSON.parse(line.toString('utf8')) as JSONRPCResponse)
    },
    () => socket.destroy(new Error(`an answer of more than ${MAX_ANSWER} bytes`)),
  )
  socket.on('data', (chunk) => lines.push(chunk as Buffer))
  socket.on('error', (e) => rpc.rejectAllPendingRequests(e.message))
  socket.on('close', () => {
    rpc.rejectAllPendingRequests(`cannot go on: the master closed ${path}`)
    gone()
  })
  const raw = async (method: string, params: unknown): Promise<unknown> => {
    if (socket.destroyed)
      throw new PhError('PH_NO_MASTER', `cannot call ${method}: the connection to ${path} is closed`)
    try {
      return await (rpc as unknown as JSONRPCClient).request(method, params as Params<Method>)
    } catch (e) {
      throw callError(e)
    }
  }
  return {
    raw,
    call: (method, params) => raw(method, params) as Promise<Methods[typeof method]['result']>,
    closed,
    close: () => socket.end(),
  }
}

/** What the master answered, as a PhError; anything else means that the line is gone. */
function callError(e: unknown): PhError {
  if (e instanceof JSONRPCErrorException) {
    const data = (e.data ?? {}) as Record<string, unknown>
    const named = data.code
    const code = typeof named === 'string' && named in codes ? (named as Code) : codeOfRpc(e.code)
    return new PhError(code, e.message, { ...data, rpc: e.code })
  }
  return new PhError('PH_NO_MASTER', e instanceof Error ? e.message : String(e), {}, { cause: e })
}
