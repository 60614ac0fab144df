// The locks of programs with single_instance: an flock(2) on a file for each, in a folder that all masters of one
// configuration share (phd --instance NAME). Whoever holds it writes there who it is, and, before anything else, what
// processes a former holder has left: those are ended before ours are made, also when we are killed meanwhile and
// a third one goes on. A holder that lets go in order leaves the file without a name.
//
// flock(2) tells nobody when it is let go, and a wait for it would hold a thread for each program. So those who wait
// try it again four times a second, as long as somebody waits: that also sees files that were deleted.

import { closeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock, LockNeed, SingleLocks, Standing } from '../core/ports.ts'
import type { Spec } from '../core/spec.ts'
import { messageOf, PhError } from '../errors.ts'
import { makeFolder } from './folders.ts'
import { evict, recordedOf } from './former-holder.ts'
import { type Entry, entryIn, type Former, lockAt, nothing, type Self, writeEntry } from './single-lock-file.ts'

export interface SystemSingleLocks extends SingleLocks {
  take(spec: Spec): Standing | null
  keep(program: string, need: LockNeed): void
  /** At the start of a master, before it looks at its processes: is the lock still its own? If not, they are the holder's to end. Throws PhError. */
  reclaim(program: string): boolean
  /** Descriptors of all that are held, by program: for the program that we are about to become. */
  handOver(): Readonly<Record<string, number>>
}

export interface SingleLockOptions {
  /** Common to all masters of the file. */
  readonly folder: string
  readonly self: Self
  readonly handed: Readonly<Record<string, number>>
  readonly clock: Clock
  /** To those who wait: the lock is ours (null), or what has changed about it. */
  news(program: string, standing: Standing | null): void
  log(facts: object, text: string): void
}

interface Held {
  readonly fd: number
  /** What is still to be ended; null = nothing. */
  former: Former | null
  /** It is being ended. */
  under: boolean
  /** Why that does not come about. */
  refused: string | null
  /** Let go as soon as that is done. */
  unwanted: boolean
}

const LOOK_MS = 250
/** At the start alone: until a winner has written down what it found. */
const PAUSE_MS = 10
const PAUSES = 100

