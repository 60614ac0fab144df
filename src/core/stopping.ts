// From the wish to end it, or its own end, to what comes after: the handlers of the table in instance.ts for the
// way down. Pure.

import type { Exit, Exited, StopCause } from './ends.ts'
import { complaintOf, ending } from './hooking.ts'
import { hookLate, hookOf, isBeside } from './hooks.ts'
import { afterExit, begin, describeEnd, exitOf, oomOf } from './policy.ts'
import type { Context, Effect, Event, In, Instance, State, Step } from './state.ts'

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
  if (toEnd(i.state) === null) return { next: fresh, effects: [] }
  return stopWith(fresh, i.spec.stopSignal, { kind: 'asked' }, c)
}

export function kill(i: In<'starting' | 'running'>, _e: Event, c: Context): Step {
  return stopWith({ ...i, wanted: 'down' }, 'SIGKILL', { kind: 'killed' }, c)
}

/** Without pre_stop: what it is given to end must be enough for all. The start that follows finds out who has the lock. */
export function lose(i: In<'starting' | 'running'>, e: { reason: string; now: boolean }, c: Context): Step {
  if (toEnd(i.state) === null) return { next: i, effects: [] }
  return stopWith(i, e.now ? 'SIGKILL' : i.spec.stopSignal, { kind: 'lost', reason: e.reason }, c)
}

/** On its way out already. */
export function loseNow(i: In<'stopping'>, e: Extract<Event, { type: 'lockLost' }>, c: Context): Step {
  return e.now ? killNow(i, e, c) : { next: i, effects: [] }
}

/** The process, or the pre_start in its place. */
const toEnd = ({ pid, hook }: In<'starting' | 'running'>['state']): number | null => pid ?? hook?.pid ?? null

/** Sends the signal and CONT (a stopped process hears nothing else), and notes when patience ends; pre_stop goes first. */
export function stopWith(i: In<'starting' | 'running'>, signal: string, cause: StopCause, c: Context): Step {
  const { spec, state } = i
  const pid = toEnd(state)
  if (pid === null) return { next: { ...i, state: { at: 'stopped' }, reason: null }, effects: [] }
  const first = state.at === 'running' && isOrderly(cause) ? hookOf(spec, 'pre_stop') : null
  const pre = state.at === 'starting' ? state.hook : undefined
  const next: State = {
    at: 'stopping',
    pid,
    group: pid,
    since: c.now,
    startedAt: state.startedAt,
    deadline: c.now,
    kills: 0,
    cause,
    from: state.at,
    ...(first && { hook: first, signal }),
    ...(pre && { hook: pre }),
  }
  const stopping = { ...i, state: next, reason: 'reason' in cause ? cause.reason : null }
  const before = state.at === 'running' ? ending(state.hook) : []
  const { next: then, effects }: Step = first
    ? { next: stopping, effects: [{ do: 'spawn' }] }
    : press(stopping, signal, spec.stopGroup || pre !== undefined, c)
  return { next: then, effects: [...before, ...effects] }
}

const isOrderly = ({ kind }: StopCause): boolean => kind === 'asked' || kind === 'unhealthy'

/** From here on its grace runs. */
function press(i: In<'stopping'>, signal: string, group: boolean, c: Context): Step {
  const hard = signal === 'SIGKILL' || i.spec.stopMs === 0
  const deadline = c.now + (hard ? LOOK_MS : i.spec.stopMs)
  return {
    next: { ...i, state: { ...i.state, deadline, kills: hard ? 1 : 0 } },
    effects: hard ? murdering(i.state.group) : asking(i.state.group, signal, group),
  }
}

function asking(pid: number, signal: string, group: boolean): Effect[] {
  return [
    { do: 'signal', pid, signal, group },
    { do: 'signal', pid, signal: 'SIGCONT', group },
  ]
}

export const murdering = (group: number): Effect[] => [{ do: 'signal', pid: group, signal: 'SIGKILL', group: true }]

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
  if (state.pid === null || state.kills > 0 || isBeside(state)) return { next: i, effects: [] }
  const signal = state.cause.kind === 'silent' ? 'SIGABRT' : spec.stopSignal
  return {
    next: { ...i, state: { ...state, deadline: c.now + spec.stopMs } },
    effects: asking(state.pid, signal, spec.stopGroup),
  }
}

/** A hook has had its time; or the grace is over: SIGKILL to all of the group, and again at each later look until nothing is left. */
export function murder(i: In<'stopping'>, _e: Event, c: Context): Step {
  const { hook } = i.state
  if (hook && isBeside(i.state)) {
    const { next, effects } = goOn(i, c)
    const why = hookLate(hook)
    return { next, effects: [...ending(hook), { do: 'complain', hook: hook.name, why }, ...effects] }
  }
  const { group, kills } = i.state
  const state = { ...i.state, kills: kills + 1, deadline: c.now + lookAfter(kills) }
  const reason = kills >= 3 ? 'unkillable: SIGKILL does not end it' : i.reason
  return { next: { ...i, state, reason }, effects: [...murdering(group), { do: 'look', group }] }
}

/** Whatever it was stopped for: now, and nothing comes after. */
export function killNow(i: In<'stopping'>, e: Event, c: Context): Step {
  const { hook, remains, ...state } = i.state
  const killed = { ...state, cause: { kind: 'killed' } as const }
  if (!hook || !isBeside(i.state)) return murder({ ...i, state: { ...i.state, cause: killed.cause } }, e, c)
  const isGone = state.pid === null && !remains
  const { next, effects } = isGone ? conclude(i, killed, c) : murder({ ...i, state: killed }, e, c)
  return { next, effects: [...ending(hook), ...effects] }
}

