// The lock that makes this master the only one of its run_path: an flock(2) held for life. Nothing
// else says who runs; the pidfile is information. Node marks descriptors close-on-exec and our
// spawner closes all others, so no child holds it, and the kernel lets go of it when we die.

import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { errno, PhError } from '../errors.ts'
import { makeFolder } from './folders.ts'
import { lockFile } from './libc-io.ts'

export interface Holder {
  readonly pid: number
  readonly config: string
}

const ATTEMPTS = 100
const PAUSE_MS = 10

/**
 * Takes the lock of a run_path, or throws PH_LOCKED that names the holder. Makes run_path (0711) and
 * its state folder (0700) where they are missing; a loser touches nothing else.
 * @returns the descriptor that holds it; never closed, as the lock lives as long as we do
 */
export function takeLock(runPath: string, self: Holder): number {
  const state = join(runPath, 'state')
  makeFolder(runPath, 0o711)
  makeFolder(state, 0o700)
  const path = join(state, 'lock')
  let dead: Holder | null = null
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const fd = openLock(path)
    if (lockFile(fd)) {
      // The file may have been removed between our open and our lock: then the lock is of nothing.
      const there = statSync(path, { throwIfNoEntry: false })
      const ours = fstatSync(fd)
      if (there?.ino === ours.ino && there.dev === ours.dev) {
        ftruncateSync(fd)
        writeSync(fd, `${JSON.stringify(self)}\n`, 0)
        return fd
      }
    } else {
      const holder = readHolder(path)
      // The winner writes right after it has locked: until then an earlier one's name stands there.
      if (holder && lives(holder.pid)) throw held(holder)
      dead = holder
    }
    closeSync(fd)
    pause()
  }
  // In a pid namespace of its own it looks dead from here, and is not.
  if (dead) throw held(dead)
  throw new PhError('PH_LOCKED', `cannot start: another master holds ${path} and does not say who it is`)
}

const held = ({ pid, config }: Holder): PhError =>
  new PhError(
    'PH_LOCKED',
    `cannot start: the master with pid ${pid} runs already (configuration ${config})\n  speak to it: phctl -c ${config} status; one more beside it: phd -c ${config} --instance NAME`,
    {
      pid,
      config,
    },
  )

/** Whose name stands in the lock file; null while none does. */
function readHolder(path: string): Holder | null {
  try {
    const text = readFileSync(path, 'utf8')
    if (!text.endsWith('\n')) return null
    const { pid, config } = JSON.parse(text) as Holder
    return { pid, config }
  } catch (e) {
    if (errno(e) === 'ENOENT' || e instanceof SyntaxError) return null
    throw e
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (e) {
    return errno(e) !== 'ESRCH' // EPERM: another user's
  }
}

function openLock(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  } catch (e) {
    const why = errno(e) === 'ELOOP' ? 'it is a symbolic link' : (errno(e) ?? String(e))
    throw new PhError('PH_INTERNAL', `cannot use the lock ${path}: ${why}`, {}, { cause: e })
  }
}

/** Start-up only, before anything else runs in this process. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
}
