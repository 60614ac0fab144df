// From the wish to RUNNING, and what happens there until the end: the handlers of the table in
// instance.ts for the way up. Pure.

import { afterExit, spawn } from './policy.ts'
import type { Context, Event, Exited, In, Instance, State, Step } from './state.ts'
import { stopWith } from './stopping.ts'

// start -------------------------------------------------------------------------------------------

/** A start by hand clears the counters; what an earlier process left behind goes first. */
export function start(i: In<'stopped' | 'backoff' | 'exited' | 'fatal'>, _e: Event, c: Context): Step {
  const fresh: Instance = { ...i, wanted: 'up', row: 0, failures: 0, reason: null }
  const left = 'left' in i.state ? i.state.left : null
  if (!left) return spawn(fresh, c)
  return {
    next: { ...fresh, state: { at: 'backoff', until: c.now, left, asked: true }, reason: 'leftovers are being ended' },
    effects: [],
  }
}

/** Already on its way: wanted, nothing to do. */
export function keep(i: In<'starting' | 'running'>): Step {
  return { next: i.wanted === 'up' ? i : { ...i, wanted: 'up' }, effects: [] }
}

export function spawned(i: In<'starting'>, e: { pid: number }, c: Context): Step {
  const { spec } = i
  const wait = spec.ready === 'time' ? spec.startMs : spec.startTimeoutMs
  const state: State = { ...i.state, pid: e.pid, since: c.now, startedAt: c.wall, deadline: c.now + wait }
  return { next: { ...i, state }, effects: [] }
}

export function spawnFailed(i: In<'starting'>, e: { reason: string; permanent: boolean }, c: Context): Step {
  if (i.state.pid !== null) return { next: i, effects: [] }
  return afterExit(i, 'starting', { failed: e.reason, permanent: e.permanent }, 0, null, c)
}

export function said(i: In<'starting'>, e: { text: string }): Step {
  return { next: { ...i, state: { ...i.state, said: e.text } }, effects: [] }
}

export function ready(i: In<'starting'>, _e: Event, c: Context): Step {
  return i.spec.ready === 'worker' ? up(i, c) : { next: i, effects: [] }
}

function up(i: In<'starting'>, c: Context): Step {
  const { spec, state } = i
  if (state.pid === null) return { next: i, effects: [] }
  const { maxAgeMs, maxAgeJitter, workerTimeoutMs } = spec
  const jitter = 'share' in maxAgeJitter ? maxAgeMs * maxAgeJitter.share : maxAgeJitter.amount
  const running: State = {
    at: 'running',
    pid: state.pid,
    since: state.since,
    startedAt: state.startedAt,
    heartbeatBy: workerTimeoutMs > 0 ? c.now + workerTimeoutMs : null,
    recycleAt: maxAgeMs > 0 ? state.since + maxAgeMs + jitter * c.random : null,
  }
  return { next: { ...i, state: running, failures: 0, reason: null }, effects: [] }
}

/** The start's deadline: alive for start_seconds is RUNNING; without the word of readiness it is a failed start. */
export function late(i: In<'starting'>, _e: Event, c: Context): Step {
  if (i.spec.ready === 'time') return up(i, c)
  const reason = i.state.said ?? `not ready after ${i.spec.startTimeoutMs / 1000} s`
  return stopWith(i, i.spec.stopSignal, { kind: 'late', reason, ranMs: c.now - i.state.since }, c)
}

// run ---------------------------------------------------------------------------------------------

export function beat(i: In<'running'>, _e: Event, c: Context): Step {
  if (i.state.heartbeatBy === null) return { next: i, effects: [] }
  return { next: { ...i, state: { ...i.state, heartbeatBy: c.now + i.spec.workerTimeoutMs } }, effects: [] }
}

export function overdue(i: In<'running'>, _e: Event, c: Context): Step {
  const { heartbeatBy, recycleAt } = i.state
  if (heartbeatBy !== null && heartbeatBy <= c.now) {
    const reason = `no heartbeat for ${i.spec.workerTimeoutMs / 1000} s`
    return stopWith(i, 'SIGABRT', { kind: 'silent', reason, ranMs: c.now - i.state.since }, c)
  }
  if (recycleAt !== null && recycleAt <= c.now) {
    const next = { ...i, state: { ...i.state, recycleAt: null } }
    return { next, effects: [{ do: 'recycle', why: 'max_age' }] }
  }
  return { next: i, effects: [] }
}

/** Its age has asked, and asks again then; where it has not asked yet, its own date stands. */
export function recycleLater(i: In<'running'>, e: { at: number }): Step {
  if (i.spec.maxAgeMs === 0 || i.state.recycleAt !== null) return { next: i, effects: [] }
  return { next: { ...i, state: { ...i.state, recycleAt: e.at } }, effects: [] }
}

export function ended(i: In<'running'>, e: Exited, c: Context): Step {
  return afterExit(i, 'running', e, c.now - i.state.since, i.state.pid, c)
}

export function startFailed(i: In<'starting'>, e: Exited, c: Context): Step {
  const facts = i.state.said === null ? e : { ...e, why: i.state.said }
  return afterExit(i, 'starting', facts, c.now - i.state.since, i.state.pid, c)
}
