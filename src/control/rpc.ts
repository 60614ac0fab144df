// JSON-RPC 2.0 on whole texts: from the bytes of one line to the bytes of its answer. The package
// json-rpc-2.0 dispatches; what it leaves open is done here and in json-rpc.ts: strict parsing, the
// envelope, batches entry by entry, and errors with the codes of errors.ts.
// A caller never sees a stack, and junk never ends the connection.

import { type JSONRPCErrorResponse, type JSONRPCRequest, type JSONRPCResponse, JSONRPCServer } from 'json-rpc-2.0'
import type * as z from 'zod'
import type { Method } from '../api/contract.ts'
import { nearestOf } from '../config/near.ts'
import { PhError } from '../errors.ts'
import { envelopeFault, parse, refusal } from '../json-rpc.ts'
import type { Peer, Role } from './access.ts'
import { issuesOf } from './issues.ts'
import type { List } from './sender.ts'
import type { Session } from './session.ts'

const MAX_BATCH = 1000
/** An answer of logs may be several MB, and those of a batch are held until all are there. */
const MAX_BATCH_LOGS = 8
/** Who calls, as the kernel noted it when the connection was made. */
export interface Caller extends Peer {
  readonly role: Role
  /** Where its subscriptions live. */
  readonly session: Session
}

export interface RpcOptions {
  readonly handlers: { readonly [name: string]: (params: never, caller: Caller) => unknown }
  readonly schemas: { readonly [name: string]: z.ZodType }
  /** Told before a method that changes something runs, or is refused to this caller. */
  audit(method: string, params: unknown, caller: Caller, denied: boolean): void
  /** Told of each answer; `method` is one of the handlers, or null. */
  answered?(method: string | null, ok: boolean): void
  /** A handler failed in a way that is our fault: the caller gets -32603 and no details. */
  failed(method: string, error: unknown): void
}

/** How the calls of a batch are begun, and where their answers go. */
export interface Lane {
  /** Begins each of these in its order, when their turn has come. None of them rejects. */
  later(works: readonly (() => Promise<void>)[]): void
  list(): List
}

export interface Rpc {
  /** The answer to one JSON text, or null when none is owed (notifications), or it has been sent in parts. Never rejects. */
  answer(text: Buffer, caller: Caller, lane: Lane): Promise<string | null>
}

/** Methods that only look. All others are audited. */
const looking = new Set<string>([
  'ping',
  'info',
  'status',
  'graph',
  'wait',
  'show',
  'reread',
  'logs',
  'events',
  'unsubscribe',
  'rpc.discover',
])

