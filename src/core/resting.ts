// A slot without a process: it waits for its next start, or for none, and for the end of what its last process
// left behind in its group. The handlers of the table in instance.ts for these. Pure.

import { begin, leftoversOf } from './policy.ts'
import type { Context, Event, In, Instance, State, Step } from './state.ts'
import { lookAfter, murdering } from './stopping.ts'

/** stop in BACKOFF, EXITED, FATAL, STANDBY: STOPPED at once, or when the leftovers are gone. */
export function rest(i: In<'backoff' | 'exited' | 'fatal' | 'standby'>, _e: Event, c: Context): Step {
  const left = 'left' in i.state ? i.state.left : null
  const down: Instance = { ...i, wanted: 'down', reason: null }
  if (!left) return { next: { ...down, state: { at: 'stopped' } }, effects: [] }
  const { group, deadline, kills } = left
  const state: State = {
    at: 'stopping',
    pid: null,
    group,
    since: c.now,
    startedAt: c.wall,
    deadline,
    kills,
    cause: { kind: 'asked' },
    from: 'running',
  }
  return { next: { ...down, state }, effects: [] }
}

export function spawnAgain(i: In<'backoff'>, e: Event, c: Context): Step {
  if (i.state.left) return murderLeft(i, e, c)
  return begin(i.state.asked ? i : { ...i, restarts: i.restarts + 1 }, c)
}

export function murderLeft(i: In<'backoff' | 'exited' | 'fatal'>, _e: Event, c: Context): Step {
  const { left } = i.state
  if (!left) return { next: i, effects: [] }
  const later = leftoversOf(left.group, c.now + lookAfter(left.kills), left.kills + 1)
  return {
    next: { ...i, state: { ...i.state, left: later } },
    effects: [...murdering(left.group), { do: 'look', group: left.group }],
  }
}

/** The leftovers are gone; a backoff whose time has come is due at once. */
export function cleared(i: In<'backoff' | 'exited' | 'fatal'>): Step {
  return { next: { ...i, state: { ...i.state, left: null } }, effects: [] }
}
