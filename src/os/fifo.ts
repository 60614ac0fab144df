// FIFOs as files, those of captured output above all: made, and opened only if they are what they should be.

import { closeSync, constants, fstatSync, lchownSync, mkdirSync, openSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Account } from '../core/identity.ts'
import { errno } from '../errors.ts'
import { growPipe, mkfifo } from './libc-io.ts'

/**
 * A new FIFO of so many bytes for a process of `owner` (null = as we are), both ends open. What undoes each step is
 * put into `undo` before the next one, which may throw a system error.
 */
export function pipeFor(owner: Account | null, path: string, bytes: number, undo: (() => void)[]) {
  makeFifo(path)
  undo.push(() => unlinkSync(path))
  // Else it could not open /dev/stdout, which is opened anew.
  if (owner) lchownSync(path, owner.uid, owner.gid)
  // Ours first and without blocking; then the child's, by an open of its own.
  const ours = openFifo(path, constants.O_RDONLY | constants.O_NONBLOCK)
  undo.push(() => closeSync(ours))
  const theirs = openFifo(path, constants.O_RDWR)
  undo.push(() => closeSync(theirs))
  growPipe(theirs, bytes)
  return { ours, theirs }
}

/** The folder is remade where somebody has cleared run_path under us. */
function makeFifo(path: string): void {
  try {
    mkfifo(path, 0o600)
  } catch (e) {
    if (errno(e) !== 'ENOENT') throw e
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
    mkfifo(path, 0o600)
  }
}

/** Only a FIFO, never through a link. @param refusal what to say of anything else that stands there now */
export function openFifo(
  path: string,
  flags: number,
  refusal = `cannot capture output: ${path} is no FIFO any more`,
): number {
  const fd = openSync(path, flags | constants.O_NOFOLLOW)
  if (fstatSync(fd).isFIFO()) return fd
  closeSync(fd)
  throw new Error(refusal)
}
