// C library calls on pidfds: a descriptor that stands for one process and no later one with its number,
// whoever its parent is. The third part of libc.ts, by the same rules. Linux 5.3; the exit status 6.15.

import { constants } from 'node:os'
import { check, fail, lastError, lib } from './libc.ts'

const c = {
  syscall: lib.func('long syscall(long number, long a, long b, long c, long d)'),
  ioctl: lib.func('int ioctl(int fd, ulong request, void *value)'),
} as const

// The same numbers on every architecture: they are newer than the tables that differ.
const SYS_PIDFD_SEND_SIGNAL = 424
const SYS_PIDFD_OPEN = 434
const { ESRCH } = constants.errno

/** Close-on-exec; null = there is no such process. Throws ENOSYS where the kernel has none. */
export function openPidfd(pid: number): number | null {
  const fd = Number(c.syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0))
  if (fd >= 0) return fd
  return lastError() === ESRCH ? null : fail('pidfd_open', lastError())
}

/** False when the process has ended. */
export function signalPidfd(fd: number, signal: NodeJS.Signals): boolean {
  const result = Number(c.syscall(SYS_PIDFD_SEND_SIGNAL, fd, constants.signals[signal], 0, 0))
  if (result === -1 && lastError() === ESRCH) return false
  check('pidfd_send_signal', result)
  return true
}

/** struct pidfd_info, version 0: 64 bytes, the exit status in the last four. */
const INFO_BYTES = 64
const EXIT_AT = 60
/** _IOWR(0xFF, 11, struct pidfd_info) */
const PIDFD_GET_INFO = 0xc000ff0b + (INFO_BYTES << 16)
const PIDFD_INFO_EXIT = 1n << 3n

/** The wait status of a process that has ended and was reaped; null = the kernel does not tell (yet). */
export function exitOfPidfd(fd: number): number | null {
  const info = Buffer.alloc(INFO_BYTES)
  info.writeBigUInt64LE(PIDFD_INFO_EXIT, 0)
  if (c.ioctl(fd, PIDFD_GET_INFO, info) === -1) return null // an older kernel, or not over yet
  return (info.readBigUInt64LE(0) & PIDFD_INFO_EXIT) === 0n ? null : info.readInt32LE(EXIT_AT)
}

const SYS_PIDFD_GETFD = 438

/** A second descriptor of what another process has open, close-on-exec. Linux 5.6; needs the right to trace it (ptrace(2)). */
export function takeFd(pidfd: number, theirs: number): number {
  return check('pidfd_getfd', Number(c.syscall(SYS_PIDFD_GETFD, pidfd, theirs, 0, 0)))
}
