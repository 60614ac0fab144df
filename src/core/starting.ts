// From the wish to RUNNING, and what happens there until the end: the handlers of the table in
// instance.ts for the way up. Pure.

import { afterExit, begin, spawn } from './policy.ts'
import { awaited, provesLittle } from './readiness.ts'
import type { Context, Event, Exited, In, Instance, State, Step } from './state.ts'
import { stopWith } from './stopping.ts'

// start -------------------------------------------------------------------------------------------

type Idle = In<'stopped' | 'backoff' | 'exited' | 'fatal' | 'standby'>

/** What has a schedule waits for its time: who starts it wants that, and no run now. */
export function start(i: Idle, e: Event, c: Context): Step {
  return i.spec.schedule ? { next: i, effects: [] } : run(i, e, c)
}

/** A start by hand clears the counters; what an earlier process left behind goes first. */
export function run(i: Idle, _e: Event, c: Context): Step {
  const fresh: Instance = { ...i, wanted: 'up', row: 0, failures: 0, reason: null }
  const left = 'left' in i.state ? i.state.left : null
  if (!left) return begin(fresh, c)
  return {
    next: { ...fresh, state: { at: 'backoff', until: c.now, left, asked: true }, reason: 'leftovers are being ended' },
    effects: [],
  }
}

/** Already on its way: wanted, nothing to do. */
export function keep(i: In<'waiting' | 'starting' | 'running'>): Step {
  return { next: i.wanted === 'up' ? i : { ...i, wanted: 'up' }, effects: [] }
}

export function waits(i: In<'waiting'>, { text, stuck }: { text: string; stuck: boolean }): Step {
  if (i.reason === text && i.state.stuck === stuck) return { next: i, effects: [] }
  return { next: { ...i, state: { ...i.state, stuck }, reason: text }, effects: [] }
}

/** What it depends on has gone in the time in which its spawn was owed. */
export function waitsAgain(i: In<'starting'>, e: { text: string; stuck: boolean }, c: Context): Step {
  if (i.state.pid !== null) return { next: i, effects: [] }
  return { next: { ...i, state: { at: 'waiting', since: c.now, stuck: e.stuck }, reason: e.text }, effects: [] }
}

/** Its dependencies are far enough, now. */
export function depsOk(i: In<'waiting'>, _e: Event, c: Context): Step {
  return spawn(i, c)
}

/** Another master has the lock of its program, or what that one has left still lives: no process is made. */
export function standBy(i: In<'starting' | 'standby'>, e: { of: string | null; reason: string }): Step {
  const { state } = i
  const isKnown = state.at === 'standby' && state.of === e.of && i.reason === e.reason
  if (isKnown || (state.at === 'starting' && state.pid !== null)) return { next: i, effects: [] }
  return { next: { ...i, state: { at: 'standby', of: e.of }, reason: e.reason }, effects: [] }
}

export function spawned(i: In<'starting'>, e: { pid: number }, c: Context): Step {
  const { spec } = i
  const wait = spec.ready.kind === 'time' ? spec.startMs : spec.startTimeoutMs
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

/** The last look at it, in words. */
export function missed(i: In<'starting'>, e: { text: string }): Step {
  if (i.state.pid === null || i.state.missed === e.text) return { next: i, effects: [] }
  return { next: { ...i, state: { ...i.state, missed: e.text } }, effects: [] }
}

export function ready(i: In<'starting'>, _e: Event, c: Context): Step {
  const { spec, state } = i
  const counts = spec.ready.kind !== 'time' && !(provesLittle(spec.ready) && c.now < state.since + spec.startMs)
  return counts ? up(i, c) : { next: i, effects: [] }
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
  if (i.spec.ready.kind === 'time') return up(i, c)
  const reason = i.state.said ?? notReady(i, c)
  return stopWith(i, i.spec.stopSignal, { kind: 'late', reason, ranMs: c.now - i.state.since }, c)
}

/** `not ready after 60 s: waited for a connection to 127.0.0.1:8000: ECONNREFUSED` */
function notReady({ spec, slot, state }: In<'starting'>, c: Context): string {
  const ranMs = c.now - state.since
  // A process that asked for more time has had more.
  const extended = ranMs >= spec.startTimeoutMs + 1000
  const seconds = extended ? Math.round(ranMs / 1000) : spec.startTimeoutMs / 1000
  const waited = awaited(spec.ready, slot)
  const parts = [`not ready after ${seconds} s`, waited && `waited for ${waited}`, state.missed]
  return parts.filter(Boolean).join(': ')
}

// run ---------------------------------------------------------------------------------------------

export function overdue(i: In<'running'>, _e: Event, c: Context): Step {
  const { heartbeatBy, recycleAt, withdrawn } = i.state
  if (heartbeatBy !== null && heartbeatBy <= c.now) {
    const reason =
      withdrawn === 'stopping'
        ? `did not end within ${i.spec.stopMs / 1000} s after STOPPING=1`
        : `no heartbeat for ${i.spec.workerTimeoutMs / 1000} s`
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
