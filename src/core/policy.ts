// What follows when a process has ended by itself, or could not be started: its policy is asked
// first, then the row of short runs decides how long to wait. Pure.

import { backoffMs } from './backoff.ts'
import type { Exit, Exited, Leftovers } from './ends.ts'
import { hookOf } from './hooks.ts'
import { doubtOf } from './identity.ts'
import type { Spec } from './spec.ts'
import type { Context, Instance, State, Step } from './state.ts'

/** A spawn that never became a process. */
export interface NotSpawned {
  readonly failed: string
  readonly permanent: boolean
}

/** An end with what only we know of it. */
export interface Ended extends Exited {
  /** We ended it because it failed: no code makes that an expected end. */
  readonly broken?: boolean
  readonly forced?: boolean
}

export const leftoversOf = (group: number, deadline: number, kills: number): Leftovers => ({ group, deadline, kills })

/**
 * The next state after an unasked end.
 * @param phase an end in STARTING that the policy would restart is a failed start
 * @param ranMs how long it ran: backoff_reset clears the row
 * @param group the process group to clear of leftovers, or null
 */
export function afterExit(
  i: Instance,
  phase: 'starting' | 'running',
  end: Ended | NotSpawned,
  ranMs: number,
  group: number | null,
  c: Context,
): Step {
  const { spec } = i
  const left = 'left' in end && end.left && group !== null ? leftoversOf(group, c.now + spec.stopMs, 0) : null
  const effects: Step['effects'] = left
    ? [
        { do: 'signal', pid: left.group, signal: spec.stopMs === 0 ? 'SIGKILL' : spec.stopSignal, group: true },
        { do: 'signal', pid: left.group, signal: 'SIGCONT', group: true },
      ]
    : []
  const to = (state: State, more: Partial<Instance>): Step => ({ next: { ...i, ...more, state }, effects })
  const exit = 'failed' in end ? i.exit : exitOf(i, end, c)
  const reason = 'failed' in end ? end.failed : describeEnd(end, spec, phase)

  if ('failed' in end ? spec.autorestart === 'never' : !restarts(spec, end)) {
    // A program that nobody restarts and that could not even be started: FATAL says so, EXITED would not.
    return 'failed' in end ? to({ at: 'fatal', left }, { exit, reason }) : to({ at: 'exited', left }, { exit, reason })
  }
  const failures = phase === 'starting' ? i.failures + 1 : i.failures
  const row = ranMs >= spec.backoffResetMs ? 0 : i.row + 1
  if ('failed' in end && end.permanent) return to({ at: 'fatal', left }, { exit, reason, failures, row })
  if (phase === 'starting' && spec.startRetries >= 0 && failures > spec.startRetries) {
    const inWords = `${reason}; ${failures === 1 ? 'the first start failed' : `${failures} starts in a row failed`}`
    return to({ at: 'fatal', left }, { exit, reason: inWords, failures, row })
  }
  return to({ at: 'backoff', until: c.now + backoffMs(spec, row, c.random), left }, { exit, reason, failures, row })
}

/** The beginning of a start: with dependencies it waits until somebody has looked at them. */
export function begin(i: Instance, c: Context): Step {
  if (i.spec.dependsOn.length === 0) return spawn(i, c)
  const state: State = { at: 'waiting', since: c.now, stuck: false }
  return { next: { ...i, state, reason: null, statusText: null }, effects: [] }
}

/** Nothing hinders it: pre_start first, where there is one. Its process, and its hook's, come as events. */
export function spawn(i: Instance, c: Context): Step {
  const hook = hookOf(i.spec, 'pre_start')
  const step = spawnProcess(i, c)
  const { state } = step.next
  return hook && state.at === 'starting' ? { ...step, next: { ...step.next, state: { ...state, hook } } } : step
}

/** The spawn is owed, its outcome comes as an event. */
export function spawnProcess(i: Instance, c: Context): Step {
  const state: State = { at: 'starting', pid: null, since: c.now, startedAt: c.wall, deadline: null, said: null }
  return { next: { ...i, state, reason: null, statusText: null }, effects: [{ do: 'spawn' }] }
}

/** Would the policy start it again? */
function restarts(spec: Spec, end: Ended): boolean {
  return spec.autorestart === 'always' || (spec.autorestart === 'on-failure' && !isExpected(spec, end))
}

function isExpected(spec: Spec, end: Ended): boolean {
  return !end.broken && end.code !== null && spec.exitCodes.includes(end.code)
}

export function exitOf({ spec, state }: Instance, end: Ended, c: Context): Exit {
  const { code, signal, forced = false } = end
  const started = 'startedAt' in state ? { startedAt: state.startedAt } : {}
  const expected = isExpected(spec, end)
  return { code, signal, at: c.wall, expected, forced, oom: oomOf(end, forced), ...started }
}

/** Only SIGKILL may be the kernel's for want of memory. */
export function oomOf({ code, signal, oom = null }: Exited, forced: boolean): boolean | null {
  if (code !== null || (signal !== null && signal !== 'SIGKILL')) return false
  return oom ?? (forced ? false : null)
}

/** `exit 1`, `killed by SIGKILL`, with the known cause behind a colon. */
export function describeEnd(end: Exited, spec: Spec, phase: 'starting' | 'running'): string {
  const how =
    end.code !== null ? `exit ${end.code}` : end.signal !== null ? `killed by ${end.signal}` : 'ended, exit unknown'
  if (end.oom) return `${how}: out of memory`
  const why = end.why ?? (phase === 'starting' ? doubtOf(spec, end.code) : null)
  return why ? `${how}: ${why}` : how
}
