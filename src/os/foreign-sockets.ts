// A listening socket of a dead master, found in a process that has inherited it, and taken from there: with its
// queue, so that nobody who waits in it is lost.

import { closeSync, fstatSync, readdirSync, readlinkSync } from 'node:fs'
import { errno } from '../errors.ts'
import { openPidfd, takeFd } from './libc-pidfd.ts'
import { addressOfSocket } from './libc-socket.ts'

/** The socket with this inode number; null when no process has it, or none may be asked. */
export function takeSocket(inode: number): number | null {
  const name = `socket:[${inode}]`
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    for (const fd of descriptorsOf(pid)) {
      if (linkOf(`/proc/${pid}/fd/${fd}`) !== name) continue
      const taken = takeFrom(Number(pid), Number(fd), inode)
      if (taken !== null) return taken
    }
  }
  return null
}

/** Where a process listens, as far as it may be asked: keys as in core/listening.ts, with the inode of each socket. */
export function listeningSocketsOf(pid: number): { readonly key: string; readonly inode: number }[] {
  const found = new Map<number, string>()
  for (const fd of descriptorsOf(String(pid))) {
    const inode = Number(/^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`) ?? '')?.[1])
    const taken = inode > 0 && !found.has(inode) ? takeFrom(pid, Number(fd), inode) : null
    if (taken === null) continue
    const key = addressOfSocket(taken)
    closeSync(taken)
    if (key !== null) found.set(inode, key)
  }
  return [...found].map(([inode, key]) => ({ key, inode }))
}

function takeFrom(pid: number, fd: number, inode: number): number | null {
  const pidfd = openPidfd(pid)
  if (pidfd === null) return null
  try {
    const taken = takeFd(pidfd, fd)
    if (fstatSync(taken).ino === inode) return taken
    closeSync(taken) // closed there meanwhile, and something else opened
    return null
  } catch (e) {
    // Not ours to trace, gone meanwhile, or an older kernel.
    if (['EPERM', 'EBADF', 'ESRCH', 'ENOSYS'].includes(errno(e) ?? '')) return null
    throw e
  } finally {
    closeSync(pidfd)
  }
}

function descriptorsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
  } catch {
    return [] // gone, or another user's
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null // closed meanwhile
  }
}
