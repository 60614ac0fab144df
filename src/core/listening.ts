// What programs listen on: addresses as the configuration names them, and which sockets follow from them for a
// program as it stands. A socket is known by its key, whoever uses it: two generations of a program, or a program
// and the one that takes its name's place, share it, so its queue outlives them. Pure.

import { isLive, type Program } from './program.ts'
import type { Address, Spec } from './spec.ts'

/** A listening socket that shall be open. */
export interface Wanted {
  /** `tcp 127.0.0.1:8000`, `unix /run/web.sock`; with a queue for each slot `tcp :8000 #3`. */
  readonly key: string
  readonly address: Address
  /** Connections that may wait in its queue. */
  readonly backlog: number
  /** Its place among the sockets of its address, of which the first `choices` get new connections; null = it is the only one. */
  readonly share: { readonly slot: number; readonly choices: number } | null
}

/** The key without the slot: all sockets of one address have it. */
export const addressKey = ({ key }: Pick<Wanted, 'key'>): string => key.replace(/ #\d+$/, '')

type Listening = Pick<Spec, 'listeners' | 'backlog' | 'balance'>

/** What a process of the slot is given, in the order of the configuration. `choices`: slots that shall get connections. */
export function socketsOf({ listeners, backlog, balance }: Listening, slot: number, choices = slot + 1): Wanted[] {
  return listeners.map((address) => {
    const key = address.kind === 'tcp' ? `tcp ${address.host ?? ''}:${address.port}` : `unix ${address.path}`
    // The kernel balances TCP alone.
    if (balance === 'shared' || address.kind === 'unix') return { key, address, backlog, share: null }
    return { key: `${key} #${slot}`, address, backlog, share: { slot, choices } }
  })
}

/** What shall be open for a program as it is now: its own addresses, and those of processes that still have an older spec. */
export function socketsFor({ spec, desired, removed, instances }: Program): Wanted[] {
  const wanted = new Map<string, Wanted>()
  const add = (of: Listening, slot: number): void => {
    for (const one of socketsOf(of, slot, Math.max(1, desired))) if (!wanted.has(one.key)) wanted.set(one.key, one)
  }
  if (!removed) {
    const slots = spec.balance === 'reuseport' ? Math.max(1, desired) : 1
    for (let slot = 0; slot < slots; slot++) add(spec, slot)
  }
  for (const i of instances) if (i.spec.listeners.length > 0 && isLive(i)) add(i.spec, i.slot)
  return [...wanted.values()]
}

/** Does a slot that leaves hold a queue of its own, which its process must empty before it ends? */
export const hasOwnQueues = ({ listeners, balance }: Listening): boolean =>
  balance === 'reuseport' && listeners.some(({ kind }) => kind === 'tcp')
