// One log file: locked against a second master, written at an
// offset that we keep (splice refuses O_APPEND). Whoever appends or truncates from outside is noticed
// by the size before each write; a file that was renamed or removed, by a look at its path, at most once
// a second. A write that fails loses nothing: the bytes stay in their pipe, so their processes wait
// when it is full, and it is tried again every second.

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../core/ports.ts'
import { errno, messageOf } from '../errors.ts'
import { BegunLine } from './begun-line.ts'
import { lockFile, spliceTo } from './libc-io.ts'
import type { Growth } from './log-growth.ts'
import { compressArchives, nextOf, type RotationPlan, rotate, tidyUp } from './rotation.ts'

const RETRY_MS = 1_000
/** A full pipe behind our own stdout is usually read soon. */
const RETRY_STDOUT_MS = 20
const LOOK_MS = 1_000
/** A rotation that failed is not tried again before. */
const ROTATE_AGAIN_MS = 30_000

/** Told when a log cannot be written, and (null) when it can again. */
export type Trouble = (facts: { readonly file: string; readonly error: string | null }) => void

export interface LogTarget extends RotationPlan {
  /** Absolute, or `inherit`: the master's own stdout. */
  readonly path: string
  /** Bytes at which it is rotated; 0 = never. */
  readonly maxBytes: number
}

export interface LogFile {
  readonly path: string
  /** Streams that go there. */
  readonly users: number
  /** Only a regular file takes spliced bytes. */
  readonly splices: boolean
  /** A write failed: take nothing until `onFree` tells. */
  readonly stuck: boolean
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
  /** Calls back each time it can be written again. Returns what ends it. */
  onFree(free: () => void): () => void
}

/** A log file that is open; log-files.ts counts who uses it. */
export class OpenLog implements LogFile {
  readonly path: string
  readonly splices: boolean
  users = 1
  stuck = false
  target: LogTarget
  readonly begun: BegunLine
  #fd: number
  #offset: number
  #lookedAt: number
  readonly #clock: Clock
  readonly #trouble: Trouble
  readonly #watcher: Growth
  readonly #listeners = new Set<() => void>()
  #unfinished: Buffer | null = null
  #lost = false
  #told = false
  #noRotationBefore = Number.NEGATIVE_INFINITY

  constructor(target: LogTarget, clock: Clock, trouble: Trouble, watcher: Growth) {
    this.#watcher = watcher
    this.target = target
    this.path = target.path
    this.splices = target.path !== 'inherit'
    this.#clock = clock
    this.#trouble = trouble
    this.begun = new BegunLine(
      clock,
      () => this.endsWhole(),
      () => this.#free(),
    )
    this.#fd = this.splices ? openLog(target.path) : 1
    this.#offset = this.splices ? fstatSync(this.#fd).size : 0
    this.#lookedAt = clock.now()
    if (this.splices) this.#tidyUp()
  }

