// What a worker said, checked field by field: it is another process, whatever code runs in it, and may
// be of an older version. Pure.

import type { FromWorker, Latency } from '../worker/protocol.ts'

/** A message of a worker; null when it is none. */
export function messageFrom(text: string): FromWorker | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Said by the caller, with the text.
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const {
    type,
    token,
    pid,
    message,
    requests,
    errors,
    inFlight = null,
    latency,
  } = value as Readonly<Record<string, unknown>>
  switch (type) {
    case 'hello':
      return typeof token === 'string' && isCount(pid) ? { type, token, pid } : null
    case 'ready':
      return { type }
    case 'bootFailed':
      return typeof message === 'string' ? { type, message: message.replaceAll(/\s+/g, ' ') } : null
    case 'beat':
      if (!isCount(requests) || !isCount(errors) || (inFlight !== null && !isCount(inFlight))) return null
      return { type, requests, errors, inFlight, latency: latencyFrom(latency) }
    case 'recycle':
      return isCount(requests) ? { type, requests } : null
    default:
      return null
  }
}

function latencyFrom(value: unknown): Latency | null {
  if (typeof value !== 'object' || value === null) return null
  const { p50Ms, p95Ms, p99Ms } = value as Readonly<Record<string, unknown>>
  return isTime(p50Ms) && isTime(p95Ms) && isTime(p99Ms) ? { p50Ms, p95Ms, p99Ms } : null
}

const isTime = (value: unknown): value is number => Number.isFinite(value) && (value as number) >= 0

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
