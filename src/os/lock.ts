// The lock that makes this master the only one of its run_path: an flock(2) held for life. Nothing
// else says who runs; the pidfile is information. Node marks descriptors close-on-exec and our
// spawner closes all others, so no child holds it, and the kernel lets go of it when we die.

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { errno, PhError } from '../errors.ts'
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
 */
export function takeLock(runPath: string, self: Holder): void {
  const state = join(runPath, 'state')
  makeFolder(runPath, 0o711)
  makeFolder(state, 0o700)
  const path = join(state, 'lock')
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    if (lockFile(fd)) {
      // The file may have been removed between our open and our lock: then the lock is of nothing.
      const there = statSync(path, { throwIfNoEntry: false })
      const ours = fstatSync(fd)
      if (there?.ino === ours.ino && there.dev === ours.dev) {
        ftruncateSync(fd)
        writeSync(fd, `${JSON.stringify(self)}\n`, 0)
        return // never closed: the lock lives as long as we do
      }
    } else {
      const holder = readHolder(path)
      if (holder && holder !== 'unwritten') throw held(holder)
    }
    closeSync(fd)
    pause()
  }
  throw new PhError('PH_LOCKED', `cannot start: another master holds ${path} and does not say who it is`)
}

const held = ({ pid, config }: Holder): PhError =>
  new PhError('PH_LOCKED', `cannot start: the master with pid ${pid} runs already (configuration ${config})`, {
    pid,
    config,
  })

/** The winner writes right after it has locked; a reader in between sees nothing yet. */
function readHolder(path: string): Holder | 'unwritten' | null {
  try {
    const text = readFileSync(path, 'utf8')
    if (!text.endsWith('\n')) return 'unwritten'
    const { pid, config } = JSON.parse(text) as Holder
    return { pid, config }
  } catch (e) {
    if (errno(e) === 'ENOENT' || e instanceof SyntaxError) return null
    throw e
  }
}

function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode })
  } catch (e) {
    throw new PhError('PH_INTERNAL', `cannot make the folder ${path}: ${errno(e) ?? String(e)}`, {}, { cause: e })
  }
}

/** Start-up only, before anything else runs in this process. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
}