export function singleLocks({ folder, self, handed, clock, news, log }: SingleLockOptions): SystemSingleLocks {
  const held = new Map<string, Held>()
  /** What those who wait know. */
  const waiting = new Map<string, string>()
  let looking = false

  const pathOf = (program: string): string => join(folder, `${program}.lock`)

  const hold = (program: string, fd: number, { processes, sockets }: Former): Held => {
    const none = processes.length === 0 && sockets.length === 0
    const one = { fd, former: none ? null : { processes, sockets }, under: false, refused: null, unwanted: false }
    held.set(program, one)
    return one
  }

  /** null = another has it. */
  const acquire = (program: string): { readonly before: Entry } | null => {
    makeFolder(dirname(dirname(folder)), 0o711)
    makeFolder(dirname(folder), 0o700)
    makeFolder(folder, 0o700)
    const path = pathOf(program)
    const fd = lockAt(path)
    if (fd === null) return null
    try {
      const before = entryIn(path)
      const next = afterwards(program, before)
      writeEntry(fd, { holder: self, ...next })
      hold(program, fd, next)
      return { before }
    } catch (e) {
      closeSync(fd) // what is not written down would be lost with us
      throw e
    }
  }

  /** All that may live of holders before us. Our own is our record's, unless another has held the lock since. */
  const afterwards = (program: string, { holder, processes, sockets }: Entry): Former => {
    if (!holder || holder.runPath === self.runPath) return { processes, sockets }
    return {
      processes: [...processes, ...recordedOf(join(holder.runPath, 'state'), program)],
      sockets: [...new Set([...sockets, holder.socket])],
    }
  }

  const letGo = (program: string, { fd }: Held): void => {
    held.delete(program)
    noteDone(program, fd, null)
    closeSync(fd)
  }

  /** Nothing is left to be ended. Where that cannot be written, a next holder finds it out for itself. */
  const noteDone = (program: string, fd: number, holder: Self | null): void => {
    try {
      writeEntry(fd, { holder, ...nothing })
    } catch (e) {
      log({ program, err: messageOf(e) }, 'cannot write the file of the lock')
    }
  }

  const end = (program: string, one: Held, former: Former, spec: Spec): void => {
    one.under = true
    const { processes, sockets } = former
    log({ program, pids: processes.map(({ pid }) => pid), sockets }, 'what the former holder has left is ended first')
    evict({
      program,
      former,
      spec,
      clock,
      refused: (why) => {
        if (one.refused !== null) return
        one.refused = why
        log({ program, err: why }, 'what the former holder has left does not end')
        news(program, leaving(one))
      },
      done() {
        one.former = null
        one.under = false
        noteDone(program, one.fd, self)
        if (one.unwanted) letGo(program, one)
        else news(program, null)
      },
    })
  }

  const look = (wait: number): void => {
    if (looking || waiting.size === 0) return
    looking = true
    clock.alarm(clock.now() + wait, () => {
      looking = false
      for (const [program, known] of [...waiting]) {
        if (held.get(program)?.under) continue
        const standing = tried(program)
        if (standing !== null && standing.reason === known) continue
        if (standing) waiting.set(program, standing.reason)
        news(program, standing)
      }
      look(LOOK_MS)
    })
  }

  /** null = it is ours, whatever is still to be done. */
  const tried = (program: string): Standing | null => {
    try {
      return held.has(program) || acquire(program) ? null : standingOf(entryIn(pathOf(program)).holder)
    } catch (e) {
      const reason = messageOf(e)
      if (waiting.get(program) !== reason) log({ program, err: reason }, 'no process of it is started')
      return { of: null, reason }
    }
  }

  for (const [program, fd] of Object.entries(handed)) hold(program, fd, entryIn(pathOf(program)))
  return {
    take(spec) {
      const { program } = spec
      const standing = tried(program)
      const one = held.get(program)
      if (standing) waiting.set(program, standing.reason)
      if (standing || !one?.former) return standing
      one.unwanted = false
      if (!one.under) end(program, one, one.former, spec)
      waiting.set(program, '')
      return leaving(one)
    },
    holds: (program) => held.get(program)?.former === null,
    keep(program, need: LockNeed) {
      if (need === 'news') {
        const isNew = !waiting.has(program) // of a record: nobody has tried yet
        if (isNew) waiting.set(program, '')
        look(isNew ? 0 : LOOK_MS)
        return
      }
      waiting.delete(program)
      const one = held.get(program)
      if (!one || need === 'lock') return
      one.unwanted = true
      if (!one.under) letGo(program, one)
    },
    reclaim(program) {
      for (let pauses = 0; pauses < PAUSES && !held.has(program); pauses++) {
        const got = acquire(program)
        if (got) return !got.before.holder || got.before.holder.runPath === self.runPath
        // Whoever has it reads our record before it writes its own name; until then we must not change that.
        const { holder } = entryIn(pathOf(program))
        if (holder && holder.runPath !== self.runPath) return false
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
      }
      if (held.has(program)) return true
      throw new PhError('PH_LOCKED', `cannot start: another master holds ${pathOf(program)} and does not say who it is`)
    },
    handOver: () => Object.fromEntries([...held].map(([program, { fd }]) => [program, fd])),
  }
}

function leaving({ refused }: Held): Standing {
  return { of: null, reason: refused ?? 'what the former holder has left is being ended' }
}

function standingOf(holder: Self | null): Standing {
  if (!holder) return { of: null, reason: 'another master is about to run it' }
  const who = holder.instance === null ? 'the master without a name' : `instance ${holder.instance}`
  return {
    of: `${holder.instance ?? 'the master without a name'} (pid ${holder.pid})`,
    reason: `${who} (pid ${holder.pid}) runs it`,
  }
}
