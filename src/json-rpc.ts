// JSON-RPC 2.0 texts, as far as its two servers (the control socket, RpcWorker) share it: strict
// parsing with a bound on the depth, the envelope, and the wire's form of an error. Pure: it knows no
// method and no connection.

import { isUtf8 } from 'node:buffer'
import type { JSONRPCErrorResponse } from 'json-rpc-2.0'
import { codes, PhError } from './errors.ts'

export const MAX_DEPTH = 64
/** As JSON.stringify writes half a character; a backslash that stands before `ud800` is itself escaped, so they come in pairs. */
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/

/** Parses strictly; throws PH_PARSE or PH_LIMIT. */
export function parse(text: Buffer): unknown {
  if (!isUtf8(text)) throw new PhError('PH_PARSE', 'cannot parse: the text is not UTF-8')
  if (text.length > MAX_DEPTH && depthOf(text, MAX_DEPTH) > MAX_DEPTH) {
    throw new PhError('PH_LIMIT', `cannot parse: nested deeper than ${MAX_DEPTH}`)
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text.toString('utf8'))
  } catch (e) {
    throw new PhError('PH_PARSE', `cannot parse: ${e instanceof Error ? e.message : 'not JSON'}`)
  }
  // Escapes can still spell half a character, which no name can be.
  if (text.includes('\\u') && LONE_SURROGATE.test(JSON.stringify(parsed))) {
    throw new PhError('PH_PARSE', 'cannot parse: a lone surrogate is no character')
  }
  return parsed
}

/** The deepest nesting of arrays and objects, counted without parsing: a deep text would block the parser. Beyond `most` it may stop. */
export function depthOf(text: Buffer, most = Number.POSITIVE_INFINITY): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]
    if (inString) {
      if (byte === 0x5c) at++
      else if (byte === 0x22) inString = false
    } else if (byte === 0x22) inString = true
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > deepest) deepest = depth
      if (deepest > most) return deepest
    } else if (byte === 0x5d || byte === 0x7d) depth--
  }
  return deepest
}

/** What is wrong with a request object, or null. JSON-RPC 2.0 section 4. */
export function envelopeFault(entry: unknown): string | null {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return 'it is no object'
  const { jsonrpc, method, id, params } = entry as Record<string, unknown>
  if (jsonrpc !== '2.0') return 'jsonrpc must be "2.0"'
  if (typeof method !== 'string') return 'method must be a string'
  if (params !== undefined && (typeof params !== 'object' || params === null)) return 'params must be an object'
  if (id === undefined || id === null || typeof id === 'string' || Number.isFinite(id)) return null
  return 'id must be a string, a number or null'
}

/** The wire's form of a failure. */
export function refusal(id: string | number | null, { code, message, data }: PhError): JSONRPCErrorResponse {
  return { jsonrpc: '2.0', id, error: { code: codes[code].rpc, message, data: { ...data, code } } }
}
