// C library calls on listening sockets: made, bound and listening without libuv, which would take connections from
// them. Another part of libc.ts, by the same rules.

import { closeSync } from 'node:fs'
import { isIP } from 'node:net'
import { constants } from 'node:os'
import { check, lastError, lib, nameStruct, uncut } from './libc.ts'

nameStruct('sock_fprog', { count: 'uint16_t', filter: 'void *' })

const c = {
  socket: lib.func('int socket(int domain, int type, int protocol)'),
  bind: lib.func('int bind(int fd, void *address, uint length)'),
  connect: lib.func('int connect(int fd, void *address, uint length)'),
  listen: lib.func('int listen(int fd, int backlog)'),
  sendto: lib.func('int64_t sendto(int fd, void *text, size_t length, int flags, void *address, uint addressLength)'),
  setsockopt: lib.func('int setsockopt(int fd, int level, int name, void *value, uint length)'),
  attach: lib.func('int setsockopt(int fd, int level, int name, sock_fprog *program, uint length)'),
  getsockopt: lib.func('int getsockopt(int fd, int level, int name, int32_t *value, _Inout_ uint32_t *length)'),
  getsockname: lib.func('int getsockname(int fd, void *address, _Inout_ uint32_t *length)'),
  inet_pton: lib.func('int inet_pton(int family, const char *text, void *address)'),
} as const

const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
export const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_REUSEPORT = 15
const SO_ACCEPTCONN = 30
const SO_ATTACH_REUSEPORT_CBPF = 51
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
/** struct sockaddr_storage */
const ADDRESS_BYTES = 128
const UNIX_PATH_AT = 2

/**
 * A TCP socket bound to the address, close-on-exec, and blocking: whoever accepts decides that for itself.
 * `host` is an IP address; null = every address, IPv4 and IPv6 where there is one. `shared`: others of this user
 * may be bound there, and the kernel balances between all of them.
 */
export function boundTcp(host: string | null, port: number, shared: boolean): number {
  if (host !== null) return bound(isIP(host) === 4 ? AF_INET : AF_INET6, addressOf(host, port), shared, 1)
  try {
    return bound(AF_INET6, addressOf('::', port), shared, 0)
  } catch (e) {
    const { code } = e as { readonly code?: string }
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw e
    return bound(AF_INET, addressOf('0.0.0.0', port), shared, 1) // a machine without IPv6
  }
}

function bound(family: number, address: Buffer, shared: boolean, v6Only: 0 | 1): number {
  const fd = check('socket', c.socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0))
  try {
    option(fd, SOL_SOCKET, SO_REUSEADDR, 1)
    if (family === AF_INET6) option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6Only)
    if (shared) shareAddress(fd)
    check('bind', c.bind(fd, address, address.length))
    return fd
  } catch (e) {
    closeSync(fd)
    throw e
  }
}

/**
 * A Unix socket bound to the path, close-on-exec: for streams and blocking, or for datagrams and not. The caller sees
 * to what stands there, and to the umask. `prepare` is called before it is bound.
 */
export function boundUnix(path: string, kind: 'stream' | 'datagram', prepare?: (fd: number) => void): number {
  const type = kind === 'stream' ? SOCK_STREAM : SOCK_DGRAM | SOCK_NONBLOCK
  const fd = check('socket', c.socket(AF_UNIX, type | SOCK_CLOEXEC, 0))
  try {
    prepare?.(fd)
    const address = unixAddress(path)
    check('bind', c.bind(fd, address, address.length))
    return fd
  } catch (e) {
    closeSync(fd)
    throw e
  }
}

/** May be called again, with another backlog. */
export function listenOn(fd: number, backlog: number): void {
  check('listen', c.listen(fd, backlog))
}

/** Others of the same user may bind the same address, and the kernel balances between all of them. */
export function shareAddress(fd: number): void {
  option(fd, SOL_SOCKET, SO_REUSEPORT, 1)
}

/** Does anybody accept connections on the Unix socket at this path? */
export function isServed(path: string): boolean {
  const fd = check('socket', c.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
  try {
    const address = unixAddress(path)
    // EAGAIN: its queue is full, so somebody listens.
    return uncut(() => c.connect(fd, address, address.length)) === 0 || lastError() === constants.errno.EAGAIN
  } finally {
    closeSync(fd)
  }
}

const MSG_DONTWAIT = 0x40

/**
 * Sends one datagram to the Unix socket of that name; one that begins with @ is abstract (unix(7)). Never waits: throws
 * EAGAIN where its queue is full.
 */
export function sendDatagram(name: string, text: string): void {
  const fd = check('socket', c.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))
  try {
    const bytes = Buffer.from(text)
    const address = unixAddress(name.replace(/^@/, '\0'))
    // The name of an abstract socket is all of its bytes: one more at the end would be another name.
    const length = name.startsWith('@') ? address.length - 1 : address.length
    const sent = uncut(() => c.sendto(fd, bytes, bytes.length, MSG_DONTWAIT, address, length))
    check('sendto', Number(sent))
  } finally {
    closeSync(fd)
  }
}

