// A second descriptor of a listening socket. Node closes the descriptor that a server listened on; who
// is to stop accepting and to begin again later listens on duplicates, and keeps the first one.
// koffi is loaded at the first use: only workers that bound what they have in hand need it.

import { createRequire } from 'node:module'

/** Linux: the lowest free descriptor from the argument on, not inherited by what the process starts. */
const F_DUPFD_CLOEXEC = 1030

let fcntl: ((fd: number, command: number, type: 'int', least: number) => number) | null = null

export function duplicate(fd: number): number {
  fcntl ??= load()
  const made = fcntl(fd, F_DUPFD_CLOEXEC, 'int', fd)
  if (made < 0) throw new Error(`cannot listen on descriptor ${fd}: it is not open, or too many are`)
  return made
}

function load(): NonNullable<typeof fcntl> {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  return koffi.load('libc.so.6').func('int fcntl(int fd, int command, ...)') as unknown as NonNullable<typeof fcntl>
}
