// Programs with single_instance under this master: what they need of the lock they share with other masters, what
// they listen on meanwhile, and what the news of it means to those who wait.

import { socketsFor } from '../core/listening.ts'
import type { Standing } from '../core/ports.ts'
import { isBare, lockNeed } from '../core/standby.ts'
import type { Desk } from './desk.ts'
import type { Entry } from './entry.ts'
import type { Instances } from './instances.ts'
import type { Ports } from './ports.ts'

/** Whenever something of a program has changed: its need of the lock, and its sockets, which are the holder's alone. */
export function keepShared(entry: Entry, all: Instances, { single, listeners }: Ports): void {
  // The key was switched off: nothing to wait for any more.
  for (const i of entry.instances) {
    if (i.state.at === 'standby' && !i.spec.singleInstance) all.tell(i, { type: 'lockGot' })
  }
  single.keep(entry.name, lockNeed(entry.instances))
  const isHolders = entry.spec.singleInstance && !single.holds(entry.name) && entry.instances.every(isBare)
  listeners.keep(entry.name, isHolders ? [] : socketsFor(entry))
}

/** To all who wait: the lock is ours (null), or this is why it is not. */
export function tellStandby({ program, tell }: Desk, standing: Standing | null): void {
  for (const i of program.instances.filter(({ state }) => state.at === 'standby')) {
    tell(i, standing ? { type: 'lockTaken', ...standing } : { type: 'lockGot' })
  }
}
