// Puts another text in the place of a user's file: a draft beside it, on the disk before it takes the
// name, so that whoever reads it, at any moment and after any crash, finds the old text or the new one
// whole. Mode and owner are kept. Must not write where the file itself could not be written.

import { randomBytes } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { errno, PhError } from '../errors.ts'
import { explain } from './files.ts'

/**
 * `file` is a real path: a symbolic link would be replaced itself. `before` is what the file was read
 * as. Throws PH_FAILED with `data.reason`, or PH_CONFLICT when it says something else by now; the file
 * is then as it was.
 */
export function replaceFile(file: string, before: string, after: string): void {
  const folder = path.dirname(file)
  // A name that no pattern of an [include] matches, and that no earlier draft can have.
  const draft = path.join(folder, `.phd-${randomBytes(6).toString('hex')}`)
  attempt(`write ${file}`, () => accessSync(file, constants.W_OK))
  try {
    const fd = attempt(`write in ${folder}`, () => openSync(draft, 'wx', 0o600))
    try {
      attempt(`write in ${folder}`, () => writeFileSync(fd, after))
      attempt(`keep mode and owner of ${file}`, () => dressAs(fd, file))
      attempt(`write in ${folder}`, () => fsyncSync(fd))
    } finally {
      closeSync(fd)
    }
    if (attempt(`read ${file}`, () => readFileSync(file, 'utf8')) !== before) {
      throw new PhError('PH_CONFLICT', `cannot write ${file}: somebody else has just written it`, { file })
    }
    attempt(`replace ${file}`, () => renameSync(draft, file))
  } catch (e) {
    removeDraft(draft)
    throw e
  }
  attempt(`be sure that ${file} is on the disk`, () => syncFolder(folder))
}

function attempt<T>(what: string, act: () => T): T {
  try {
    return act()
  } catch (e) {
    const reason = errno(e)
    // Over a mount point (one file that is mounted into a container) nothing can be renamed.
    const why = reason === 'EBUSY' ? 'it is a mount of its own (EBUSY)' : explain(e)
    throw new PhError('PH_FAILED', `cannot ${what}: ${why}`, { reason }, { cause: e })
  }
}

function dressAs(fd: number, file: string): void {
  const { mode, uid, gid } = statSync(file)
  const own = fstatSync(fd)
  if (own.uid !== uid || own.gid !== gid) fchownSync(fd, uid, gid)
  fchmodSync(fd, mode & 0o7777) // after the owner: a change of owner takes set-id bits away
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } catch (e) {
    if (errno(e) !== 'EINVAL') throw e // a file system that cannot do this with folders
  } finally {
    closeSync(fd)
  }
}

function removeDraft(draft: string): void {
  try {
    unlinkSync(draft)
  } catch {
    // Never made, or not removable: the error that brought us here says more.
  }
}
