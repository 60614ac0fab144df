// One log file, written at an offset that we keep (splice refuses O_APPEND). Whoever appends or truncates from
// outside is noticed by the size before each write; a file that was renamed or removed, by a look at its path, at most
// once a second. A write that fails loses nothing: the bytes stay in their pipe, and it is tried again every second.

import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs'
import type { Clock } from '../core/ports.ts'
import { messageOf } from '../errors.ts'
import { BegunLine } from './begun-line.ts'
import { spliceTo } from './libc-io.ts'
import type { Growth } from './log-growth.ts'
import { openLog, samePlace } from './log-open.ts'
import { LogTrouble, type Trouble } from './log-trouble.ts'
import { closeBeside, compressArchives, nextOf, type RotationPlan, rotate, tidyUp } from './rotation.ts'

const RETRY_MS = 1_000
const LOOK_MS = 1_000
/** A rotation that failed is not tried again before. */
const ROTATE_AGAIN_MS = 30_000

export interface LogTarget extends RotationPlan {
  /** Absolute, or `inherit`: the master's own stdout. */
  readonly path: string
  /** Bytes at which it is rotated; 0 = never. */
  readonly maxBytes: number
}

export interface LogFile {
  readonly path: string
  /** Streams that go there. */
  users: number
  target: LogTarget
  /** Only a regular file takes spliced bytes. */
  readonly splices: boolean
  /** A write failed: take nothing until its trouble tells `onFree`. */
  readonly stuck: boolean
  readonly trouble: LogTrouble
  /** Whose line stands unfinished at its end. */
  readonly begun: BegunLine
  /** Bytes that fit before a rotation is due. */
  room(): number
  /** Makes room by a rotation; false = it is empty already, or cannot be rotated: write on. */
  rotate(): boolean
  /** Moves bytes from a pipe: how many, 0 = all writers are gone, null = empty for now, or stuck. */
  splice(pipe: number, length: number): number | null
  /** Writes all or nothing; false = stuck. */
  write(bytes: Buffer): boolean
  /** Does what stands in the file end with a newline (or is it empty)? */
  endsWhole(): boolean
  /** Takes the place of a file that was renamed or removed under us. */
  reopen(): void
  /** Empties it. */
  clear(): void
  close(): void
}

/** A log file that is open; log-files.ts counts who uses it. */
export class OpenLog implements LogFile {
  readonly path: string
  readonly splices = true
  readonly trouble: LogTrouble
  readonly begun: BegunLine
  users = 1
  target: LogTarget
  #fd: number
  #offset: number
  #lookedAt: number
  readonly #clock: Clock
  readonly #watcher: Growth
  /** Why the file that was removed under us cannot be made again: what is written now is nowhere. */
  #gone: unknown = null
  /** Told already: why the file that was renamed under us has no successor. */
  #misplaced: string | null = null
  #noRotationBefore = Number.NEGATIVE_INFINITY

  constructor(target: LogTarget, clock: Clock, tell: Trouble, watcher: Growth) {
    this.#watcher = watcher
    this.target = target
    this.path = target.path
    this.#clock = clock
    this.trouble = new LogTrouble(target.path, clock, tell)
    this.begun = new BegunLine(clock, this)
    this.#fd = openLog(target.path)
    this.#offset = fstatSync(this.#fd).size
    this.#lookedAt = clock.now()
    this.#tidyUp()
  }

  get stuck(): boolean {
    return this.trouble.stuck
  }