/** Where a listening socket listens, as its key in core/listening.ts; null = it is none of ours, or does not listen. */
export function addressOfSocket(fd: number): string | null {
  const value = new Int32Array(1)
  if (c.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, value, Uint32Array.of(4)) === -1 || value[0] !== 1) return null
  const address = Buffer.alloc(ADDRESS_BYTES)
  const length = Uint32Array.of(ADDRESS_BYTES)
  check('getsockname', c.getsockname(fd, address, length))
  const family = address.readUInt16LE(0)
  if (family === AF_INET) {
    const host = [...address.subarray(4, 8)].join('.')
    return `tcp ${host === '0.0.0.0' ? '' : host}:${address.readUInt16BE(2)}`
  }
  if (family === AF_INET6) {
    const host = v6Text(address.subarray(8, 24))
    return `tcp ${host === '::' ? '' : host}:${address.readUInt16BE(2)}`
  }
  if (family !== AF_UNIX) return null
  const path = address.subarray(UNIX_PATH_AT, length[0] ?? 0).toString()
  return `unix ${path.replace(/\0.*$/s, '')}`
}

function addressOf(host: string, port: number): Buffer {
  const isV4 = isIP(host) === 4
  // sockaddr_in: family, port, 4 bytes. sockaddr_in6: family, port, flow, 16 bytes, scope.
  const address = Buffer.alloc(isV4 ? 16 : 28)
  address.writeUInt16LE(isV4 ? AF_INET : AF_INET6, 0)
  address.writeUInt16BE(port, 2)
  const bytes = address.subarray(isV4 ? 4 : 8)
  if (c.inet_pton(isV4 ? AF_INET : AF_INET6, host, bytes) !== 1) throw new Error(`${host} is no IP address`)
  return address
}

function unixAddress(path: string): Buffer {
  const address = Buffer.alloc(UNIX_PATH_AT + Buffer.byteLength(path) + 1)
  address.writeUInt16LE(AF_UNIX, 0)
  address.write(path, UNIX_PATH_AT)
  return address
}

/** The shortest text of an IPv6 address. */
const v6Text = (bytes: Buffer): string => {
  const groups = Array.from({ length: 8 }, (_none, at) => bytes.readUInt16BE(at * 2).toString(16))
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
}

export function option(fd: number, level: number, name: number, value: number): void {
  check('setsockopt', c.setsockopt(fd, level, name, Int32Array.of(value), 4))
}

// balance -------------------------------------------------------------------------------------------------

/** linux/filter.h: struct sock_filter, 8 bytes; struct sock_fprog, 16. */
const BPF_LD_W_ABS = 0x20
const BPF_ALU_MOD_K = 0x94
const BPF_JEQ_K = 0x15
const BPF_RET_K = 0x06
const BPF_RET_A = 0x16
/** SKF_AD_OFF + SKF_AD_RANDOM: a random number, where a hash would be 0 for all who come over the loopback. */
const RANDOM = 0xfffff000 + 56
/** BPF_MAXINSNS is 4096. */
const MOST_CHOICES = 2000

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number]

/**
 * Which sockets of an address get new connections, by their places in the kernel's list (the order of binding; a
 * socket that is closed gives its place to the last). Applies to all sockets of the address.
 */
export function chooseAmong(fd: number, places: readonly number[]): void {
  const count = places.length
  const program: Instruction[] = [
    [BPF_LD_W_ABS, 0, 0, RANDOM],
    [BPF_ALU_MOD_K, 0, 0, count],
  ]
  if (places.every((place, at) => place === at) || count > MOST_CHOICES) program.push([BPF_RET_A, 0, 0, 0])
  else {
    for (const [at, place] of places.entries()) program.push([BPF_JEQ_K, 0, 1, at], [BPF_RET_K, 0, 0, place])
    program.push([BPF_RET_K, 0, 0, places[0] ?? 0])
  }
  const text = Buffer.alloc(program.length * 8)
  program.forEach(([code, ifTrue, ifFalse, k], at) => {
    text.writeUInt16LE(code, at * 8)
    text.writeUInt8(ifTrue, at * 8 + 2)
    text.writeUInt8(ifFalse, at * 8 + 3)
    text.writeUInt32LE(k, at * 8 + 4)
  })
  const all = { count: program.length, filter: text }
  check('setsockopt', c.attach(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, all, 16))
}
