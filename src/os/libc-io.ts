// C library calls on descriptors: pipes and FIFOs, moving bytes inside the kernel, hearing that a pipe
// has data, locks, peers of a socket. The second half of libc.ts, by the same rules.

import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import { check, fail, lastError, lib, uncut } from './libc.ts'

const c = {
  pipe2: lib.func('int pipe2(int32_t *fds, int flags)'),
  mkfifo: lib.func('int mkfifo(const char *path, uint mode)'),
  flock: lib.func('int flock(int fd, int operation)'),
  fcntl: lib.func('int fcntl(int fd, int command, ...)'),
  getpagesize: lib.func('int getpagesize()'),
  getsockopt: lib.func('int getsockopt(int fd, int level, int name, int32_t *value, _Inout_ uint32_t *length)'),
  poll: lib.func('int poll(void *fds, ulong count, int timeout)'),
  splice: lib.func('int64_t splice(int in, int64_t *offIn, int out, int64_t *offOut, size_t length, uint flags)'),
  tee: lib.func('int64_t tee(int in, int out, size_t length, uint flags)'),
  ioctl: lib.func('int ioctl(int fd, ulong request, int32_t *value)'),
  epollCreate: lib.func('int epoll_create1(int flags)'),
  epollCtl: lib.func('int epoll_ctl(int epoll, int operation, int fd, void *event)'),
  epollWait: lib.func('int epoll_wait(int epoll, void *events, int most, int timeout)'),
} as const

// files and pipes -------------------------------------------------------------------------------------------

/** fcntl.h; Node has no name for it. */
const O_CLOEXEC = 0o2000000

/** A pipe, close-on-exec at both ends. */
export function makePipe(): { readonly read: number; readonly write: number } {
  const fds = new Int32Array(2)
  check('pipe2', c.pipe2(fds, O_CLOEXEC))
  return { read: fds[0] ?? -1, write: fds[1] ?? -1 }
}

/** Makes a FIFO; throws EEXIST when something stands there. The mode is cut by the umask. */
export function mkfifo(path: string, mode: number): void {
  check('mkfifo', c.mkfifo(path, mode))
}

const LOCK_EX_NB = 2 | 4

/** Takes the exclusive flock(2) of an open file; false when another open file description holds it. */
export function lockFile(fd: number): boolean {
  if (uncut(() => c.flock(fd, LOCK_EX_NB)) === 0) return true
  const number = lastError()
  return number === constants.errno.EWOULDBLOCK ? false : fail('flock', number)
}

const F_DUPFD_CLOEXEC = 1030

/** A second descriptor of the same thing, close-on-exec. */
export const duplicateFd = (fd: number): number => check('fcntl', c.fcntl(fd, F_DUPFD_CLOEXEC, 'int', 3))

const F_SETFD = 2
const FD_CLOEXEC = 1

/** Whether a descriptor outlives an exec. */
export function keepOnExec(fd: number, keep: boolean): void {
  check('fcntl', c.fcntl(fd, F_SETFD, 'int', keep ? 0 : FD_CLOEXEC))
}

const F_SETPIPE_SZ = 1031

const F_GETPIPE_SZ = 1032

/** A pipe's size in bytes. */
export const pipeSize = (fd: number): number => check('fcntl', c.fcntl(fd, F_GETPIPE_SZ))

/** Sets a pipe's size in bytes. Where the user's share of pipe pages is used up it keeps its size: slower, nothing lost. */
export function growPipe(fd: number, bytes: number): void {
  if (c.fcntl(fd, F_SETPIPE_SZ, 'int', bytes) !== -1) return
  const number = lastError()
  if (number !== constants.errno.EPERM && number !== constants.errno.EBUSY) fail('fcntl', number)
}

// moving bytes -------------------------------------------------------------------------------------

const SPLICE_MOVE_NONBLOCK = 1 | 2
const { EAGAIN } = constants.errno
const FIONREAD = 0x541b

/** Bytes that a pipe holds now. */
export function pipeBytes(fd: number): number {
  const value = new Int32Array(1)
  check('ioctl', c.ioctl(fd, FIONREAD, value))
  return value[0] ?? 0
}

/**
 * Moves up to `length` bytes from a pipe to `offset` of a file (or, with null, to a pipe or device),
 * without a copy in our memory. 0 = empty and all writers are gone, null = empty for now.
 * Throws ENOSPC and the like: then nothing has left the pipe.
 */
export function spliceTo(pipe: number, out: number, offset: number | null, length: number): number | null {
  const at = offset === null ? null : BigInt64Array.of(BigInt(offset))
  const moved = Number(uncut(() => c.splice(pipe, null, out, at, length, SPLICE_MOVE_NONBLOCK)))
  if (moved >= 0) return moved
  return lastError() === EAGAIN ? null : fail('splice', lastError())
}

