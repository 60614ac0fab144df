// Lines as log_format wants them. Pure: bytes in, bytes out. This runs for every line that a program
// prints, so it copies bytes and makes no string where none is needed.

import { isUtf8 } from 'node:buffer'
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
  const frame = frameOf(facts)
  let size = 0
  for (let from = 0, to = 0; from < bytes.length; from = to) {
    to = pieceEnd(bytes, from)
    const piece = bytes.subarray(from, to)
    const isText = facts.format === 'json' && !isPlain(piece)
    const text = isText ? escapedLines(piece, frame) : framed(piece, frame)
    size += put(text, isText ? 'utf8' : 'latin1', size)
  }
  return room.subarray(0, size)
}

/** Behind a newline, where there is one. Strings beyond some 90 KB take V8 four times as long for a byte. */
const PIECE_BYTES = 32 * 1024

function pieceEnd(bytes: Buffer, from: number): number {
  if (bytes.length - from <= PIECE_BYTES) return bytes.length
  const end = bytes.lastIndexOf(LF, from + PIECE_BYTES - 1) + 1
  return end > from ? end : bytes.indexOf(LF, from + PIECE_BYTES) + 1 || bytes.length
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

let room = Buffer.allocUnsafe(64 * 1024)

/** Into the room, behind what stands there already. */
function put(text: string, encoding: 'latin1' | 'utf8', at: number): number {
  const most = at + (encoding === 'utf8' ? 3 : 1) * text.length
  if (room.length < most) {
    const wider = Buffer.allocUnsafe(Math.max(most, 2 * room.length))
    room.copy(wider, 0, 0, at)
    room = wider
  }
  return room.write(text, at, encoding)
}

function frameOf({ format, name, label, time }: LineFacts): Frame {
  const at = new Date(time).toISOString()
  if (format === 'prefix') {
    const head = `${at} ${name} ${label}`
    return { head: `${head} `, tail: '', lastHead: `${head}+ `, lastTail: '' }
  }
  const head = `{"time":"${at}","name":${JSON.stringify(name)},"stream":"${label}","text":"`
  return { head, tail: '"}', lastHead: head, lastTail: '","more":true}' }
}

interface Frame {
  readonly head: string
  readonly tail: string
  /** Of a part of a line that goes on in the next one. */
  readonly lastHead: string
  readonly lastTail: string
}

/**
 * Each line between head and tail, as it is. By one replacement in a string of bytes (latin1 keeps every one): half the
 * time of a loop that copies line by line. No head has a `$`, which means something there.
 */
function framed(bytes: Buffer, { head, tail, lastHead, lastTail }: Frame): string {
  const end = bytes.lastIndexOf(LF)
  const lines =
    end < 0 ? '' : `${head}${bytes.toString('latin1', 0, end).replaceAll('\n', `${tail}\n${head}`)}${tail}\n`
  const rest = end + 1 === bytes.length ? '' : `${lastHead}${bytes.toString('latin1', end + 1)}${lastTail}\n`
  return lines + rest
}

/** The same where JSON writes some bytes otherwise than they are. */
function escapedLines(bytes: Buffer, { head, tail, lastHead, lastTail }: Frame): string {
  const lines = bytes.toString().split('\n')
  const last = lines.pop() ?? ''
  const text = lines.map((line) => `${head}${escaped(line)}${tail}\n`).join('')
  return last === '' ? text : `${text}${lastHead}${escaped(last)}${lastTail}\n`
}

const escaped = (line: string): string => JSON.stringify(line).slice(1, -1)

/** Bytes that JSON writes otherwise than they are; a newline ends a line and is none of them. */
const ESCAPED = [...Array(0x20).keys(), 0x22, 0x5c].filter((byte) => byte !== LF)

/** All lines at once: a search for one byte is so fast that three dozen of them cost less than one loop of ours. */
const isPlain = (bytes: Buffer): boolean => isUtf8(bytes) && !ESCAPED.some((byte) => bytes.includes(byte))