  room(): number {
    if (this.target.maxBytes === 0) return Number.POSITIVE_INFINITY
    // After a rotation that failed the file grows on for a while.
    if (this.#clock.now() < this.#noRotationBefore) return Number.POSITIVE_INFINITY
    this.#look()
    return Math.max(0, this.target.maxBytes - this.#offset)
  }

  rotate(): boolean {
    if (this.#offset === 0) return false
    // One that was renamed or removed from outside is not ours to move any more: a new one has its place.
    this.#lookedAt = this.#clock.now()
    this.reopen()
    if (this.#offset === 0) return true
    const { path, target } = this
    try {
      // The next file is open before anything is moved: what fails, fails with all in its place.
      const next = nextOf(path)
      const fresh = openLog(next)
      ftruncateSync(fresh)
      try {
        rotate(path, next, target)
      } catch (e) {
        closeSync(fresh)
        throw e
      }
      if (target.backups === 0)
        closeBeside(this.#fd) // it has no name any more
      else closeSync(this.#fd)
      this.#fd = fresh
      this.#offset = 0
      this.#watcher.replaced()
    } catch (e) {
      this.#noRotationBefore = this.#clock.now() + ROTATE_AGAIN_MS
      this.trouble.tell(`cannot rotate: ${messageOf(e)}`)
      return false
    }
    if (target.compress && target.backups > 0) {
      compressArchives(path).catch((e: unknown) => this.trouble.tell(`cannot compress: ${messageOf(e)}`))
    }
    return true
  }

  /** What cannot be tidied up is in nobody's way. */
  #tidyUp(): void {
    try {
      tidyUp(this.path, this.target)
    } catch (e) {
      this.trouble.tell(`cannot tidy up its archives: ${messageOf(e)}`)
    }
  }

  splice(pipe: number, length: number): number | null {
    try {
      this.#lookToWrite()
      const moved = spliceTo(pipe, this.#fd, this.#offset, length)
      if (moved) {
        this.#offset += moved
        this.#wrote()
      }
      return moved
    } catch (e) {
      this.trouble.failed(e, RETRY_MS)
      return null
    }
  }

  write(bytes: Buffer): boolean {
    let at = 0
    try {
      this.#lookToWrite()
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#offset + at)
      this.#offset += bytes.length
      this.#wrote()
      return true
    } catch (e) {
      this.trouble.failed(e, RETRY_MS)
      if (at > 0) this.#cutBack() // all or nothing: it is written again, whole
      return false
    }
  }

  endsWhole(): boolean {
    if (this.#offset === 0) return true
    const last = Buffer.alloc(1)
    try {
      readSync(this.#fd, last, 0, 1, this.#offset - 1)
    } catch {
      return false // a newline too many harms nobody, and a disk that cannot be written either tells by the next write
    }
    return last[0] === 0x0a
  }

  /** On failure the old one is still written, as long as it has a name. */
  reopen(): void {
    try {
      if (!samePlace(this.path, this.#fd)) {
        const fresh = openLog(this.path)
        closeSync(this.#fd)
        this.#fd = fresh
        this.#offset = fstatSync(fresh).size
        this.#watcher.replaced()
      }
      this.#misplaced = null
      this.#gone = null
    } catch (e) {
      this.#gone = fstatSync(this.#fd).nlink === 0 ? e : null
      if (this.#gone === null && this.#misplaced !== messageOf(e)) this.trouble.tell(messageOf(e))
      this.#misplaced = messageOf(e)
    }
  }

  clear(): void {
    ftruncateSync(this.#fd)
    this.#offset = 0
    this.#watcher.replaced()
  }

  close(): void {
    this.begun.close()
    this.trouble.close()
    closeSync(this.#fd)
  }

  /** What happened to the file from outside: the size says truncation and foreign appends, the path says renaming. */
  #look(): void {
    const now = this.#clock.now()
    if (now - this.#lookedAt >= LOOK_MS) {
      this.#lookedAt = now
      this.reopen()
    }
    this.#offset = fstatSync(this.#fd).size
  }

  #lookToWrite(): void {
    this.#look()
    if (this.#gone !== null) throw this.#gone
  }

  #cutBack(): void {
    try {
      ftruncateSync(this.#fd, this.#offset)
    } catch (e) {
      this.trouble.tell(messageOf(e))
    }
  }

  #wrote(): void {
    this.#watcher.grown()
    this.trouble.wrote()
  }
}
