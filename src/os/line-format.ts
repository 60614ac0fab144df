// Lines as log_format wants them. Pure: bytes in, bytes out. This runs for every line that a program
// prints, so it copies bytes and makes no string where none is needed.

import { isAscii } from 'node:buffer'
import type { Missing } from '../core/record.ts'

export interface LineFacts {
  readonly format: 'prefix' | 'json'
  /** `web:0` */
  readonly name: string
  readonly label: 'stdout' | 'stderr'
  /** Wall clock, Unix ms, of the moment at which they were read. */
  readonly time: number
}

const LF = 0x0a

/**
 * prefix: `2026-11-24T11:40:00.123Z web:0 stdout text`; a part of a line that goes on in the next one has
 * `stdout+`. Bytes are kept as they are.
 * json: `{"time","name","stream","text"}`, such a part with `"more": true`; text is UTF-8, and what is
 * not becomes U+FFFD.
 * @returns bytes that are good until the next call
 */
export function formatLines(bytes: Buffer, facts: LineFacts): Buffer {
  return facts.format === 'prefix' ? prefixed(bytes, facts) : asJson(bytes, facts)
}

/** Says in the log, in its own format, what is missing there. json: with `"dropped": {lines, bytes, from, to, error}`. */
export function noteLine(
  missing: Omit<Missing, 'cut'>,
  facts: Omit<LineFacts, 'format'> & { format: LineFacts['format'] | 'raw' },
): Buffer {
  const { name, label: stream, format } = facts
  const { lines, bytes, error } = missing
  const [time, from, to] = [facts.time, missing.from, missing.to].map((ms) => new Date(ms).toISOString())
  const what = `${lines} ${lines === 1 ? 'line' : 'lines'} (${bytes} bytes) of ${name} ${stream}`
  const text = `phd: ${what} ${lines === 1 ? 'was' : 'were'} dropped here from ${from} to ${to}: ${error.replaceAll('\n', ' ')}`
  switch (format) {
    case 'raw':
      return Buffer.from(`${text}\n`)
    case 'prefix':
      return Buffer.from(`${time} ${name} ${stream} ${text}\n`)
    case 'json':
      return Buffer.from(
        `${JSON.stringify({ time, name, stream, text, dropped: { lines, bytes, from, to, error } })}\n`,
      )
    default:
      return format satisfies never
  }
}

let room = Buffer.allocUnsafe(0)

function roomFor(size: number): Buffer {
  if (room.length < size) room = Buffer.allocUnsafe(size)
  return room
}

function countLines(bytes: Buffer): number {
  let count = 1
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++
  return count
}

function prefixed(bytes: Buffer, { name, label, time }: LineFacts): Buffer {
  const stamp = new Date(time).toISOString()
  const head = Buffer.from(`${stamp} ${name} ${label} `)
  const out = roomFor(bytes.length + countLines(bytes) * (head.length + 2))
  let to = 0
  for (let from = 0; from < bytes.length; ) {
    const at = bytes.indexOf(LF, from)
    if (at < 0) {
      to += out.write(`${stamp} ${name} ${label}+ `, to)
      to += bytes.copy(out, to, from)
      out[to++] = LF
      break
    }
    to += head.copy(out, to)
    to += bytes.copy(out, to, from, at + 1)
    from = at + 1
  }
  return out.subarray(0, to)
}

function asJson(bytes: Buffer, { name, label, time }: LineFacts): Buffer {
  const head = Buffer.from(
    `{"time":"${new Date(time).toISOString()}","name":${JSON.stringify(name)},"stream":"${label}","text":"`,
  )
  // An escape takes at most six bytes for one.
  const out = roomFor(bytes.length * 6 + countLines(bytes) * (head.length + 20))
  const allPlain = isPlain(bytes)
  let to = 0
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(LF, from)
    const end = found < 0 ? bytes.length : found
    out.set(head, to)
    to += head.length
    if (allPlain || isPlainLine(bytes, from, end)) {
      out.set(bytes.subarray(from, end), to)
      to += end - from
    } else to += out.write(JSON.stringify(bytes.toString('utf8', from, end)).slice(1, -1), to)
    to += out.write(found < 0 ? '","more":true}\n' : '"}\n', to, 'latin1')
    from = end + 1
  }
  return out.subarray(0, to)
}

/** Bytes that JSON writes otherwise than they are; a newline ends a line and is none of them. */
const ESCAPED = [...Array(0x20).keys(), 0x22, 0x5c].filter((byte) => byte !== LF)

/** 1 = cannot stand in a JSON string as it is, or is no ASCII. */
const special = Uint8Array.from({ length: 256 }, (_none, byte) => Number(byte >= 0x80 || ESCAPED.includes(byte)))

/** All lines at once: a search for one byte is so fast that three dozen of them cost less than one loop of ours. */
const isPlain = (bytes: Buffer): boolean => isAscii(bytes) && !ESCAPED.some((byte) => bytes.includes(byte))

function isPlainLine(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (special[bytes[at] ?? 0] === 1) return false
  return true
}
