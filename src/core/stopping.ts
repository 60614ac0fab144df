// From the wish to end it to STOPPED: the handlers of the table in instance.ts for the way down, and
// for what a process leaves behind in its group. Pure.

import { afterExit, begin, leftoversOf, oomOf } from './policy.ts'
import type { Context, Effect, Event, Exit, Exited, In, Instance, State, Step, StopCause } from './state.ts'

/** Slows the looks at a process that SIGKILL does not end (D state): 1 s, doubling to a minute. */
const LOOK_MS = 1_000
const LOOK_MAX_MS = 60_000

// stop --------------------------------------------------------------------------------------------

export function stop(i: In<'starting' | 'running'>, _e: Event, c: Context): Step {
  return stopWith({ ...i, wanted: 'down' }, i.spec.stopSignal, { kind: 'asked' }, c)
}

/** It waits to be started, and has no process. */
export function leave(i: In<'waiting'>): Step {
  return { next: { ...i, wanted: 'down', state: { at: 'stopped' }, reason: null }, effects: [] }
}

/** restart: stop, and what is wanted stays up. */
export function bounce(i: In<'starting' | 'running'>, _e: Event, c: Context): Step {
  const fresh = { ...i, wanted: 'up' as const, row: 0, failures: 0 }
  if (i.state.pid === null) return { next: fresh, effects: [] }
  return stopWith(fresh, i.spec.stopSignal, { kind: 'asked' }, c)
}

export function kill(i: In<'starting' | 'running'>, _e: Event, c: Context): Step {
  return stopWith({ ...i, wanted: 'down' }, 'SIGKILL', { kind: 'asked' }, c)
}

/** Sends the signal and CONT (a stopped process hears nothing else), and notes when patience ends. */
export function stopWith(i: In<'starting' | 'running'>, signal: string, cause: StopCause, c: Context): Step {
  const { spec, state } = i
  if (state.pid === null) return { next: { ...i, state: { at: 'stopped' }, reason: null }, effects: [] }
  const hard = signal === 'SIGKILL' || spec.stopMs === 0
  const next: State = {
    at: 'stopping',
    pid: state.pid,
    group: state.pid,
    since: c.now,
    startedAt: state.startedAt,
    deadline: c.now + (hard ? LOOK_MS : spec.stopMs),
    kills: hard ? 1 : 0,
    cause,
    from: state.at,
  }
  const reason = cause.kind === 'asked' ? null : cause.reason
  return {
    next: { ...i, state: next, reason },
    effects: hard ? murdering(state.pid) : asking(state.pid, signal, spec.stopGroup),
  }
}

function asking(pid: number, signal: string, group: boolean): Effect[] {
  return [
    { do: 'signal', pid, signal, group },
    { do: 'signal', pid, signal: 'SIGCONT', group },
  ]
}

const murdering = (group: number): Effect[] => [{ do: 'signal', pid: group, signal: 'SIGKILL', group: true }]

/** Asked for by hand, so it starts when the old process is gone, whatever that one was ended for. */
export function wantUp(i: In<'stopping'>): Step {
  const state = { ...i.state, cause: { kind: 'asked' } as const }
  return { next: { ...i, state, wanted: 'up', row: 0, failures: 0, reason: null }, effects: [] }
}

export function wantDown(i: In<'stopping'>): Step {
  return { next: { ...i, wanted: 'down' }, effects: [] }
}

/** Whoever began this was killed before the process heard of it: now it does, and its grace begins. */
export function askAgain(i: In<'stopping'>, _e: Event, c: Context): Step {
  const { state, spec } = i
  if (state.pid === null || state.kills > 0) return { next: i, effects: [] }
  const signal = state.cause.kind === 'silent' ? 'SIGABRT' : spec.stopSignal
  return {
    next: { ...i, state: { ...state, deadline: c.now + spec.stopMs } },
    effects: asking(state.pid, signal, spec.stopGroup),
  }
}

/** The grace is over: SIGKILL to all of the group, and again at each later look until nothing is left. */
export function murder(i: In<'stopping'>, _e: Event, c: Context): Step {
  const { group, kills } = i.state
  const state = { ...i.state, kills: kills + 1, deadline: c.now + lookAfter(kills) }
  const reason = kills >= 3 ? 'unkillable: SIGKILL does not end it' : i.reason
  return { next: { ...i, state, reason }, effects: [...murdering(group), { do: 'look', group }] }
}

const lookAfter = (kills: number): number => Math.min(LOOK_MAX_MS, LOOK_MS * 2 ** kills)

/** The process has ended, or the last of its group has. STOPPED only when none is left. */
export function gone(i: In<'stopping'>, e: Extract<Event, { type: 'exited' | 'emptied' }>, c: Context): Step {
  const { state, spec } = i
  if (e.type === 'exited') {
    const forced = state.kills > 0 && e.signal === 'SIGKILL'
    const { code, signal } = e
    const expected = state.cause.kind === 'asked'
    const { startedAt } = state
    const exit: Exit = { code, signal, at: c.wall, expected, forced, oom: oomOf(e, forced), startedAt }
    const seen: Instance = { ...i, exit }
    if (!e.left) return settle(seen, state, e, c)
    const next = { ...seen, state: { ...state, pid: null } }
    return { next, effects: state.kills > 0 ? murdering(state.group) : asking(state.group, spec.stopSignal, true) }
  }
  if (state.pid !== null) return { next: i, effects: [] } // its own exit is still to come
  const { code, signal } = i.exit ?? { code: null, signal: null }
  return settle(i, state, { code, signal, left: false }, c)
}

function settle(i: Instance, state: Extract<State, { at: 'stopping' }>, e: Exited, c: Context): Step {
  if (i.wanted === 'down') return { next: { ...i, state: { at: 'stopped' }, reason: null }, effects: [] }
  if (state.cause.kind === 'asked') {
    // A restart ends the run of what has a schedule; the next one begins at its time.
    return i.spec.schedule ? { next: { ...i, wanted: 'down', state: { at: 'stopped' } }, effects: [] } : begin(i, c)
  }
  const { reason, ranMs } = state.cause
  // We ended it because it failed: no exit code of it makes that an expected end.
  const end = { ...e, why: reason, broken: true, forced: i.exit?.forced ?? false }
  return afterExit(i, state.from, end, ranMs, null, c)
}

// wait, and what a process left behind --------------------------------------------------------------

/** stop in BACKOFF, EXITED, FATAL: STOPPED at once, or when the leftovers are gone. */
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
