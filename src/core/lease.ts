// The lock of a program that runs under one of many masters on many hosts: a key in etcd that hangs on a lease. Who
// could create the key has the program, for as long as it keeps the lease alive. A table as that of instances: each
// state names what it makes of each happening; the answers of etcd come as events, and a wait is a deadline. Pure.
//
//   idle -> looking -> granting -> creating -> held -> losing -> looking | idle
//              ^ \-> waiting <---------/
//
// Promise: whatever happens to messages, and whatever the server does, no process of a holder lives when the server may
// have given the key to another. Times count from when the request was SENT that the server has answered, for the
// server counts from when it came; and the two clocks may differ in speed by DRIFT.

import {
  type Ask,
  everyMs,
  type Hold,
  killAt,
  type Lease,
  type LeaseCall,
  type LeaseContext,
  type LeaseEffect,
  type LeaseEvent,
  type LeaseState,
  type LeaseStep,
  MARGIN_MS,
  stopAt,
} from './lease-state.ts'

/** Between two looks at who has it. */
const LOOK_MS = 250
/** The same where etcd could not be asked. */
const RETRY_MS = 500
/** An answer is waited for so long, where nothing presses. */
const PATIENCE_MS = 3_000
/** What a happening makes of the lease. One that its state does not name changes nothing. */
export function leaseTransition(lease: Lease, e: LeaseEvent, c: LeaseContext): LeaseStep {
  const { state } = lease
  const keep: LeaseStep = { next: lease, effects: [] }
  if (e.type === 'release') return release(lease)
  if ('n' in e && !('ask' in state && state.ask?.n === e.n)) return keep
  switch (state.at) {
    case 'idle':
      if (e.type === 'adopted') return adopted(lease, e.hold, c)
      return e.type === 'want' ? look(lease, c) : keep
    case 'waiting':
      return e.type === 'want' || (e.type === 'deadline' && state.until <= c.now) ? look(lease, c) : keep
    case 'looking':
      if (e.type === 'free') return ask(lease, { do: 'grant' }, PATIENCE_MS, c, (its) => ({ at: 'granting', ask: its }))
      if (e.type === 'taken') return standBy(lease, e.by, `${e.by} runs it`, LOOK_MS, c)
      return fails(lease, state.ask, e, c)
    case 'granting': {
      if (e.type !== 'granted') return fails(lease, state.ask, e, c)
      const { lease: id, ttlMs } = e
      const granted = state.ask.sent
      return ask(lease, { do: 'create', lease: id }, PATIENCE_MS, c, (its) => ({
        at: 'creating',
        ask: its,
        lease: id,
        ttlMs,
        granted,
      }))
    }
    case 'creating': {
      if (e.type === 'created') return created(lease, state, e.fence, c)
      // Whether the key was created nobody knows: without its lease it is not there for long.
      const step =
        e.type === 'taken' ? standBy(lease, e.by, `${e.by} runs it`, LOOK_MS, c) : fails(lease, state.ask, e, c)
      return step.next === lease ? step : { ...step, effects: [{ do: 'revoke', lease: state.lease }, ...step.effects] }
    }
    case 'held':
      return held(lease, state, e, c)
    case 'losing': {
      if (e.type !== 'deadline' || c.now < state.until) return keep
      const { lease: id, fence } = state.hold
      const step = c.awaited ? look(lease, c) : to(lease, { at: 'idle' })
      return { ...step, effects: [{ do: 'revoke', lease: id }, { do: 'disarm', fence }, ...step.effects] }
    }
    default:
      return state satisfies never
  }
}

const to = (lease: Lease, state: LeaseState, ...effects: LeaseEffect[]): LeaseStep => ({
  next: { ...lease, state },
  effects,
})

function ask(lease: Lease, call: LeaseCall, ms: number, c: LeaseContext, state: (its: Ask) => LeaseState): LeaseStep {
  const n = lease.asks + 1
  return {
    next: { asks: n, state: state({ n, sent: c.now, by: c.now + ms }) },
    effects: [{ do: 'ask', n, call, ms }],
  }
}

const look = (lease: Lease, c: LeaseContext): LeaseStep =>
  ask(lease, { do: 'look' }, PATIENCE_MS, c, (its) => ({ at: 'looking', ask: its }))

