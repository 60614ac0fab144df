// How a log file is opened: made where it is missing, locked against a second master, and refused where writing to it
// would write somewhere else.

import { closeSync, constants, fstatSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errno } from '../errors.ts'
import { lockFile } from './libc-io.ts'

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
export function samePlace(path: string, fd: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  const ours = fstatSync(fd)
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev
}

const refused = (path: string, why: string): Error =>
  Object.assign(new Error(`cannot log to ${path}: ${why}`), { code: 'EINVAL' })
