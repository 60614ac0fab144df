// Reading logs back: the last lines of a file of any size, through its archives if need be, and
// following one from a place on, across rotation, removal and truncation. Files are the queue: a
// follower that nobody reads for costs a descriptor and no memory.

import { closeSync, createReadStream, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { errno } from '../errors.ts'
import { archivesOf } from './rotation.ts'

const CHUNK = 64 * 1024
/** Of all lines of one answer. */
const MOST_BYTES = 16 * 1024 * 1024
const LF = 0x0a

/** The last `count` lines, oldest first, without their newlines. A file that is not there has none. */
export async function lastLines(path: string, count: number): Promise<Buffer[]> {
  let lines: Buffer[] = []
  let bytes = 0
  for (const file of [path, ...archivesOf(path)]) {
    if (lines.length >= count || bytes >= MOST_BYTES) break
    const wanted = count - lines.length
    const older = file.endsWith('.gz') ? await tailOfGzip(file, wanted) : tailOf(file, wanted)
    bytes += older.reduce((sum, line) => sum + line.length, 0)
    lines = [...older, ...lines]
  }
  return lines
}

/** Reads backwards from the end, chunk by chunk, until there are enough newlines. */
function tailOf(path: string, count: number): Buffer[] {
  const fd = openIfThere(path)
  if (fd === null) return []
  try {
    let from = fstatSync(fd).size
    let text: Buffer = Buffer.alloc(0)
    // One newline more than lines: the one before the first of them.
    while (from > 0 && text.length < MOST_BYTES && newlines(text) <= count) {
      const size = Math.min(CHUNK * 4, from)
      from -= size
      text = Buffer.concat([readAt(fd, from, size), text])
    }
    const lines = splitLines(text)
    return lines.slice(Math.max(0, lines.length - count))
  } finally {
    closeSync(fd)
  }
}

async function tailOfGzip(path: string, count: number): Promise<Buffer[]> {
  const source = createReadStream(path).pipe(createGunzip())
  let text: Buffer = Buffer.alloc(0)
  for await (const chunk of source) {
    text = Buffer.concat([text, chunk as Buffer])
    // Keep no more than what the last lines can need.
    if (text.length > MOST_BYTES * 2) text = text.subarray(text.length - MOST_BYTES)
  }
  const lines = splitLines(text)
  return lines.slice(Math.max(0, lines.length - count))
}

function splitLines(text: Buffer): Buffer[] {
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

function newlines(text: Buffer): number {
  let count = 0
  for (let at = text.indexOf(LF); at >= 0; at = text.indexOf(LF, at + 1)) count++
  return count
}

function readAt(fd: number, from: number, size: number): Buffer {
  const chunk = Buffer.allocUnsafe(size)
  let got = 0
  while (got < size) {
    const n = readSync(fd, chunk, got, size - got, from + got)
    if (n === 0) break // cut while we read
    got += n
  }
  return chunk.subarray(0, got)
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, 'r')
  } catch (e) {
    if (errno(e) === 'ENOENT') return null
    throw e
  }
}

export interface LogFollower {
  /** Up to `most` bytes of whole lines that have come since, in order. Empty = nothing new. */
  next(most: number): Buffer[]
  /** Lines that are there but will not be read: skips to (about) the last `keep` bytes and counts. */
  skip(keep: number): number
  end(): void
}

/** Follows a log from its end now. */
export function followLog(path: string): LogFollower {
  let fd = openIfThere(path)
  let at = fd === null ? 0 : fstatSync(fd).size

  /** Bytes from our place on; goes over to the file that stands at the path now when ours is used up. */
  const available = (): number => {
    if (fd === null) {
      fd = openIfThere(path)
      at = 0
    }
    if (fd === null) return 0
    const ours = fstatSync(fd)
    if (ours.size < at) at = 0 // truncated
    if (ours.size > at) return ours.size - at
    const there = statSync(path, { throwIfNoEntry: false })
    if (!there || (there.ino === ours.ino && there.dev === ours.dev)) return 0
    closeSync(fd)
    fd = openIfThere(path)
    at = 0
    return fd === null ? 0 : fstatSync(fd).size
  }

  return {
    next(most) {
      const lines: Buffer[] = []
      for (let left = most; left > 0; ) {
        const size = Math.min(available(), CHUNK, left)
        if (size === 0 || fd === null) break
        const chunk = readAt(fd, at, size)
        let whole = chunk.lastIndexOf(LF) + 1
        // A line longer than a chunk is passed on in pieces; an unfinished short one is waited for.
        if (whole === 0 && chunk.length === CHUNK) whole = chunk.length
        if (whole === 0) break
        at += whole
        left -= whole
        lines.push(...splitLines(chunk.subarray(0, whole)))
      }
      return lines
    },
    skip(keep) {
      let missed = 0
      while (available() > keep && fd !== null) {
        const chunk = readAt(fd, at, CHUNK)
        const whole = chunk.lastIndexOf(LF) + 1
        if (whole === 0) break
        at += whole
        missed += newlines(chunk.subarray(0, whole))
      }
      return missed
    },
    end() {
      if (fd !== null) closeSync(fd)
      fd = null
    },
  }
}
