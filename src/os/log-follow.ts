// Following a log from a place on. Files are the queue: a follower that nobody reads for costs some
// descriptors and no memory. It goes over to another file only when it is told that there is one, because
// whoever writes the old one may go on with it after it was renamed; so no line is lost between the two.

import { closeSync, fstatSync } from 'node:fs'
import { CHUNK, LF, newlines, openLog, readAt, splitLines, wholeEnd } from './log-reader.ts'
import { archivesOf } from './rotation.ts'

/** Files that wait for a follower; beyond, the oldest is counted and left. */
const MOST_FILES = 32
/** What is only counted is read here, by all followers: nothing of it is kept. */
const counting = Buffer.allocUnsafe(CHUNK)

export interface LogFollower {
  /** Up to about `most` bytes of whole lines that have come since, in order. Empty = nothing new. */
  next(most: number): Buffer[]
  /**
   * Passes over the oldest lines until no more than `keep` bytes wait, reading `most` bytes for that at
   * most. True = done; false = there is more to pass over.
   */
  skip(keep: number, most: number): boolean
  /** Where the next line begins; null without a file. */
  place(): FilePlace | null
  /** Where it was to go on is not there any more. */
  readonly lost: boolean
  /** Lines passed over since this was asked for the last time. */
  missed(): number
  /** More than one file waits: what is not read keeps the disk space of removed ones. */
  readonly holds: boolean
  /** Another file may stand at the path now, or the same one was emptied. To be told before anything is written to it. */
  replaced(): void
  end(): void
}

export interface FilePlace {
  readonly inode: number
  readonly offset: number
}

interface Open {
  readonly fd: number
  at: number
}

/** Where following begins: at the end of the last whole line, or a place, also where that has been rotated away. */
export type FollowFrom = FilePlace | 'beginning' | 'end'

/** Follows a log. Where the place is not found, from its beginning. */
export function followLog(path: string, from: FollowFrom = 'end'): LogFollower {
  const found = typeof from === 'object' ? openBehind(path, from) : null
  /** The oldest first; only the last one may grow (and the one before it, until its writer lets it go). */
  const files: Open[] = found ?? openOne(path, from)
  let passed = 0

  const waiting = (file: { fd: number; at: number }): number => {
    const { size } = fstatSync(file.fd)
    if (size < file.at) file.at = 0 // truncated
    return size - file.at
  }
  const leave = (): void => {
    const first = files.shift()
    if (first) closeSync(first.fd)
  }
  /** Counts and passes over a chunk of the oldest file; false = there is none. */
  const pass = (): number => {
    const [first] = files
    if (!first) return 0
    const chunk = readAt(first.fd, first.at, Math.min(waiting(first), CHUNK), counting)
    const whole = chunk.lastIndexOf(LF) + 1
    const length = whole === 0 && (files.length > 1 || chunk.length === CHUNK) ? chunk.length : whole
    first.at += length
    passed += newlines(chunk.subarray(0, length))
    if (length === 0 && files.length > 1) leave()
    return length
  }
  const unread = (): number => files.reduce((sum, file) => sum + waiting(file), 0)

  return {
    next(most) {
      const lines: Buffer[] = []
      for (let left = most; left > 0; ) {
        const [first] = files
        if (!first) break
        const chunk = readAt(first.fd, first.at, Math.min(waiting(first), CHUNK))
        let length = chunk.lastIndexOf(LF) + 1
        // A line longer than a chunk is passed on in pieces; an unfinished short one is waited for,
        // unless its file has a successor.
        if (length === 0 && (chunk.length === CHUNK || files.length > 1)) length = chunk.length
        if (length === 0 && files.length < 2) break
        if (length === 0) leave()
        first.at += length
        left -= length
        lines.push(...splitLines(chunk.subarray(0, length)))
      }
      return lines
    },
    skip(keep, most) {
      for (let left = most; unread() > keep; ) {
        const length = pass()
        left -= length
        if (length === 0 && files.length < 2) return true // one long unfinished line
        if (left <= 0) return unread() <= keep
      }
      return true
    },
    place() {
      const [first] = files
      return first ? { inode: fstatSync(first.fd).ino, offset: first.at } : null
    },
    lost: typeof from === 'object' && found === null,
    missed() {
      const count = passed
      passed = 0
      return count
    },
    get holds() {
      return files.length > 1
    },
    replaced() {
      const fresh = openLog(path)
      if (!fresh) return
      const last = files.at(-1)
      if (last && sameFile(last.fd, fresh.fd)) {
        closeSync(fresh.fd)
        waiting(last)
        return
      }
      files.push({ fd: fresh.fd, at: 0 })
      while (files.length > MOST_FILES) pass()
    },
    end() {
      while (files.length > 0) leave()
    },
  }
}

function openOne(path: string, from: FollowFrom): Open[] {
  const opened = openLog(path)
  return opened ? [{ fd: opened.fd, at: from === 'end' ? wholeEnd(opened.fd) : 0 }] : []
}

/** From the file that has the place to the newest; null when none has it, or one on the way is packed. */
function openBehind(path: string, { inode, offset }: FilePlace): Open[] | null {
  const files: Open[] = []
  for (const name of [path, ...archivesOf(path)].slice(0, MOST_FILES)) {
    const opened = openLog(name)
    if (!opened) continue
    if (opened.packed) {
      closeSync(opened.fd)
      break
    }
    files.unshift({ fd: opened.fd, at: 0 })
    if (fstatSync(opened.fd).ino !== inode) continue
    return files.with(0, { fd: opened.fd, at: offset })
  }
  for (const { fd } of files) closeSync(fd)
  return null
}

function sameFile(one: number, other: number): boolean {
  const [a, b] = [fstatSync(one), fstatSync(other)]
  return a.ino === b.ino && a.dev === b.dev
}
