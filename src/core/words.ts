// What a process says of itself while it lives: heartbeats, readiness withdrawn and given back, what it is
// doing, that it needs more time. The handlers of the table in instance.ts for these. Pure.

import { isBeside } from './hooks.ts'
import type { Context, Event, In, Step, Withdrawn } from './state.ts'
import { stopWith } from './stopping.ts'

/** More than a terminal shows; a text of any length would stand in the record. */
const STATUS_CHARACTERS = 500

export function beat(i: In<'running'>, _e: Event, c: Context): Step {
  // On its way out it gives no more beats, and cannot win time by them.
  if (i.state.heartbeatBy === null || i.state.withdrawn === 'stopping') return { next: i, effects: [] }
  return { next: { ...i, state: { ...i.state, heartbeatBy: c.now + i.spec.workerTimeoutMs } }, effects: [] }
}

/** RELOADING=1 is taken back by READY=1; STOPPING=1 by nothing: it ends within graceful_timeout. */
export function withdrew(i: In<'running'>, e: { why: Withdrawn }, c: Context): Step {
  const { state, spec } = i
  if (state.withdrawn === e.why || state.withdrawn === 'stopping') return { next: i, effects: [] }
  const heartbeatBy = e.why === 'stopping' ? c.now + spec.stopMs : state.heartbeatBy
  return { next: { ...i, state: { ...state, withdrawn: e.why, heartbeatBy } }, effects: [] }
}

export function readyAgain(i: In<'running'>): Step {
  if (i.state.withdrawn !== 'reloading') return { next: i, effects: [] }
  const { withdrawn: _over, ...state } = i.state
  return { next: { ...i, state }, effects: [] }
}

export function status(i: In<'starting' | 'running' | 'stopping'>, e: { text: string }): Step {
  const text = e.text.slice(0, STATUS_CHARACTERS)
  return { next: (i.statusText ?? '') === text ? i : { ...i, statusText: text === '' ? null : text }, effects: [] }
}

/** Never less time than it has. */
export function extend(i: In<'starting' | 'stopping'>, e: { ms: number }, c: Context): Step {
  const { state } = i
  // A start without readiness has nothing to be late for, and one that is being killed has had its time.
  const counts = state.at === 'stopping' ? state.kills === 0 && !isBeside(state) : i.spec.ready.kind !== 'time'
  if (!counts || state.deadline === null || state.pid === null) return { next: i, effects: [] }
  const deadline = Math.max(state.deadline, c.now + e.ms)
  return { next: deadline === state.deadline ? i : { ...i, state: { ...state, deadline } }, effects: [] }
}

export function hangs(i: In<'starting' | 'running'>, e: { text: string }, c: Context): Step {
  if (i.state.pid === null) return { next: i, effects: [] }
  return stopWith(i, 'SIGABRT', { kind: 'silent', reason: e.text, ranMs: c.now - i.state.since }, c)
}
