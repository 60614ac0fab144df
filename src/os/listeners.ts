// The listening sockets of programs: made once, kept as long as the configuration names them or a process has
// them, given to each process that starts. The master never accepts: whoever connects while no process lives waits
// in the queue.
//
// A socket outlives us in the processes that have it: the next master takes it from one of them, queue and all. An
// upgrade hands it over. Where taking is not allowed (ptrace_scope), a process that starts later gets a new socket
// beside the old one: for that, each TCP socket lets others of the same user bind its address, once it is bound.

import { closeSync, fstatSync } from 'node:fs'
import { addressKey, type Wanted } from '../core/listening.ts'
import type { Listeners, Store } from '../core/ports.ts'
import type { Kept } from '../core/record.ts'
import type { Address } from '../core/spec.ts'
import { errno, messageOf } from '../errors.ts'
import { takeSocket } from './foreign-sockets.ts'
import { boundTcp, chooseAmong, listenOn, shareAddress } from './libc-socket.ts'
import { admit, type Born, bindPath, removePath } from './unix-path.ts'

export interface SystemListeners extends Listeners {
  /** All that are open, by key: for the program that we are about to become. */
  handOver(): Readonly<Record<string, number>>
  /** The end of the master. */
  close(): void
}

export interface ListenersOptions {
  readonly store: Store
  /** What an earlier master had open. */
  readonly kept: Kept['listener'] | null
  /** Open already, by key: from the program that this process was before, or from systemd. */
  readonly handed: Readonly<Record<string, number>>
  log(facts: object, text: string): void
}

interface Open {
  readonly fd: number
  readonly address: Address
  /** Of the socket's file; null = it has none, or it is not ours to remove. */
  readonly born: Born | null
  /** Programs that want it. */
  readonly users: Set<string>
  settings: string
}

export function systemListeners({ store, kept, handed, log }: ListenersOptions): SystemListeners {
  const opened = new Map<string, Open>()
  const left = new Map(Object.entries(handed))
  const former = new Map(kept ?? [])
  const told = new Set<string>()
  /** What each program wanted last. */
  const last = new Map<string, string>()
  const balance = balancing()
  let closed = false

  /** `needed`: a process is about to have it. Throws what the system says, in words. */
  const open = (wanted: Wanted, needed: boolean): Open | null => {
    const known = opened.get(wanted.key)
    if (known) return known
    const { key, address } = wanted
    const row = former.get(key) ?? null
    let fd = left.get(key) ?? (row ? takeSocket(row.inode) : null)
    left.delete(key)
    let born = row?.file ?? null
    try {
      if (fd === null && address.kind === 'unix') ({ fd, born } = bindPath(address, needed ? born : null))
      else if (fd === null && address.kind === 'tcp') {
        const siblings = balance.has(wanted) || (needed && row !== null)
        fd = boundTcp(address.host, address.port, siblings)
        shareAddress(fd)
      }
      if (fd === null) return null
      listenOn(fd, wanted.backlog)
    } catch (e) {
      if (fd !== null) closeSync(fd)
      if (row && !needed) {
        log(
          { address: address.text },
          'cannot take over what processes listen on: those that start get a socket of their own',
        )
        return null
      }
      throw inWords(e, address)
    }
    former.delete(key)
    told.delete(key)
    const one = { fd, address, born, users: new Set<string>(), settings: settingsOf(wanted) }
    opened.set(key, one)
    balance.add(wanted, fd)
    store.put('listener', key, { inode: fstatSync(fd).ino, file: born })
    return one
  }

  const close = (key: string, { fd, address, born }: Open): void => {
    opened.delete(key)
    balance.remove(key)
    store.put('listener', key, null)
    closeSync(fd)
    if (address.kind === 'unix' && born) removePath(address.path, born)
  }

  const adjust = (one: Open, wanted: Wanted): void => {
    const settings = settingsOf(wanted)
    if (one.settings === settings) return
    one.settings = settings
    listenOn(one.fd, wanted.backlog)
    if (wanted.address.kind === 'unix' && one.born) admit(wanted.address)
  }

  return {
    keep(program, wanted) {
      if (closed) return
      const now = wanted.map((w) => `${w.key} ${w.share?.choices ?? ''} ${settingsOf(w)}`).join('\n')
      if ((last.get(program) ?? '') === now && wanted.every(({ key }) => opened.has(key))) return
      last.set(program, now)
      for (const each of wanted) {
        try {
          const one = open(each, false)
          one?.users.add(program)
          if (one) adjust(one, each)
        } catch (e) {
          // Its processes say so too, when they start.
          if (!told.has(each.key)) log({ program, err: messageOf(e) }, 'cannot listen now; tried again with each start')
          told.add(each.key)
        }
      }
      const keys = new Set(wanted.map(({ key }) => key))
      for (const [key, one] of [...opened].reverse()) {
        if (keys.has(key) || !one.users.delete(program) || one.users.size > 0) continue
        close(key, one)
      }
      balance.choose(wanted)
      if (wanted.length === 0) last.delete(program)
    },
    of(program, wanted) {
      return wanted.map((each) => {
        if (!opened.has(each.key)) last.set(program, 'anew') // the next `keep` balances anew
        const one = open(each, true)
        if (!one) throw inWords(new Error('it is not open'), each.address)
        one.users.add(program)
        return one.fd
      })
    },
    handOver: () => Object.fromEntries([...opened].map(([key, { fd }]) => [key, fd])),
    close() {
      closed = true
      for (const [key, one] of [...opened]) close(key, one)
    },
  }
}

