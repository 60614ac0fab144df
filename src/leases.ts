// The leases of programs with single_instance = etcd://...: what decides (supervisor/leases.ts), joined to etcd and to the
// guards that end what outlives its lease.

import { join } from 'node:path'
import type { Clock } from './core/ports.ts'
import type { Kept } from './core/record.ts'
import { leasesIn } from './core/standby.ts'
import { etcd } from './os/etcd.ts'
import { fusesIn } from './os/fuse.ts'
import type { MasterLog } from './os/master-log.ts'
import type { Desk } from './supervisor/desk.ts'
import { type Leases, leasesOf } from './supervisor/leases.ts'
import { tellLost, tellStandby } from './supervisor/standby.ts'

export interface LeasesOptions {
  readonly clock: Clock
  readonly instance: string | null
  /** The master's own. */
  readonly state: string
  readonly socket: string
  readonly log: MasterLog['log']
  /** What an earlier master has left: its leases go on. */
  readonly kept: Kept | null
  /** Is there a supervisor that can be told? */
  isThere(): boolean
  /** Acts on a program, if there still is one of that name. */
  at(program: string, act: (desk: Desk) => void): void
}

export function leasesBy({ clock, instance, state, socket, log, kept, isThere, at }: LeasesOptions): Leases {
  const leases = leasesOf({
    clock,
    server: etcd(instance),
    fuses: fusesIn({ folder: join(state, 'leases'), socket, clock }),
    log,
    news: (program, standing) => at(program, (desk) => tellStandby(desk, standing)),
    lost(program, why, now) {
      const tell = (): void => at(program, (desk) => tellLost(desk, why, now))
      // Of what an earlier master has left, it may be known before there is a supervisor.
      if (isThere()) tell()
      else clock.soon(tell)
    },
  })
  for (const spec of kept ? leasesIn(kept) : []) leases.adopt(spec)
  return leases
}
