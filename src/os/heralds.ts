// What a process is given to say that it is ready, and the ears for it: a datagram socket of its own
// (NOTIFY_SOCKET, sd_notify), or a descriptor for one newline (s6). Both have a name in run_path, made of the
// process's token, so a next master opens the same ones anew.
//
// A socket ends with the master that has it: what is said while none lives is refused to the process (ECONNREFUSED)
// and never comes again. The descriptor is a FIFO, which its process keeps open: a newline waits in it. One that
// has no writer any more when a master takes over has been closed meanwhile, as is done after the newline: it counts as said.
//
// Each process has a socket of its own, so who is meant is known; that the sender is the process, or one that it
// has made, is asked of the kernel. A sender that has ended by then (`systemd-notify --no-block`) is believed: only its own
// user may write there. Must not decide what a word means.

import { closeSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Herald, Heralds } from '../core/ports.ts'
import type { Ready } from '../core/spec.ts'
import type { Event, State } from '../core/state.ts'
import { errno, messageOf } from '../errors.ts'
import { epollWithNews } from './epoll-news.ts'
import { clearFolder } from './folders.ts'
import { bindSocket, isOfFamily, makeFifo, openReader, remove } from './herald-files.ts'
import { pipeIsOpen } from './libc-io.ts'
import { receive } from './libc-notify.ts'
import { wordsOf } from './notify-words.ts'
import { statOf } from './proc.ts'

export interface HeraldsOptions {
  /** Where the sockets and FIFOs stand. */
  readonly folder: string
  readonly clock: Clock
  /** Of the processes of an earlier master: what is theirs stays where it is. */
  readonly tokens: readonly string[]
  /** What the program that this process was has open, by name. */
  readonly open: Readonly<Record<string, number>>
  /** A process says something of itself. */
  said(pid: number, event: Event): void
  /** Something that is worth a line of the log. */
  noted(facts: object, text: string): void
}

export interface Ears extends Heralds {
  /** What is open, by name, for the program that we are about to become. */
  handOver(): Readonly<Record<string, number>>
  /** For the end of the master. */
  close(): void
}

/** As far as it is asked here. */
interface StartState {
  readonly at: State['at']
  readonly missed?: string
}

interface Ear {
  readonly name: string
  readonly kind: 'notify' | 'fd'
  readonly fd: number
  readonly token: string
  /** null until it is born: what it says earlier waits in the kernel. */
  pid: number | null
  told: boolean
}

/** Datagrams that one process may have heard in a turn; then others have theirs. */
const QUOTA = 64
/** As many digits of the token tell all processes apart, and leave room in a socket's path. */
const NAME_LENGTH = 16

