// C library calls on datagram sockets with a path, and on who sends to them (unix(7)). Another part of
// libc.ts, by the same rules.

import { constants } from 'node:os'
import { fail, lastError, lib, nameStruct, uncut } from './libc.ts'
import { boundUnix, option, SOL_SOCKET } from './libc-socket.ts'

nameStruct('iovec', { base: 'void *', length: 'size_t' })
nameStruct('msghdr', {
  name: 'void *',
  nameLength: 'uint32_t',
  iov: 'iovec *',
  iovLength: 'size_t',
  control: 'void *',
  controlLength: 'size_t',
  flags: 'int',
})

const c = {
  recvmsg: lib.func('int64_t recvmsg(int fd, _Inout_ msghdr *message, int flags)'),
} as const

const SO_PASSCRED = 16
const SO_RCVBUF = 8
/** Words come in bursts; the kernel keeps at least ten of them anyway (net.unix.max_dgram_qlen). */
const RECEIVE_BYTES = 64 * 1024

/** A datagram socket at a path that is free, close-on-exec and non-blocking; its mode is cut by the umask. Throws EADDRINUSE. */
export function bindDatagrams(path: string): number {
  return boundUnix(path, 'datagram', (fd) => {
    option(fd, SOL_SOCKET, SO_PASSCRED, 1)
    option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES)
  })
}

const MSG_DONTWAIT = 0x40
const MSG_CMSG_CLOEXEC = 0x40000000
const SCM_CREDENTIALS = 2
/** CMSG_SPACE(sizeof(struct ucred)) on every 64-bit Linux. */
const CREDENTIALS_BYTES = 32
const MOST_BYTES = 4096

export interface Datagram {
  readonly text: string
  /** As the kernel says; 0 = a process that we cannot see. */
  readonly pid: number
}

const bytes = Buffer.alloc(MOST_BYTES)
const control = Buffer.alloc(CREDENTIALS_BYTES)

/**
 * The next datagram; null = none waits. Descriptors that came with it are closed by the kernel, for the room is
 * just enough for the sender's credentials: who waits for that (systemd-notify's BARRIER=1) goes on.
 */
export function receive(fd: number): Datagram | null {
  control.fill(0)
  const message = {
    name: null,
    nameLength: 0,
    iov: [{ base: bytes, length: bytes.length }],
    iovLength: 1,
    control,
    controlLength: control.length,
    flags: 0,
  }
  const length = Number(uncut(() => c.recvmsg(fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)))
  if (length === -1) return lastError() === constants.errno.EAGAIN ? null : fail('recvmsg', lastError())
  // struct cmsghdr: its length, level, type; then pid, uid, gid.
  const told = control.readUInt32LE(8) === SOL_SOCKET && control.readUInt32LE(12) === SCM_CREDENTIALS
  return { text: bytes.toString('utf8', 0, length), pid: told ? control.readInt32LE(16) : 0 }
}
