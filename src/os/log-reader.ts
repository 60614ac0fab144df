// Reading logs back: the last lines of a file of any size, through its archives if need be. Never holds
// more than was asked for, and does not care what the bytes mean. Following a log is log-follow.ts.

import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { errno } from '../errors.ts'
import { archivesOf } from './rotation.ts'

export const CHUNK = 64 * 1024
export const LF = 0x0a

export interface LastLines {
  readonly count: number
  /** Bytes of all lines; older ones that do not fit are left out. */
  readonly mostBytes: number
  /** Leave out an unfinished last line: a follower will bring it when it is whole. */
  readonly whole: boolean
  /** Unix ms: files that were not written since are left out. */
  readonly since?: number
  /** Lines before one of which this is true are not wanted. */
  readonly isOlder?: (line: Buffer) => boolean
}

/** A file's time is the kernel's, which is some ms behind the clock that a line was stamped with. */
const SLACK_MS = 1000

/** The last lines, oldest first, without their newlines. A file that is not there has none. */
export async function lastLines(path: string, wants: LastLines): Promise<Buffer[]> {
  const { count, mostBytes, whole, since, isOlder } = wants
  if (count === 0) return []
  // Opened in one turn, the plain newest one read in it: no rotation gets in between.
  const files = [path, ...archivesOf(path)].flatMap((name) => openLog(name) ?? [])
  const parts: Buffer[][] = []
  let wanted = count
  let left = mostBytes
  try {
    for (const { fd, packed, name } of files) {
      if (wanted === 0 || left <= 0) break
      if (since !== undefined && fstatSync(fd).mtimeMs + SLACK_MS < since) break
      const end = whole && name === path ? wholeEnd(fd) : fstatSync(fd).size
      const lines = packed
        ? await tailOfGzip(fd, wanted, left)
        : tailOf(fd, end, { ...wants, count: wanted, mostBytes: left })
      parts.unshift(lines)
      wanted -= lines.length
      left -= lines.reduce((sum, line) => sum + line.length + 1, 0)
      if (lines[0] && isOlder?.(lines[0])) break
    }
  } finally {
    for (const { fd } of files) closeSync(fd)
  }
  return parts.flat()
}

/** Reads backwards from `end`, chunk by chunk, until there are enough newlines, or a line that is too old. */
function tailOf(fd: number, end: number, { count, mostBytes, isOlder }: LastLines): Buffer[] {
  const tail = new Tail(count, mostBytes)
  let from = end
  while (from > 0 && !tail.enough) {
    const size = Math.min(CHUNK * 4, from)
    from -= size
    tail.chunks.unshift(counted(readAt(fd, from, size)))
    tail.measure()
    if (isOlder && tail.begins(from === 0, isOlder)) break
  }
  return tail.lines(from === 0)
}

/** A packed file can only be read from its beginning: what the last lines cannot need is dropped on the way. */
async function tailOfGzip(fd: number, count: number, mostBytes: number): Promise<Buffer[]> {
  const tail = new Tail(count, mostBytes)
  let begun = true
  try {
    for await (const chunk of createReadStream('', { fd, autoClose: false, start: 0 }).pipe(createGunzip())) {
      tail.chunks.push(counted(chunk as Buffer))
      if (tail.shorten()) begun = false
    }
  } catch (e) {
    if (!String((e as { code?: unknown }).code).startsWith('Z_')) throw e // a damaged archive: as far as it goes
  }
  return tail.lines(begun)
}

interface Counted {
  readonly bytes: Buffer
  readonly newlines: number
}

const counted = (bytes: Buffer): Counted => ({ bytes, newlines: newlines(bytes) })

/** The end of a text, in chunks, for as many lines as are wanted of it. */
class Tail {
  readonly chunks: Counted[] = []
  /** One newline more than lines: the one before the first of them. */
  enough = false
  readonly #count: number
  readonly #mostBytes: number

  constructor(count: number, mostBytes: number) {
    this.#count = count
    this.#mostBytes = mostBytes
  }

  measure(): void {
    const found = this.chunks.reduce((sum, one) => sum + one.newlines, 0)
    const bytes = this.chunks.reduce((sum, one) => sum + one.bytes.length, 0)
    this.enough = found > this.#count || bytes > this.#mostBytes
  }

  /** Is it true of the first whole line? */
  begins(fromBeginning: boolean, isSo: (line: Buffer) => boolean): boolean {
    const bytes = this.chunks[0]?.bytes ?? Buffer.alloc(0)
    const from = fromBeginning ? 0 : bytes.indexOf(LF) + 1
    const end = bytes.indexOf(LF, from)
    return (fromBeginning || from > 0) && end >= 0 && isSo(bytes.subarray(from, end))
  }

  /** Drops from the front what is not needed; whether something was. */
  shorten(): boolean {
    let dropped = false
    for (;;) {
      const first = this.chunks.shift()
      if (!first) return dropped
      this.measure()
      if (!this.enough) {
        this.chunks.unshift(first)
        return dropped
      }
      dropped = true
    }
  }

  lines(fromBeginning: boolean): Buffer[] {
    const lines = splitLines(Buffer.concat(this.chunks.map((one) => one.bytes)))
    const first = fromBeginning || lines.length === 1 ? 0 : 1 // half a line is none, unless it is all there is
    let from = Math.max(first, lines.length - this.#count)
    let bytes = lines.slice(from).reduce((sum, line) => sum + line.length + 1, 0)
    while (bytes > this.#mostBytes && from < lines.length - 1) bytes -= (lines[from++]?.length ?? 0) + 1
    return lines.slice(from)
  }
}

/** Null when it is not there, or no regular file: a FIFO would block us, a link would lead elsewhere. */
export function openLog(name: string): { readonly name: string; readonly fd: number; readonly packed: boolean } | null {
  try {
    const fd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    if (fstatSync(fd).isFile()) return { name, fd, packed: name.endsWith('.gz') }
    closeSync(fd)
    return null
  } catch (e) {
    if (errno(e) === 'ENOENT' || errno(e) === 'ELOOP') return null
    throw e
  }
}

/** Where the last whole line ends; the size, where the last line is unfinished and long. */
export function wholeEnd(fd: number): number {
  const { size } = fstatSync(fd)
  const length = Math.min(size, CHUNK)
  const at = readAt(fd, size - length, length).lastIndexOf(LF) + 1
  return at === 0 && length === CHUNK ? size : size - length + at
}

/** Without their newlines; the buffers share memory. */
export function splitLines(text: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let from = 0
  while (from < text.length) {
    const at = text.indexOf(LF, from)
    const end = at < 0 ? text.length : at
    lines.push(text.subarray(from, end))
    from = end + 1
  }
  return lines
}

export function newlines(text: Buffer): number {
  let count = 0
  for (let at = text.indexOf(LF); at >= 0; at = text.indexOf(LF, at + 1)) count++
  return count
}

export function readAt(fd: number, from: number, size: number, chunk = Buffer.allocUnsafe(size)): Buffer {
  let got = 0
  while (got < size) {
    const n = readSync(fd, chunk, got, size - got, from + got)
    if (n === 0) break // cut while we read
    got += n
  }
  return chunk.subarray(0, got)
}