export function listenForHeralds({ folder, clock, tokens, open, said, noted }: HeraldsOptions): Ears {
  const ears = new Map<number, Ear>()
  /** By token: what is removed with its process. */
  const files = new Map<string, string>()
  const held = new Map(Object.entries(open))
  const epoll = epollWithNews(clock, (fd) => {
    const ear = ears.get(fd)
    if (ear) hear(ear)
  })
  const known = new Set(tokens.map(nameOf))
  clearFolder(folder, (name) => known.has(name.replace(/\.fd$/, '')))

  const hear = (ear: Ear): void => {
    if (ear.pid === null || ears.get(ear.fd) !== ear) return
    if (ear.kind === 'fd') hearNewline(ear, ear.pid)
    else hearWords(ear, ear.pid)
  }

  const hearWords = (ear: Ear, pid: number): void => {
    for (let count = 0; count < QUOTA; count++) {
      const datagram = receive(ear.fd)
      if (!datagram) return
      const { events, mainPid } = wordsOf(datagram.text)
      if (!isOfFamily(datagram.pid, pid, ear.token)) {
        if (!ear.told)
          noted({ pid, sender: datagram.pid }, 'a stranger writes to the NOTIFY_SOCKET of a process: ignored')
        ear.told = true
        continue
      }
      if (mainPid !== null && mainPid !== pid) noteMainPid(mainPid, pid, ear.token)
      for (const event of events) said(pid, event)
      if (ears.get(ear.fd) !== ear) return // what it said has ended it
    }
    clock.soon(() => hear(ear))
  }

  /** The process that was made stays the one that is watched and signalled. */
  const noteMainPid = (main: number, pid: number, token: string): void => {
    const isOurs = statOf(main) !== null && isOfFamily(main, pid, token)
    noted(
      { pid, mainPid: main },
      isOurs
        ? 'MAINPID noted: the process that was started is still the one that counts'
        : 'MAINPID ignored: no descendant of the process',
    )
  }

  const hearNewline = (ear: Ear, pid: number): void => {
    const bytes = Buffer.alloc(512)
    for (;;) {
      let length: number
      try {
        length = readSync(ear.fd, bytes, 0, bytes.length, null)
      } catch (e) {
        if (errno(e) === 'EAGAIN') return
        throw e
      }
      if (bytes.subarray(0, length).includes(0x0a)) said(pid, { type: 'ready' })
      else if (length === 0) said(pid, { type: 'missed', text: 'it has closed it without a newline' })
      if (length === 0) drop(ear)
      if (ears.get(ear.fd) !== ear) return
    }
  }

  const add = (ear: Ear): Ear => {
    ears.set(ear.fd, ear)
    files.set(ear.token, join(folder, ear.name))
    epoll.add(ear.fd)
    return ear
  }

  const drop = (ear: Ear): void => {
    ears.delete(ear.fd)
    epoll.remove(ear.fd)
    closeSync(ear.fd)
  }

  const earsOf = (token: string): Ear[] => [...ears.values()].filter((ear) => ear.token === token)

  const forget = (token: string): void => {
    for (const ear of earsOf(token)) drop(ear)
    const file = files.get(token)
    if (file !== undefined) remove(file)
    files.delete(token)
  }

  const bind = (token: string, pid: number): void => {
    for (const ear of earsOf(token)) {
      ear.pid = pid
      clock.soon(() => hear(ear))
    }
  }

  /** What the program that this process was had open there. */
  const inherit = (name: string): number | null => {
    const fd = held.get(name) ?? null
    held.delete(name)
    return fd
  }

  const listen = (kind: Ear['kind'], token: string, fd: number): Ear =>
    add({ name: nameFor(kind, token), kind, fd, token, pid: null, told: false })

  const adoptFifo = (token: string, pid: number, { at, missed }: StartState): void => {
    const name = nameFor('fd', token)
    const path = join(folder, name)
    files.set(token, path)
    const inherited = inherit(name)
    const fd = inherited ?? (at === 'starting' ? openReader(path) : null)
    if (fd === null) return
    // Once it is ready nothing more is heard there.
    if (at === 'starting' && (inherited !== null || pipeIsOpen(fd))) {
      listen('fd', token, fd)
      return
    }
    closeSync(fd)
    if (at === 'starting' && missed === undefined) clock.soon(() => said(pid, { type: 'ready' }))
  }

  return {
    prepare({ spec }, token, owner): Herald {
      const { ready, workerTimeoutMs } = spec
      const path = join(folder, nameFor(ready.kind, token))
      if (ready.kind === 'notify') {
        listen('notify', token, bindSocket(path, owner))
        const watchdog = workerTimeoutMs > 0 ? { WATCHDOG_USEC: String(Math.round(workerTimeoutMs * 1000)) } : {}
        return { env: { NOTIFY_SOCKET: path, ...watchdog }, fd: null, release: () => undefined }
      }
      if (ready.kind !== 'fd') return { env: {}, fd: null, release: () => undefined }
      const { ours, theirs } = makeFifo(path, owner)
      listen('fd', token, ours)
      return { env: {}, fd: { at: ready.fd, from: theirs }, release: () => closeSync(theirs) }
    },
    bind,
    adopt({ spec, state }, { token, pid }, owner) {
      const { kind } = spec.ready
      try {
        const name = nameFor(kind, token)
        if (kind === 'notify') listen(kind, token, inherit(name) ?? bindSocket(join(folder, name), owner))
        if (kind === 'fd') adoptFifo(token, pid, state)
      } catch (e) {
        noted({ pid, err: messageOf(e) }, 'cannot hear a process: what it says of itself is lost')
      }
      bind(token, pid)
    },
    forget,
    handOver: () => Object.fromEntries([...held, ...[...ears.values()].map(({ name, fd }) => [name, fd] as const)]),
    close() {
      for (const token of [...files.keys()]) forget(token)
    },
  }
}

const nameOf = (token: string): string => token.slice(0, NAME_LENGTH)
const nameFor = (kind: Ready['kind'], token: string): string => (kind === 'fd' ? `${nameOf(token)}.fd` : nameOf(token))