/**
 * Sockets of one address with a queue each: the kernel chooses among them. A slot that leaves is taken out of the
 * choice first, so that its process can empty its queue; only then it is closed.
 */
function balancing() {
  /** By address: keys in the kernel's order. */
  const groups = new Map<string, { readonly keys: string[]; readonly fds: Map<string, number> }>()
  const nameOf = (key: string): string => addressKey({ key })
  return {
    has: ({ key, share }: Wanted): boolean => share !== null && groups.has(nameOf(key)),
    add({ key, share }: Wanted, fd: number): void {
      if (!share) return
      const group = groups.get(nameOf(key)) ?? { keys: [], fds: new Map<string, number>() }
      groups.set(nameOf(key), group)
      group.keys.push(key)
      group.fds.set(key, fd)
    },
    remove(key: string): void {
      const group = groups.get(nameOf(key))
      if (!group?.fds.delete(key)) return
      const at = group.keys.indexOf(key)
      const moved = group.keys.pop() // the last one takes the place of one that goes
      if (moved !== undefined && at < group.keys.length) group.keys[at] = moved
      if (group.keys.length === 0) groups.delete(nameOf(key))
    },
    choose(wanted: readonly Wanted[]): void {
      for (const name of new Set(wanted.filter((w) => w.share).map(({ key }) => nameOf(key)))) {
        const { keys = [], fds } = groups.get(name) ?? {}
        const chosen = new Set(
          wanted
            .filter(({ share, key }) => share && share.slot < share.choices && nameOf(key) === name)
            .map((w) => w.key),
        )
        const places = keys.flatMap((key, place) => (chosen.has(key) ? [place] : []))
        const fd = fds?.values().next().value
        if (fd !== undefined && places.length > 0) chooseAmong(fd, places)
      }
    },
  }
}

const settingsOf = ({ address, backlog }: Wanted): string =>
  address.kind === 'unix' ? `${backlog} ${address.mode} ${address.owner}` : String(backlog)

const words: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program does',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not (ports below 1024 are for root)',
  ENOENT: 'its folder does not exist',
}

function inWords(e: unknown, { kind, text }: Address): Error {
  const code = errno(e)
  const why = kind === 'tcp' || code === 'ENOENT' ? (words[code ?? ''] ?? messageOf(e)) : messageOf(e)
  return Object.assign(new Error(`${code ?? 'error'}: cannot listen on ${text}: ${why}`, { cause: e }), { code })
}