const standBy = (lease: Lease, of: string | null, why: string, ms: number, c: LeaseContext): LeaseStep =>
  to(lease, { at: 'waiting', until: c.now + ms }, { do: 'standBy', of, why })

/** No answer in time is an answer, too. */
function fails(lease: Lease, its: Ask, e: LeaseEvent, c: LeaseContext): LeaseStep {
  if (e.type === 'failed' || e.type === 'gone') return standBy(lease, null, e.why, RETRY_MS, c)
  if (e.type !== 'deadline' || c.now < its.by) return { next: lease, effects: [] }
  return standBy(lease, null, noAnswer(its), RETRY_MS, c)
}

const noAnswer = ({ sent, by }: Ask): string => `etcd has not answered within ${Math.round((by - sent) / 100) / 10} s`

function created(
  lease: Lease,
  state: Extract<LeaseState, { at: 'creating' }>,
  fence: string,
  c: LeaseContext,
): LeaseStep {
  const hold: Hold = { lease: state.lease, fence, ttlMs: state.ttlMs, renewed: state.granted }
  if (c.now >= stopAt(hold, c.stopMs)) {
    const step = standBy(lease, null, 'etcd answers too slowly for a lease as short as this', RETRY_MS, c)
    return { ...step, effects: [{ do: 'revoke', lease: hold.lease }, ...step.effects] }
  }
  return to(lease, holding(hold, c), { do: 'arm', hold }, { do: 'got' })
}

const holding = (hold: Hold, c: LeaseContext): LeaseState => ({
  at: 'held',
  hold,
  ask: null,
  due: hold.renewed + everyMs(hold, c.stopMs),
  trouble: null,
})

function held(lease: Lease, state: Extract<LeaseState, { at: 'held' }>, e: LeaseEvent, c: LeaseContext): LeaseStep {
  const { hold, ask: its, due, trouble } = state
  if (e.type === 'gone') return loses(lease, hold, e.why, true, c)
  if (e.type === 'renewed' && its) {
    const next = { ...hold, renewed: its.sent }
    // Where its answer was so long on its way that time is up all the same, the deadline says so.
    return to(lease, holding(next, c), { do: 'arm', hold: next })
  }
  const again = Math.min(RETRY_MS, everyMs(hold, c.stopMs) / 2)
  if (e.type === 'failed') return to(lease, { ...state, ask: null, due: c.now + again, trouble: e.why })
  if (e.type !== 'deadline') return { next: lease, effects: [] }
  if (c.now >= stopAt(hold, c.stopMs)) {
    return loses(
      lease,
      hold,
      `the lease could not be renewed${trouble ? `: ${trouble}` : ''}`,
      c.now >= killAt(hold),
      c,
    )
  }
  if (its && c.now >= its.by) {
    return to(lease, { ...state, ask: null, due: c.now + again, trouble: noAnswer(its) })
  }
  if (its || c.now < due) return { next: lease, effects: [] }
  const call: LeaseCall = { do: 'renew', lease: hold.lease, fence: hold.fence }
  return ask(lease, call, everyMs(hold, c.stopMs), c, (sent) => ({ ...state, ask: sent }))
}

/**
 * From here there is no way back: what comes too late is not waited for. The guard stays until it has had its time: a
 * process that was told late would else live on.
 */
function loses(lease: Lease, hold: Hold, why: string, now: boolean, c: LeaseContext): LeaseStep {
  const until = (now ? c.now : killAt(hold)) + MARGIN_MS
  return to(lease, { at: 'losing', hold, until, why }, { do: 'lost', why, now })
}

/** It may be ours for a while yet. */
function adopted(lease: Lease, hold: Hold, c: LeaseContext): LeaseStep {
  if (c.now >= stopAt(hold, c.stopMs)) {
    return loses(lease, hold, 'the lease was not renewed while no master lived', c.now >= killAt(hold), c)
  }
  return to(lease, { at: 'held', hold, ask: null, due: c.now, trouble: null }, { do: 'arm', hold })
}

function release({ asks, state }: Lease): LeaseStep {
  const next: Lease = { asks, state: { at: 'idle' } }
  if (state.at === 'held' || state.at === 'losing') {
    const { lease, fence } = state.hold
    return {
      next,
      effects: [
        { do: 'revoke', lease },
        { do: 'disarm', fence },
      ],
    }
  }
  return { next, effects: state.at === 'creating' ? [{ do: 'revoke', lease: state.lease }] : [] }
}
