// Processes that are no children of ours: those that an earlier master made, and what they left. Nobody
// sends us SIGCHLD for them. A pidfd becomes readable at the end of its process; all pidfds stand in one
// epoll, and that one in Node's own loop, so nothing runs until one of them ends. Where the kernel has no
// pidfds, start times are looked at four times a second.
//
// Identity is pid and start time: a number that another process has by now is never taken for ours.

import { closeSync } from 'node:fs'
import type { Clock } from '../core/ports.ts'
import { errno } from '../errors.ts'
import { epollWithNews } from './epoll-news.ts'
import { exitOfPidfd, openPidfd, signalPidfd } from './libc-pidfd.ts'
import { isAlive, statOf } from './proc.ts'
import { type Ended, endedOf } from './reaper.ts'

export interface Strangers {
  /** Tells of its end, once. False = it has ended already, or its number is another's. */
  watch(pid: number, start: number): boolean
  /** False when it has ended. Throws EPERM and the like. Only for watched ones. */
  send(pid: number, signal: string): boolean
  has(pid: number): boolean
  /** It has become our child and was reaped: its number is free. */
  forget(pid: number): void
}

interface Watched {
  readonly pid: number
  readonly start: number
  /** null = the kernel has none. */
  readonly fd: number | null
}

const LOOK_MS = 250

export function watchStrangers(clock: Clock, ended: (e: Ended) => void): Strangers {
  const byPid = new Map<number, Watched>()
  const byFd = new Map<number, Watched>()
  const epoll = epollWithNews(clock, (fd) => {
    const one = byFd.get(fd)
    if (one) end(one)
  })
  let looking = false

  const drop = (one: Watched): void => {
    byPid.delete(one.pid)
    if (one.fd === null) return
    byFd.delete(one.fd)
    epoll.remove(one.fd)
    closeSync(one.fd)
  }

  const end = (one: Watched): void => {
    const status = exitStatus(one)
    drop(one)
    ended(status === null ? { pid: one.pid, code: null, signal: null } : endedOf(one.pid, status))
  }

  /** Without pidfds: all of them, as long as there are any. */
  const look = (): void => {
    if (looking) return
    looking = true
    clock.alarm(clock.now() + LOOK_MS, () => {
      looking = false
      for (const one of [...byPid.values()]) if (one.fd === null && !lives(one)) end(one)
      if ([...byPid.values()].some(({ fd }) => fd === null)) look()
    })
  }

  return {
    watch(pid, start) {
      if (byPid.has(pid)) return true
      const fd = pidfdOf(pid)
      // Looked at after the opening: what is open now stands for this process and no other.
      if (fd === 'gone' || !lives({ pid, start })) {
        if (typeof fd === 'number') closeSync(fd)
        return false
      }
      const one = { pid, start, fd }
      byPid.set(pid, one)
      if (fd === null) look()
      else {
        byFd.set(fd, one)
        epoll.add(fd)
      }
      return true
    },
    send(pid, signal) {
      const one = byPid.get(pid)
      if (!one) return false
      if (one.fd !== null) return signalPidfd(one.fd, signal as NodeJS.Signals)
      return lives(one) && process.kill(pid, signal)
    },
    has: (pid) => byPid.has(pid),
    forget(pid) {
      const one = byPid.get(pid)
      if (one) drop(one)
    },
  }
}

function lives({ pid, start }: Pick<Watched, 'pid' | 'start'>): boolean {
  const stat = statOf(pid)
  return stat !== null && stat.start === start && isAlive(stat)
}

function pidfdOf(pid: number): number | null | 'gone' {
  try {
    return openPidfd(pid) ?? 'gone'
  } catch (e) {
    if (errno(e) === 'ENOSYS' || errno(e) === 'EPERM') return null // an old kernel, or a sandbox that forbids it
    throw e
  }
}

/** How a recorded process ended, where the kernel still tells: it does while nobody has reaped it. */
export function exitOfDead(pid: number, start: number): Omit<Ended, 'pid'> {
  const status = exitStatus({ pid, start, fd: null })
  return status === null ? { code: null, signal: null } : endedOf(pid, status)
}

/** The wait status: of a zombie from /proc, of one that was reaped from its pidfd; null = nobody tells. */
function exitStatus({ pid, start, fd }: Watched): number | null {
  const stat = statOf(pid)
  if (stat?.start === start && stat.state === 'Z') return stat.exit
  return fd === null ? null : exitOfPidfd(fd)
}
