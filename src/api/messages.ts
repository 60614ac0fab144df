// What a master may say on one line: an answer, a refusal that names no call, a notice; all else is junk.
// Pure: takes bytes, and never throws.

import type { JSONRPCErrorResponse, JSONRPCResponse } from 'json-rpc-2.0'
import { type Code, codeOfRpc, codes, PhError } from '../errors.ts'
import type { Notice } from './notices.ts'

export type Message =
  | { readonly kind: 'answer'; readonly response: JSONRPCResponse }
  | { readonly kind: 'refusal'; readonly error: PhError }
  | { readonly kind: 'notice'; readonly notice: Notice | null }
  | { readonly kind: 'junk'; readonly why: string }

/** What one line of the master is. The library checks nothing of this, and would throw where nobody catches. */
export function readMessage(line: Buffer): Message {
  const junk = (why: string): Message => ({ kind: 'junk', why: `${why}: ${excerpt(line)}` })
  let value: unknown
  try {
    value = JSON.parse(line.toString('utf8'))
  } catch {
    return junk('what answers there does not speak JSON-RPC') // the parser's own words say less than the line itself
  }
  if (!isRecord(value)) return junk('an answer must be a JSON object')
  if (typeof value.method === 'string') return { kind: 'notice', notice: noticeOf(value) }
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

/** Null for what a later master may tell besides: nobody here asked for it. */
function noticeOf({ method, params }: Record<string, unknown>): Notice | null {
  if (method !== 'event' && method !== 'log') return null
  if (!isRecord(params) || typeof params.subscription !== 'number') return null
  return { method, params } as unknown as Notice
}

function excerpt(line: Buffer): string {
  const text = line.subarray(0, 240).toString('utf8')
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What the master answered, as a PhError. `data.rpc` keeps its number, which may be one that we do not know. */
export function wireError(rpc: number, message: string, data: unknown): PhError {
  const facts = isRecord(data) ? data : data === undefined || data === null ? {} : { detail: data }
  const named = facts.code
  const code = typeof named === 'string' && Object.hasOwn(codes, named) ? (named as Code) : codeOfRpc(rpc)
  return new PhError(code, message, { ...facts, rpc })
}
