// Words of HTTP that are written without Node's server: it is loaded when the first client speaks HTTP, and these go
// to clients that are refused before, or whose request cannot be read. Pure.

import type { PhError } from '../errors.ts'
import { refusal } from '../json-rpc.ts'

const reasons = {
  400: 'Bad Request',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Payload Too Large',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
} as const

export type Refused = keyof typeof reasons

/** The last answer on a connection. Its body is the error of JSON-RPC that a client of lines would get. */
export function lastWords(status: Refused, why: PhError): string {
  const body = `${JSON.stringify(refusal(null, why))}\n`
  const head = [
    `HTTP/1.1 ${status} ${reasons[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 503 ? ['Retry-After: 1'] : []),
    'Connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
