// Programs with single_instance under this master: what they need of the lock they share with other masters, what
// they listen on meanwhile, and what the news of it means to those who wait.

import { socketsFor } from '../core/listening.ts'
import type { SingleLocks, Standing } from '../core/ports.ts'
import type { Spec } from '../core/spec.ts'
import { isBare, lockNeed } from '../core/standby.ts'
import { type Instance, owedOf } from '../core/state.ts'
import type { Desk } from './desk.ts'
import type { Entry } from './entry.ts'
import type { Instances } from './instances.ts'
import type { Ports } from './ports.ts'

/** The lock of all hosts, or that of this one. */
export const lockOf = ({ lease }: Spec, { leases, single }: Pick<Ports, 'leases' | 'single'>): SingleLocks =>
  lease ? leases : single

/** Whenever something of a program has changed: its need of the lock, and its sockets, which are the holder's alone. */
export function keepShared(entry: Entry, all: Instances, ports: Ports): void {
  const { name, spec, instances } = entry
  // The key was switched off: nothing to wait for any more.
  for (const i of instances) {
    if (i.state.at === 'standby' && !i.spec.singleInstance) all.tell(i, { type: 'lockGot' })
  }
  const across = (i: Instance): boolean => i.spec.lease !== undefined
  // Each for those that were started under it: an update may have put one kind in the place of the other.
  ports.single.keep(name, lockNeed(instances.filter((i) => !across(i))), spec)
  ports.leases.keep(name, lockNeed(instances.filter(across)), spec)
  const isHolders = spec.singleInstance && !lockOf(spec, ports).holds(name) && instances.every(isBare)
  ports.listeners.keep(name, isHolders ? [] : socketsFor(entry))
}

/** To all who wait: the lock is ours (null), or this is why it is not. */
export function tellStandby({ program, tell }: Desk, standing: Standing | null): void {
  for (const i of program.instances.filter(waits)) {
    tell(i, standing ? { type: 'lockTaken', ...standing } : { type: 'lockGot' })
  }
}

/** It stands by, or its first process is owed until somebody knows who has the lease. */
const waits = (i: Instance): boolean =>
  i.state.at === 'standby' || (i.spec.lease !== undefined && i.state.at === 'starting' && owedOf(i) !== null)

/** To all that was started under the lease: it cannot be kept. */
export function tellLost({ program, tell }: Desk, reason: string, now: boolean): void {
  for (const i of program.instances.filter(({ spec }) => spec.lease)) tell(i, { type: 'lockLost', reason, now })
}
