// From the wish to RUNNING, and what happens there until the end: the handlers of the table in
// instance.ts for the way up. Pure.

import { checkDue } from './checking.ts'
import type { Exited } from './ends.ts'
import { firstCheck } from './health.ts'
import { hookGivenUp } from './hooking.ts'
import { hookFault, hookLate, hookOf } from './hooks.ts'
import { afterExit, begin, spawn, spawnProcess } from './policy.ts'
import { awaited, provesLittle } from './readiness.ts'
import type { Context, Event, In, Instance, State, Step } from './state.ts'
import { endedByItself, stopWith } from './stopping.ts'

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
  const { pid, hook } = i.state
  if (pid !== null || (hook && hook.pid !== null)) return { next: i, effects: [] }
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
  const lives = state.at === 'starting' && (state.pid ?? state.hook?.pid ?? null) !== null
  if (isKnown || lives) return { next: i, effects: [] }
  return { next: { ...i, state: { at: 'standby', of: e.of }, reason: e.reason }, effects: [] }
}

/** Its process was owed until somebody knew who has the lock. */
export function lockGot(i: In<'starting'>): Step {
  const { pid, hook } = i.state
  return { next: i, effects: pid === null && (hook?.pid ?? null) === null ? [{ do: 'spawn' }] : [] }
}

export function spawned(i: In<'starting'>, e: { pid: number }, c: Context): Step {
  const { spec } = i
  if (i.state.hook) return { next: i, effects: [] }
  const wait = spec.ready.kind === 'time' ? spec.startMs : spec.startTimeoutMs
  const state: State = { ...i.state, pid: e.pid, since: c.now, startedAt: c.wall, deadline: c.now + wait }
  return { next: { ...i, state }, effects: [] }
}

export function spawnFailed(i: In<'starting'>, e: { reason: string; permanent: boolean }, c: Context): Step {
  if (i.state.pid !== null || i.state.hook) return { next: i, effects: [] }
  return afterExit(i, 'starting', { failed: e.reason, permanent: e.permanent }, 0, null, c)
}

/** pre_start has ended: its process follows, or it was a failed start. How it ended while no master lived nobody knows. */
export function prepared(i: In<'starting'>, e: Extract<Event, { type: 'hookEnded' | 'hookFailed' }>, c: Context): Step {
  const name = 'pre_start'
  if (i.state.hook === undefined) return { next: i, effects: [] }
  if (e.type === 'hookEnded' && e.code === null && e.signal === null) return spawn(i, c)
  const why = e.type === 'hookFailed' ? `${name} could not be started: ${e.reason}` : hookFault(name, e)
  if (why === null) return spawnProcess(i, c)
  const permanent = e.type === 'hookFailed' && e.permanent
  const step = afterExit(i, 'starting', { failed: why, permanent }, 0, null, c)
  return { ...step, effects: [...step.effects, { do: 'complain', hook: name, why }] }
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
  const hook = hookOf(spec, 'post_start')
  const check = firstCheck(spec, c.now, c.random)
  const running: State = {
    at: 'running',
    pid: state.pid,
    since: state.since,
    startedAt: state.startedAt,
    heartbeatBy: workerTimeoutMs > 0 ? c.now + workerTimeoutMs : null,
    recycleAt: maxAgeMs > 0 ? state.since + maxAgeMs + jitter * c.random : null,
    ...(check && { check }),
    ...(hook && { hook }),
  }
  return { next: { ...i, state: running, failures: 0, reason: null }, effects: hook ? [{ do: 'spawn' }] : [] }
}

/** The start's deadline: alive for start_seconds is RUNNING; without the word of readiness it is a failed start. */
export function late(i: In<'starting'>, _e: Event, c: Context): Step {
  const { hook, since } = i.state
  if (hook) return stopWith(i, 'SIGKILL', { kind: 'late', reason: hookLate(hook), ranMs: c.now - since }, c)
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
  const { heartbeatBy, recycleAt, withdrawn, check, hook } = i.state
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
  if (hook?.deadline && hook.deadline <= c.now) return hookGivenUp(i)
  if (check?.due && check.due <= c.now) return checkDue(i, check, c)
  return { next: i, effects: [] }
}

/** Its age has asked, and asks again then; where it has not asked yet, its own date stands. */
export function recycleLater(i: In<'running'>, e: { at: number }): Step {
  if (i.spec.maxAgeMs === 0 || i.state.recycleAt !== null) return { next: i, effects: [] }
  return { next: { ...i, state: { ...i.state, recycleAt: e.at } }, effects: [] }
}

export function ended(i: In<'running'>, e: Exited, c: Context): Step {
  return endedByItself(i, e, c)
}

export function startFailed(i: In<'starting'>, e: Exited, c: Context): Step {
  return endedByItself(i, i.state.said === null ? e : { ...e, why: i.state.said }, c)
}
