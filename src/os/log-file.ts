// Log files: opened once for all streams that go there, appended to, locked against a second master.
// A write that fails loses nothing: the bytes are kept, the streams of the file are not read (so
// their processes wait when the pipe is full), and it is tried again every second.

import { closeSync, constants, fstatSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../core/ports.ts'
import { errno, messageOf } from '../errors.ts'
import { lockFile } from './libc.ts'

const RETRY_MS = 1_000
/** A full pipe behind our own stdout is usually read soon. */
const RETRY_STDOUT_MS = 20

/** Told when a log cannot be written, and when it can again. */
export type Trouble = (facts: { readonly file: string; readonly error: string | null }) => void

export interface LogFile {
  readonly path: string
  /** A write failed and waits: do not read on. */
  readonly stuck: boolean
  write(bytes: Buffer): void
  /** Calls back each time the file can be written again. Returns what ends it. */
  onFree(free: () => void): () => void
  trouble(error: string): void
}

interface Opened extends LogFile {
  fd: number
  users: number
  reopen(): void
}

export interface LogFiles {
  /** `inherit` is the master's own stdout. Throws a system error that names the file. */
  open(path: string): LogFile
  /** One user less; the last one closes it. */
  close(file: LogFile): void
  reopen(): void
}

export function logFiles(clock: Clock, trouble: Trouble): LogFiles {
  const opened = new Map<string, Opened>()
  return {
    open(path) {
      const known = opened.get(path)
      if (known) {
        known.users++
        return known
      }
      const file = logFile(path, path === 'inherit' ? 1 : openLog(path), clock, trouble)
      opened.set(path, file)
      return file
    },
    close({ path }) {
      const file = opened.get(path)
      if (!file || --file.users > 0 || file.stuck) return
      opened.delete(path)
      if (path !== 'inherit') closeSync(file.fd)
    },
    reopen() {
      for (const file of opened.values()) if (file.path !== 'inherit') file.reopen()
    },
  }
}

/** Only a regular file, never through a link in its last step, 0640 when it is made. */
function openLog(path: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK
  let fd: number
  try {
    fd = openSync(path, flags, 0o640)
  } catch (e) {
    if (errno(e) === 'ENOENT') {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
      fd = openSync(path, flags, 0o640)
    } else if (errno(e) === 'ELOOP') throw refused(path, 'it is a symbolic link')
    else if (errno(e) === 'ENXIO') throw refused(path, 'it is no regular file')
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

function logFile(path: string, fd: number, clock: Clock, trouble: Trouble): Opened {
  let waiting: Buffer[] = []
  const listeners = new Set<() => void>()

  /** Writes all, or keeps the rest and says so once. */
  const attempt = (): void => {
    try {
      while (waiting.length > 0) {
        const first = waiting[0] as Buffer
        const written = writeSync(file.fd, first)
        if (written === first.length) waiting.shift()
        else waiting[0] = first.subarray(written)
      }
    } catch (e) {
      const busy = errno(e) === 'EAGAIN'
      if (!file.stuck && !busy) trouble({ file: path, error: messageOf(e) })
      file.stuck = true
      clock.alarm(clock.now() + (busy ? RETRY_STDOUT_MS : RETRY_MS), attempt)
      return
    }
    if (!file.stuck) return
    file.stuck = false
    trouble({ file: path, error: null })
    for (const free of [...listeners]) free()
  }

  const file: Opened & { stuck: boolean } = {
    path,
    fd,
    users: 1,
    stuck: false,
    write(bytes) {
      // What waits was delivered in a buffer that is used again: keep a copy.
      waiting.push(file.stuck ? Buffer.from(bytes) : bytes)
      if (file.stuck) return
      attempt()
      if (file.stuck) waiting = waiting.map((b) => Buffer.from(b))
    },
    onFree(free) {
      listeners.add(free)
      return () => listeners.delete(free)
    },
    trouble: (error) => trouble({ file: path, error }),
    reopen() {
      try {
        if (samePlace(path, file.fd)) return
        const fresh = openLog(path)
        closeSync(file.fd)
        file.fd = fresh
      } catch (e) {
        trouble({ file: path, error: messageOf(e) }) // the old file is still written
      }
    },
  }
  return file
}
