// The leases of this master's programs: asks the table of core/lease.ts, and carries out what follows. Decides
// nothing. That processes may live is written down for the guard before anybody hears that the lease is ours.

import { leaseTransition } from '../core/lease.ts'
import type { Fuses, LeaseServer } from '../core/lease-ports.ts'
import {
  type Hold,
  isHeld,
  killAt,
  type Lease,
  type LeaseContext,
  type LeaseEffect,
  type LeaseEvent,
  leaseDeadline,
  noLease,
  stopAt,
} from '../core/lease-state.ts'
import type { Clock, LockNeed, SingleLocks, Standing } from '../core/ports.ts'
import type { LeaseSpec, Spec } from '../core/spec.ts'
import type { Log } from './ports.ts'

export interface LeaseParts {
  readonly clock: Pick<Clock, 'now' | 'alarm'>
  readonly server: LeaseServer
  readonly fuses: Fuses
  readonly log: Log
  /** To those who wait: it is ours (null), or why not. */
  news(program: string, standing: Standing | null): void
  /** To processes: they must end; `now` at once. */
  lost(program: string, why: string, now: boolean): void
}

export interface Leases extends SingleLocks {
  /** At the start of a master, before it looks at its processes: goes on with what an earlier one had. */
  adopt(spec: Spec): void
  /** Of the lease that we hold; null = none. For the environment of processes. */
  fence(program: string): string | null
  /** Calls back when all that was let go is free for others, as far as anybody can tell. */
  settled(done: () => void): void
}

interface One {
  lease: Lease
  spec: Spec
  /** Fixed while there is anything to be let go: what changes in the file counts from the next time. */
  target: LeaseSpec
  need: LockNeed
  /** What those who wait were last told. */
  told: string | null
  cancel: () => void
}

export function leasesOf({ clock, server, fuses, log, news, lost }: LeaseParts): Leases {
  const all = new Map<string, One>()
  const revoking = { count: 0, told: [] as (() => void)[] }

  const contextOf = ({ spec, need }: One): LeaseContext => ({
    now: clock.now(),
    stopMs: spec.stopMs,
    awaited: need === 'news',
  })

  const oneOf = (spec: Spec): One | null => {
    const { program, lease: target } = spec
    const known = all.get(program)
    if (!target) return known ?? null
    if (!known) {
      const made: One = { lease: noLease, spec, target, need: null, told: null, cancel: () => undefined }
      all.set(program, made)
      return made
    }
    known.spec = spec
    if (known.lease.state.at === 'idle') known.target = target
    return known
  }

  /** Why not; null = it is written down. */
  const arm = ({ spec }: One, hold: Hold, times = { stopAt: stopAt(hold, spec.stopMs), killAt: killAt(hold) }) => {
    try {
      fuses.arm(spec.program, hold, times, spec)
      return null
    } catch (e) {
      return `cannot guard its processes: ${e instanceof Error ? e.message : String(e)}`
    }
  }

  const step = (one: One, e: LeaseEvent): void => {
    const c = contextOf(one)
    let { next, effects } = leaseTransition(one.lease, e, c)
    for (const effect of effects) {
      const fault = effect.do === 'arm' ? arm(one, effect.hold) : null
      if (fault === null || !('n' in e)) continue
      // What nobody guards is not held: the answer of the server does not help.
      const refused = leaseTransition(one.lease, { type: 'failed', n: e.n, why: fault }, c)
      next = refused.next
      effects = refused.effects
      break
    }
    one.lease = next
    for (const effect of effects) carryOut(one, effect)
    one.cancel()
    const due = leaseDeadline(one.lease, one.spec.stopMs)
    one.cancel = due === null ? () => undefined : clock.alarm(due, () => step(one, { type: 'deadline' }))
  }

  const carryOut = (one: One, effect: LeaseEffect): void => {
    const { spec, target } = one
    const { program } = spec
    switch (effect.do) {
      case 'ask':
        server.ask(target, effect.call, effect.ms, (reply) => step(one, { ...reply, n: effect.n }))
        break
      case 'revoke':
        revoking.count++
        server.revoke(target, effect.lease, () => {
          revoking.count--
          if (revoking.count === 0) for (const done of revoking.told.splice(0)) done()
        })
        break
      case 'arm':
        break // before: see step
      case 'disarm':
        fuses.disarm(program, effect.fence)
        break
      case 'got':
        one.told = null
        log.info({ program, key: target.key }, 'the lease is ours')
        news(program, null)
        break
      case 'standBy':
        if (one.told === effect.why) break
        one.told = effect.why
        if (effect.of === null) log.warn({ program, err: effect.why }, 'no process of it is started')
        news(program, { of: effect.of, reason: effect.why })
        break
      case 'lost': {
        const { state } = one.lease
        log.error({ program, err: effect.why, now: effect.now }, 'the lease is lost: its processes are ended')
        // We ask them to end ourselves: the guard has only to see to it that they do.
        if (state.at === 'losing') arm(one, state.hold, { stopAt: killAt(state.hold), killAt: killAt(state.hold) })
        one.told = null
        lost(program, effect.why, effect.now)
        break
      }
      default:
        effect satisfies never
    }
  }

  return {
    take(spec) {
      const one = oneOf(spec)
      if (!one) throw new Error(`${spec.program} has no lease`)
      if (isHeld(one.lease, contextOf(one))) return null
      const { state } = one.lease
      // Its deadline has passed unheard: we were stopped.
      if (state.at === 'held') step(one, { type: 'deadline' })
      if (one.lease.state.at === 'losing') return { of: null, reason: one.lease.state.why }
      one.told = null
      step(one, { type: 'want' })
      return 'asked'
    },
    holds: (program) => all.get(program)?.lease.state.at === 'held',
    keep(program, need, spec) {
      const one = all.get(program) ?? (need === null ? null : oneOf(spec))
      if (!one) return
      if (spec.lease) oneOf(spec)
      one.need = need
      if (need === 'news' && one.lease.state.at === 'idle') step(one, { type: 'want' })
      if (need !== null) return
      if (one.lease.state.at !== 'idle') step(one, { type: 'release' })
      one.cancel()
      all.delete(program)
    },
    adopt(spec) {
      const hold = fuses.left(spec.program)
      const one = oneOf(spec)
      if (one && hold) step(one, { type: 'adopted', hold })
      // What lives all the same was made under no lease that we know.
      else lost(spec.program, 'nothing is known of its lease', true)
    },
    fence(program) {
      const state = all.get(program)?.lease.state
      return state?.at === 'held' ? state.hold.fence : null
    },
    settled(done) {
      if (revoking.count === 0) done()
      else revoking.told.push(done)
    },
  }
}