export const lookAfter = (kills: number): number => Math.min(LOOK_MAX_MS, LOOK_MS * 2 ** kills)

/** The process has ended, or the last of its group has. STOPPED only when none is left. */
export function gone(i: In<'stopping'>, e: Extract<Event, { type: 'exited' | 'emptied' }>, c: Context): Step {
  const { state, spec } = i
  if (e.type === 'exited') {
    const forced = state.kills > 0 && e.signal === 'SIGKILL'
    const { code, signal } = e
    const expected = state.cause.kind === 'asked' || state.cause.kind === 'killed'
    const { startedAt } = state
    const exit: Exit = { code, signal, at: c.wall, expected, forced, oom: oomOf(e, forced), startedAt }
    // What is told of pre_start is no end of a process.
    const seen = state.hook?.name === 'pre_start' ? i : { ...i, exit }
    if (isBeside(state) && state.pid === null) return { next: i, effects: [] }
    if (isBeside(state)) return { next: { ...seen, state: { ...state, pid: null, ...leaving(e) } }, effects: [] }
    if (!e.left) return settle(seen, state, c)
    const next = { ...seen, state: { ...state, pid: null } }
    return { next, effects: state.kills > 0 ? murdering(state.group) : asking(state.group, spec.stopSignal, true) }
  }
  if (state.pid !== null) return { next: i, effects: [] } // its own exit is still to come
  if (!isBeside(state)) return settle(i, state, c)
  const { remains, ...empty } = state
  return { next: remains ? { ...i, state: empty } : i, effects: [] }
}

const leaving = ({ left }: Exited): { remains?: true } => (left ? { remains: true } : {})

/** pre_stop or post_stop is over, one way or the other. */
export function hookOver(i: In<'stopping'>, e: Extract<Event, { type: 'hookEnded' | 'hookFailed' }>, c: Context): Step {
  const { hook } = i.state
  if (!hook || !isBeside(i.state)) return { next: i, effects: [] }
  const { next, effects } = goOn(i, c)
  return { next, effects: [...complaintOf(hook, e), ...effects] }
}

function goOn(i: In<'stopping'>, c: Context): Step {
  const { hook, remains, signal = i.spec.stopSignal, ...state } = i.state
  if (hook?.name === 'post_stop') return conclude(i, state, c)
  if (state.pid === null && !remains) return settle(i, state, c)
  return press({ ...i, state }, signal, i.spec.stopGroup || state.pid === null, c)
}

type Stopping = In<'stopping'>['state']

/** It ended without being asked to. With a post_stop the slot rests, or starts anew, only after that. */
export function endedByItself(i: In<'starting' | 'running'>, e: Exited, c: Context): Step {
  const { state, spec } = i
  const ranMs = c.now - state.since
  const before = ending(state.hook)
  const last = hookOf(spec, 'post_stop')
  if (!last) {
    const step = afterExit(i, state.at, e, ranMs, state.pid, c)
    return { ...step, effects: [...before, ...step.effects] }
  }
  const group = state.pid ?? 0
  const next: Stopping = {
    at: 'stopping',
    pid: null,
    group,
    since: c.now,
    startedAt: state.startedAt,
    deadline: c.now + spec.stopMs,
    kills: 0,
    cause: { kind: 'ended', end: { ...e, left: false }, ranMs },
    from: state.at,
  }
  const seen = { ...i, state: next, exit: exitOf(i, e, c), reason: describeEnd(e, spec, state.at) }
  const { next: then, effects } = e.left ? press(seen, spec.stopSignal, true, c) : settle(seen, next, c)
  return { next: then, effects: [...before, ...effects] }
}

/** Nothing of the process is left: post_stop, unless it had only been pre_start, or all shall end now. */
function settle(i: Instance, state: Stopping, c: Context): Step {
  const last = state.cause.kind === 'killed' || state.hook ? null : hookOf(i.spec, 'post_stop')
  if (!last) return conclude(i, state, c)
  return { next: { ...i, state: { ...state, pid: null, hook: last } }, effects: [{ do: 'spawn' }] }
}

function conclude(i: Instance, state: Stopping, c: Context): Step {
  const { cause, from, hook } = state
  if (i.wanted === 'down') return { next: { ...i, state: { at: 'stopped' }, reason: null }, effects: [] }
  if (cause.kind === 'asked' || cause.kind === 'killed' || cause.kind === 'lost') {
    // A restart ends the run of what has a schedule; the next one begins at its time.
    return i.spec.schedule ? { next: { ...i, wanted: 'down', state: { at: 'stopped' } }, effects: [] } : begin(i, c)
  }
  if (cause.kind === 'ended') {
    const step = afterExit(i, from, cause.end, cause.ranMs, null, c)
    return { ...step, next: { ...step.next, exit: i.exit } } // it was then, not now
  }
  const { reason, ranMs } = cause
  if (hook) {
    const step = afterExit(i, from, { failed: reason, permanent: false }, ranMs, null, c)
    return { ...step, effects: [...step.effects, { do: 'complain', hook: hook.name, why: reason }] }
  }
  // We ended it because it failed: no exit code of it makes that an expected end.
  const { code, signal, oom = null, forced } = i.exit ?? { code: null, signal: null, oom: null, forced: false }
  return afterExit(i, from, { code, signal, oom, left: false, why: reason, broken: true, forced }, ranMs, null, c)
}