/** Duplicates up to `length` bytes of a pipe into another pipe; they stay in the first. 0 and null as above. */
export function teeTo(pipe: number, out: number, length: number): number | null {
  const copied = Number(uncut(() => c.tee(pipe, out, length, SPLICE_MOVE_NONBLOCK)))
  if (copied >= 0) return copied
  return lastError() === EAGAIN ? null : fail('tee', lastError())
}

/** May more come from a FIFO that was opened for reading? Without writers and empty it is at its end. */
export function pipeIsOpen(fd: number): boolean {
  const scratch = makePipe()
  try {
    return teeTo(fd, scratch.write, 1) !== 0
  } finally {
    closeSync(scratch.read)
    closeSync(scratch.write)
  }
}

// hearing of data -----------------------------------------------------------------------------------

const F_SETFL = 4
const F_SETOWN = 8
const O_ASYNC = 0o20000
const O_NONBLOCK = 0o4000
const EPOLL_CTL_ADD = 1
const EPOLL_CTL_DEL = 2
const EPOLLIN = 1
const EPOLLHUP = 16
/** Once for each arrival, not as long as something is there. */
const EPOLLET = 2 ** 31
/** epoll.h packs the event on x86-64 only. */
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16
const DATA_AT = process.arch === 'x64' ? 4 : 8
const MOST_EVENTS = 256

/** SIGIO to this process whenever bytes arrive in the pipe or its last writer leaves; or no more of it. The descriptor is non-blocking then. */
export function signalOnData(fd: number, on: boolean): void {
  if (on) check('fcntl', c.fcntl(fd, F_SETOWN, 'int', process.pid))
  check('fcntl', c.fcntl(fd, F_SETFL, 'int', on ? O_NONBLOCK | O_ASYNC : O_NONBLOCK))
}

export interface Arrival {
  readonly fd: number
  readonly hup: boolean
}

export interface Epoll {
  /** Readable itself while any of them has news. */
  readonly fd: number
  add(fd: number): void
  remove(fd: number): void
  /** Arrivals since the last look; never blocks. `hup`: the last writer has gone. */
  arrivals(): Arrival[]
}

/** Which of many pipes have news, asked once for all. */
export function openEpoll(): Epoll {
  const epoll = check('epoll_create1', c.epollCreate(O_CLOEXEC))
  const event = Buffer.alloc(EVENT_BYTES)
  const events = Buffer.alloc(EVENT_BYTES * MOST_EVENTS)
  return {
    fd: epoll,
    add(fd) {
      event.writeUInt32LE(EPOLLIN + EPOLLET, 0)
      event.writeInt32LE(fd, DATA_AT)
      check('epoll_ctl', c.epollCtl(epoll, EPOLL_CTL_ADD, fd, event))
    },
    remove(fd) {
      check('epoll_ctl', c.epollCtl(epoll, EPOLL_CTL_DEL, fd, event))
    },
    arrivals() {
      const found: Arrival[] = []
      for (;;) {
        const count = check(
          'epoll_wait',
          uncut(() => c.epollWait(epoll, events, MOST_EVENTS, 0)),
        )
        for (let at = 0; at < count * EVENT_BYTES; at += EVENT_BYTES) {
          found.push({ fd: events.readInt32LE(at + DATA_AT), hup: (events.readUInt32LE(at) & EPOLLHUP) !== 0 })
        }
        if (count < MOST_EVENTS) return found
      }
    },
  }
}

/** Bytes of a memory page. */
export const pageBytes = (): number => c.getpagesize()

// peers -------------------------------------------------------------------------------------------

const SOL_SOCKET = 1
const SO_PEERCRED = 17
const SO_PEERGROUPS = 59
/** limits.h */
const NGROUPS_MAX = 65_536

export interface Peer {
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/** Who is at the other end of a connected Unix socket, as the kernel noted at connect time (unix(7)). */
export function peerOf(fd: number): Peer {
  const cred = new Int32Array(3)
  check('getsockopt', c.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, cred, Uint32Array.of(12)))
  return { pid: cred[0] ?? 0, uid: cred[1] ?? 0, gid: cred[2] ?? 0 }
}

/** Its supplementary groups. Linux 4.13. */
export function peerGroupsOf(fd: number): readonly number[] {
  const groups = new Int32Array(NGROUPS_MAX)
  const bytes = Uint32Array.of(groups.byteLength)
  check('getsockopt', c.getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, bytes))
  return [...groups.subarray(0, (bytes[0] ?? 0) / 4)]
}

const POLLHUP = 0x10

/** Has the peer of a stream socket closed both ways? One that only shut its writing side down has not (poll(2)). */
export function hungUp(fd: number): boolean {
  const entry = new Int32Array([fd, 0])
  check(
    'poll',
    uncut(() => c.poll(entry, 1, 0)),
  )
  // struct pollfd: int fd, short events, short revents.
  return ((new Int16Array(entry.buffer)[3] ?? 0) & POLLHUP) !== 0
}
