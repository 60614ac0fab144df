// The sockets and FIFOs on which processes say that they are ready: made, opened again, removed; and whether a
// sender belongs to the process. All are 0600 from their birth on.

import { closeSync, constants, lchownSync, mkdirSync, openSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Account } from '../core/identity.ts'
import { errno } from '../errors.ts'
import { TOKEN_ENV } from '../worker/protocol.ts'
import { openFifo } from './fifo.ts'
import { mkfifo } from './libc-io.ts'
import { bindDatagrams } from './libc-notify.ts'
import { statOf, variableOf } from './proc.ts'

/** In the place of one that an ended master had; for the process's own user (null = ours). */
export function bindSocket(path: string, owner: Account | null): number {
  makeParent(path)
  remove(path)
  const umask = process.umask(0o177)
  try {
    const fd = bindDatagrams(path)
    if (owner) lchownSync(path, owner.uid, owner.gid)
    return fd
  } finally {
    process.umask(umask)
  }
}

/** A new FIFO. Ours first and without blocking; the child's end reads as well, so no write of it ever fails for want of a master. */
export function makeFifo(path: string, owner: Account | null): { readonly ours: number; readonly theirs: number } {
  makeParent(path)
  mkfifo(path, 0o600)
  if (owner) lchownSync(path, owner.uid, owner.gid)
  const ours = openReader(path)
  try {
    return { ours, theirs: openSync(path, constants.O_RDWR | constants.O_NOFOLLOW) }
  } catch (e) {
    closeSync(ours)
    throw e
  }
}

export const openReader = (path: string): number =>
  openFifo(path, constants.O_RDONLY | constants.O_NONBLOCK, `cannot listen at ${path}: it is no FIFO any more`)

export function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch (e) {
    if (errno(e) !== 'ENOENT') throw e // cleared by somebody else: what was wanted
  }
}

/** The process, one below it, or one that has left it and carries its token. */
export function isOfFamily(sender: number, pid: number, token: string): boolean {
  if (sender === pid) return true
  if (sender <= 1) return false // init, or one that we cannot see
  let stat = statOf(sender)
  if (!stat) return true // it has ended: only its user could write there
  for (; stat && stat.pid > 1; stat = statOf(stat.parent)) if (stat.pid === pid) return true
  return variableOf(sender, TOKEN_ENV) === token
}

/** Made again where somebody has cleared run_path under us. */
const makeParent = (path: string): void => void mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
