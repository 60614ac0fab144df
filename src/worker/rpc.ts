// JSON-RPC 2.0 for the methods of a worker: from the bytes of a line to the bytes of its answer. Which
// methods there are is decided here, once, from the class; a caller never sees a stack, nor the message
// of an error that was not meant for it. Loaded when a worker serves: most workers are of another kind.

import { type JSONRPCErrorResponse, type JSONRPCRequest, type JSONRPCResponse, JSONRPCServer } from 'json-rpc-2.0'
import { PhError } from '../errors.ts'
import { envelopeFault, parse, refusal } from '../json-rpc.ts'
import type { Requests } from './requests.ts'
import { RpcError } from './rpc-error.ts'
import { KIND } from './worker.ts'

const MAX_BATCH = 1000

type Method = (...params: unknown[]) => unknown

/** Methods that callers may call: those of the user's classes, but for what the SDK or Object have, too, and names with `_`. */
export function publicMethods(worker: object): Map<string, Method> {
  const methods = new Map<string, Method>()
  let owner = Object.getPrototypeOf(worker) as object | null
  const users: object[] = []
  while (owner !== null && !Object.hasOwn(owner.constructor, KIND)) {
    users.push(owner)
    owner = Object.getPrototypeOf(owner) as object | null
  }
  const sdk = owner ?? Object.prototype
  for (const each of users.reverse()) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(each))) {
      if (name.startsWith('_') || name in sdk) continue
      if (typeof value === 'function') methods.set(name, (value as Method).bind(worker))
      else methods.delete(name)
    }
  }
  return methods
}

export interface RpcOptions {
  readonly methods: ReadonlyMap<string, Method>
  readonly requests: Requests
  /** A method threw what is not meant for the caller. */
  failed(method: string, err: unknown): void
}

/** The answer to one JSON text, or null when none is owed (notifications). */
export function rpcAnswers({ methods, requests, failed }: RpcOptions): (text: Buffer) => Promise<string | null> {
  const server = new JSONRPCServer({ errorListener: () => undefined })
  server.mapErrorToJSONRPCErrorResponse = (id, error: unknown) => errorResponse(id ?? null, error)
  server.handleMethodNotFound = async ({ id, method }: JSONRPCRequest) =>
    id === undefined
      ? null
      : refusal(id, new PhError('PH_METHOD', `no such method: ${JSON.stringify(method.slice(0, 100))}`))
  for (const [name, method] of methods) {
    server.addMethod(name, async (params: unknown) => {
      const ended = requests.begin()
      try {
        const result = await (Array.isArray(params) ? method(...(params as unknown[])) : method(...given(params)))
        ended(false)
        return result
      } catch (err) {
        ended(true)
        if (!(err instanceof RpcError)) failed(name, err)
        throw err
      }
    })
  }

  const one = (entry: unknown): PromiseLike<JSONRPCResponse | null> => {
    const fault = envelopeFault(entry)
    if (fault === null) return server.receive(entry as JSONRPCRequest)
    return Promise.resolve(refusal(null, new PhError('PH_INVALID', `invalid request: ${fault}`)))
  }

  return async (text) => {
    let parsed: unknown
    try {
      parsed = parse(text)
    } catch (e) {
      return JSON.stringify(errorResponse(null, e))
    }
    if (!Array.isArray(parsed)) {
      const response = await one(parsed)
      return response && written(response, failed)
    }
    const refused = batchFault(parsed)
    if (refused) return JSON.stringify(refusal(null, refused))
    const owed = (await Promise.all(parsed.map(one))).filter((response) => response !== null)
    return owed.length > 0 ? `[${owed.map((response) => written(response, failed)).join(',')}]` : null
  }
}

/** What a caller is told before its connection is ended. */
export const tooLong = (bytes: number): string =>
  JSON.stringify(refusal(null, new PhError('PH_LIMIT', `cannot take a call of more than ${bytes} bytes`)))

const given = (params: unknown): unknown[] => (params === undefined ? [] : [params])

function batchFault(batch: readonly unknown[]): PhError | null {
  if (batch.length === 0) return new PhError('PH_INVALID', 'invalid request: an empty batch')
  if (batch.length <= MAX_BATCH) return null
  return new PhError('PH_LIMIT', `cannot take a batch of ${batch.length}: at most ${MAX_BATCH} calls`)
}

/** A result may be what JSON cannot say: a circle, a BigInt. */
function written(response: JSONRPCResponse, failed: RpcOptions['failed']): string {
  try {
    return JSON.stringify(response)
  } catch (err) {
    failed('an answer', err)
    return JSON.stringify(errorResponse(response.id, err))
  }
}

function errorResponse(id: string | number | null, error: unknown): JSONRPCErrorResponse {
  if (error instanceof RpcError) {
    const { code, message, data } = error
    return { jsonrpc: '2.0', id, error: data === undefined ? { code, message } : { code, message, data } }
  }
  return refusal(id, error instanceof PhError ? error : new PhError('PH_INTERNAL', 'internal error'))
}