  room(): number {
    if (!this.splices || this.target.maxBytes === 0) return Number.POSITIVE_INFINITY
    // After a rotation that failed the file grows on for a while.
    if (this.#clock.now() < this.#noRotationBefore) return Number.POSITIVE_INFINITY
    this.#look()
    return Math.max(0, this.target.maxBytes - this.#offset)
  }

  rotate(): boolean {
    if (!this.splices || this.#offset === 0) return false
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
      closeSync(this.#fd)
      this.#fd = fresh
      this.#offset = 0
      this.#watcher.replaced()
    } catch (e) {
      this.#noRotationBefore = this.#clock.now() + ROTATE_AGAIN_MS
      this.#trouble({ file: path, error: `cannot rotate: ${messageOf(e)}` })
      return false
    }
    if (target.compress && target.backups > 0) {
      compressArchives(path).catch((e: unknown) =>
        this.#trouble({ file: path, error: `cannot compress: ${messageOf(e)}` }),
      )
    }
    return true
  }

  /** What cannot be tidied up is in nobody's way. */
  #tidyUp(): void {
    try {
      tidyUp(this.path, this.target)
    } catch (e) {
      this.#trouble({ file: this.path, error: `cannot tidy up its archives: ${messageOf(e)}` })
    }
  }

  splice(pipe: number, length: number): number | null {
    try {
      this.#look()
      const moved = spliceTo(pipe, this.#fd, this.#offset, length)
      if (moved) {
        this.#offset += moved
        this.#wrote()
      }
      return moved
    } catch (e) {
      this.#stick(e)
      return null
    }
  }

  write(bytes: Buffer): boolean {
    if (!this.splices) return this.#writeStdout(bytes)
    let at = 0
    try {
      this.#look()
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#offset + at)
      this.#offset += bytes.length
      this.#wrote()
      return true
    } catch (e) {
      this.#stick(e)
      if (at > 0) this.#cutBack() // all or nothing: it is written again, whole
      return false
    }
  }

  endsWhole(): boolean {
    if (!this.splices || this.#offset === 0) return true
    const last = Buffer.alloc(1)
    readSync(this.#fd, last, 0, 1, this.#offset - 1)
    return last[0] === 0x0a
  }

  onFree(free: () => void): () => void {
    this.#listeners.add(free)
    return () => this.#listeners.delete(free)
  }

  /** Takes the place of a file that was renamed or removed under us. On failure the old one is still written. */
  reopen(): void {
    if (!this.splices) return
    try {
      if (samePlace(this.path, this.#fd)) return
      const fresh = openLog(this.path)
      closeSync(this.#fd)
      this.#fd = fresh
      this.#offset = fstatSync(fresh).size
      this.#watcher.replaced()
    } catch (e) {
      this.#trouble({ file: this.path, error: messageOf(e) })
    }
  }

  clear(): void {
    if (!this.splices) return
    ftruncateSync(this.#fd)
    this.#offset = 0
    this.#watcher.replaced()
  }

  close(): void {
    this.begun.close()
    if (this.splices) closeSync(this.#fd)
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

  #cutBack(): void {
    try {
      ftruncateSync(this.#fd, this.#offset)
    } catch (e) {
      this.#trouble({ file: this.path, error: messageOf(e) })
    }
  }

  #wrote(): void {
    this.#watcher.grown()
    if (!this.#told) return
    this.#told = false
    this.#trouble({ file: this.path, error: null })
  }

  /** Nothing is taken for this file until the alarm; said once for each time that it cannot be written. */
  #stick(e: unknown): void {
    const busy = errno(e) === 'EAGAIN'
    if (!busy && !this.#told) {
      this.#told = true
      this.#trouble({ file: this.path, error: messageOf(e) })
    }
    if (this.stuck) return
    this.stuck = true
    this.#clock.alarm(this.#clock.now() + (busy ? RETRY_STDOUT_MS : RETRY_MS), () => {
      this.stuck = false
      const rest = this.#unfinished
      this.#unfinished = null
      if (rest && !this.write(rest)) this.#unfinished = rest
      if (!this.stuck) this.#free()
    })
  }

  #free(): void {
    for (const free of [...this.#listeners]) free()
  }

  /** Our stdout has no place to go back to: what did not fit is kept, and goes first next time. */
  #writeStdout(bytes: Buffer): boolean {
    let at = 0
    try {
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at)
      return true
    } catch (e) {
      if (errno(e) === 'EAGAIN') {
        this.#stick(e)
        if (at === 0) return false
        this.#unfinished = Buffer.from(bytes.subarray(at))
        return true
      }
      // The terminal or the pipe behind it is gone for good: nobody waits for these lines.
      if (!this.#lost) this.#trouble({ file: 'stdout', error: messageOf(e) })
      this.#lost = true
      return true
    }
  }
}

/** Only a regular file, never through a link in its last step, 0640 when it is made; missing folders are made. */
export function openLog(path: string): number {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  const flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK
  let fd: number
  try {
    fd = openSync(path, flags, 0o640)
  } catch (e) {
    if (errno(e) === 'ENOENT') {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
      fd = openSync(path, flags, 0o640)
    } else if (errno(e) === 'ELOOP') throw refused(path, 'it is a symbolic link')
    else throw e
  }
  if (!fstatSync(fd).isFile()) {
    closeSync(fd)
    throw refused(path, 'it is no regular file')
  }
  if (!lockFile(fd)) {
    closeSync(fd)
    throw refused(path, 'another master writes it')
  }
  return fd
}

/** Is the file that we have open still the one at its path? */
function samePlace(path: string, fd: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  const ours = fstatSync(fd)
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev
}

const refused = (path: string, why: string): Error =>
  Object.assign(new Error(`cannot log to ${path}: ${why}`), { code: 'EINVAL' })
