// Folders for files that only this master may make: run_path and what is in it.

import { lstatSync, mkdirSync, readdirSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { errno, PhError } from '../errors.ts'

/**
 * Makes a folder for files that only we may make, or takes the one that is there. Whoever owns it could put links
 * in the place of our files, so it must be ours or root's.
 */
export function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode })
  } catch (e) {
    throw new PhError('PH_INTERNAL', `cannot make the folder ${path}: ${errno(e) ?? String(e)}`, {}, { cause: e })
  }
  const { uid } = statSync(path)
  const self = process.geteuid?.() ?? 0
  if (uid === 0 || uid === self) return
  throw new PhError('PH_INTERNAL', `cannot use the folder ${path}: it belongs to uid ${uid}, this is uid ${self}`)
}

/** The same, and never through a link: it would lead to somebody else's files. */
export function makeOwnFolder(path: string, mode: number): string {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new PhError('PH_INTERNAL', `cannot use the folder ${path}: it is a symbolic link`)
  }
  makeFolder(path, mode)
  return path
}

/** Removes what an earlier master left in it, but for what is still of use. */
export function clearFolder(path: string, stays: (name: string) => boolean): void {
  for (const name of readdirSync(path)) if (!stays(name)) unlinkSync(join(path, name))
}
