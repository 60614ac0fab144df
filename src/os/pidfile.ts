// The pidfile: information for people and scripts, never a lock. Written whole or not at all, and
// removed only while it still names us: a stale file or a reused pid harms nobody.

import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { errno, PhError } from '../errors.ts'

/** Writes `PID\n`, 0644, by a rename over whatever file stood there. */
export function writePidfile(path: string, pid: number): void {
  const draft = `${path}.${pid}`
  try {
    writeFileSync(draft, `${pid}\n`, { mode: 0o644, flag: 'wx' })
    renameSync(draft, path)
  } catch (e) {
    removeIfThere(draft)
    throw new PhError('PH_INTERNAL', `cannot write the pidfile ${path}: ${errno(e) ?? String(e)}`, {}, { cause: e })
  }
}

/** Removes the pidfile if it names this pid; another's file stays. */
export function removePidfile(path: string, pid: number): void {
  try {
    if (readFileSync(path, 'latin1').trim() === String(pid)) unlinkSync(path)
  } catch (e) {
    if (errno(e) !== 'ENOENT') throw e // gone already
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // The draft was never made: the error that brought us here says more.
  }
}