export function rpcServer({ handlers, schemas, audit, answered, failed }: RpcOptions): Rpc {
  const server = new JSONRPCServer<Caller>({ errorListener: () => undefined })
  server.mapErrorToJSONRPCErrorResponse = (id, error: unknown) => errorResponse(id ?? null, error)
  for (const name of Object.keys(handlers)) {
    const handler = handlers[name] as (params: unknown, caller: Caller) => unknown
    const schema = schemas[name] as z.ZodType
    server.addMethod(name, async (params, caller) => {
      // What it asked to be changed is changed all the same; what it only wanted to see nobody would read.
      if (looking.has(name) && caller.session.isOver) return null
      const checked = checkParams(name, schema, params)
      if (!looking.has(name)) {
        const denied = caller.role !== 'change'
        audit(name, checked, caller, denied)
        if (denied)
          throw new PhError(
            'PH_DENIED',
            caller.from === undefined
              ? `cannot ${name}: user ${caller.uid} may only look (who may change things: allow in [master])`
              : `cannot ${name}: the web page may only look (may it change things: web_control in [master])`,
          )
      }
      try {
        return await handler(checked, caller)
      } catch (e) {
        if (!(e instanceof PhError)) failed(name, e)
        throw e
      }
    })
  }
  server.handleMethodNotFound = async ({ id, method }: JSONRPCRequest) =>
    id === undefined ? null : errorResponse(id, unknownMethod(method, Object.keys(handlers)))

  const count = (entry: unknown, ok: boolean): void => {
    const method = (entry as { method?: unknown } | null)?.method
    answered?.(typeof method === 'string' && Object.hasOwn(handlers, method) ? method : null, ok)
  }
  const one = async (entry: unknown, caller: Caller): Promise<string | null> => {
    try {
      const fault = envelopeFault(entry)
      if (fault !== null) throw new PhError('PH_INVALID', `invalid request: ${fault}`)
      const response: JSONRPCResponse | null = await server.receive(entry as JSONRPCRequest, caller)
      count(entry, response?.error === undefined)
      return response && JSON.stringify(response)
    } catch (e) {
      count(entry, false)
      if (!(e instanceof PhError)) failed('(none)', e) // what a handler gave is no JSON
      return JSON.stringify(errorResponse(null, e))
    }
  }

  return {
    async answer(text, caller, { later, list }) {
      let parsed: unknown
      try {
        parsed = parse(text)
      } catch (e) {
        return JSON.stringify(errorResponse(null, e))
      }
      if (!Array.isArray(parsed)) return one(parsed, caller)
      const refusal = batchFault(parsed)
      if (refusal) return JSON.stringify(errorResponse(null, refusal))
      const answers = list()
      await inTurns(parsed, later, async (entry, at) => {
        const answer = await one(entry, caller)
        if (answer !== null) answers.add(at, answer)
      })
      return answers.end()
    },
  }
}

/** Resolves when all have been answered. */
function inTurns(
  entries: readonly unknown[],
  later: Lane['later'],
  answer: (entry: unknown, at: number) => Promise<void>,
): Promise<void> {
  return new Promise((done) => {
    let owed = entries.length
    const over = (): void => {
      if (--owed === 0) done()
    }
    later(entries.map((entry, at) => () => answer(entry, at).then(over)))
  })
}

function batchFault(batch: readonly unknown[]): PhError | null {
  if (batch.length === 0) return new PhError('PH_INVALID', 'invalid request: an empty batch')
  const heavy = batch.filter((entry) => (entry as { method?: unknown } | null)?.method === 'logs').length
  if (heavy > MAX_BATCH_LOGS) {
    return new PhError('PH_LIMIT', `cannot take ${heavy} calls of logs in a batch: at most ${MAX_BATCH_LOGS}`)
  }
  if (batch.length <= MAX_BATCH) return null
  return new PhError('PH_LIMIT', `cannot take a batch of ${batch.length}: at most ${MAX_BATCH} calls`)
}

function checkParams(method: string, schema: z.ZodType, params: unknown): unknown {
  if (Array.isArray(params)) {
    throw new PhError('PH_PARAMS', `cannot call ${method}: wanted params by name, as {"target":"web"}, came a list`)
  }
  const result = schema.safeParse(params ?? {})
  if (result.success) return result.data
  const issues = issuesOf(result.error, params ?? {}, namesOf(schema))
  const words = issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ')
  throw new PhError('PH_PARAMS', `cannot call ${method}: ${words}`, { issues })
}

const namesOf = (schema: z.ZodType): readonly string[] =>
  'shape' in schema ? Object.keys(schema.shape as Readonly<Record<string, unknown>>) : []

function unknownMethod(method: string, known: readonly string[]): PhError {
  const word = method.slice(0, 100)
  const nearest = nearestOf(word, known)
  const hint = nearest === null ? '; rpc.discover tells of all there are' : `; did you mean "${nearest}"?`
  return new PhError('PH_METHOD', `cannot call "${word}": there is no such method${hint}`, {
    known: known as Method[],
    nearest,
  })
}

/** The wire's form of any failure; what is not a PhError is ours to know and not the caller's. */
export function errorResponse(id: string | number | null, error: unknown): JSONRPCErrorResponse {
  const known =
    error instanceof PhError ? error : new PhError('PH_INTERNAL', 'internal error; the log of the master says more')
  return refusal(id, known)
}
