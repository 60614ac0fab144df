// The file of a program's lock: taking it, and what stands in it. Who holds it, and what is still to be ended of those
// who held it before: written down first of all, so that a third one can go on should the holder be killed meanwhile.

import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { errno, messageOf, PhError } from '../errors.ts'
import { lockFile } from './libc-io.ts'
import { bootId } from './proc.ts'

/** A master. */
export interface Self {
  readonly instance: string | null
  readonly pid: number
  readonly runPath: string
  readonly socket: string
}

export interface FormerProcess {
  readonly pid: number
  readonly start: number
  readonly token: string
}

/** What earlier holders have made and may have left, of one program. */
export interface Former {
  readonly processes: readonly FormerProcess[]
  /** Their control sockets. */
  readonly sockets: readonly string[]
}

export interface Entry extends Former {
  /** null = let go in order: its processes have ended. */
  readonly holder: Self | null
}

export const nothing: Former = { processes: [], sockets: [] }
const nobody: Entry = { holder: null, ...nothing }

/** The descriptor that holds it; null = another has it. */
export function lockAt(path: string): number | null {
  let fd: number | null = null
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    if (lockFile(fd) && isAt(path, fd)) return fd
    closeSync(fd)
    return null
  } catch (e) {
    if (fd !== null) closeSync(fd)
    throw new PhError('PH_INTERNAL', `cannot use the lock ${path}: ${messageOf(e)}`, {}, { cause: e })
  }
}

/** The file may have been removed between our open and our lock: then the lock is of nothing. */
function isAt(path: string, fd: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  const ours = fstatSync(fd)
  return there?.ino === ours.ino && there.dev === ours.dev
}

/** One line, whole by one write: what is behind its end is of an earlier, longer one. */
export function writeEntry(fd: number, entry: Entry): void {
  const text = Buffer.from(`${JSON.stringify({ boot: bootId(), ...entry })}\n`)
  writeSync(fd, text, 0, text.length, 0)
  ftruncateSync(fd, text.length)
}

/** As it stands there; nobody's where nothing does, or what was written before the machine was started anew. */
export function entryIn(path: string): Entry {
  try {
    const [line = ''] = readFileSync(path, 'utf8').split('\n')
    const { boot, ...entry } = JSON.parse(line) as Entry & { boot: string }
    return boot === bootId() ? entry : nobody
  } catch (e) {
    if (errno(e) === 'ENOENT' || e instanceof SyntaxError) return nobody
    throw e
  }
}
