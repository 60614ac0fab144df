// The checks of a running process: when one is due, what its answer means, what follows when too many failed.
// One at a time, as deadlines of the state. The handlers of the table in instance.ts for these. Pure.

import { type Check, failuresOf, firstCheck, foundText, nextAt, unhealthy } from './health.ts'
import type { Health, Spec } from './spec.ts'
import type { Context, Event, In, Instance, Step } from './state.ts'
import { stopWith } from './stopping.ts'

type Running = In<'running'>

/** Its moment has come: a check is owed, or the one that runs has had its time. */
export function checkDue(i: Running, check: Check, c: Context): Step {
  const { health } = i.spec
  if (!health) return { next: without(i), effects: [] }
  if (check.phase === 'asks') return answered(i, check, health, `no answer within ${health.timeoutMs / 1000} s`, c)
  // While it reads its settings anew, or is on its way out, nobody expects an answer.
  if (i.state.withdrawn !== undefined) return { next: later(i, check, health, c), effects: [] }
  return { next: withCheck(i, { ...check, phase: 'owed', due: null }), effects: [{ do: 'check' }] }
}

export function checking(i: Running, _e: Event, c: Context): Step {
  const { check } = i.state
  if (check?.phase !== 'owed' || !i.spec.health) return { next: i, effects: [] }
  return { next: withCheck(i, { ...check, phase: 'asks', due: c.now + i.spec.health.timeoutMs }), effects: [] }
}

export function checked(i: Running, e: Extract<Event, { type: 'checked' }>, c: Context): Step {
  const { check } = i.state
  const { health } = i.spec
  if (check?.phase !== 'asks' || !health) return { next: i, effects: [] }
  return answered(i, check, health, e.finding, c, e.againMs)
}

function answered(
  i: Running,
  check: Check,
  health: Health,
  finding: string | null,
  c: Context,
  againMs?: number,
): Step {
  const due = againMs === undefined ? nextAt(health, c.now, c.random) : c.now + againMs
  if (finding === null) {
    const well: Check = { phase: 'waits', due, failures: 0, error: null, at: c.wall }
    return { next: { ...i, state: { ...i.state, health: 'passing', check: well } }, effects: [] }
  }
  if (i.state.withdrawn !== undefined) return { next: later(i, check, health, c), effects: [] }
  const error = foundText(health.check, i.slot, finding)
  const failed: Check = { phase: 'waits', due, failures: check.failures + 1, error, at: c.wall }
  const next = withCheck(i, failed)
  if (failed.failures < failuresOf(health) || i.state.health === 'failing') return { next, effects: [] }
  return act({ ...next, state: { ...next.state, health: 'failing' } }, health, failed, c)
}

/** Once, when it has become unhealthy. */
function act(i: Running, health: Health, check: Check, c: Context): Step {
  const { action } = health
  if (action === 'none') return { next: i, effects: [] }
  if (action !== 'restart') return { next: i, effects: [{ do: 'tell', pid: i.state.pid, signal: action.signal }] }
  const reason = unhealthy(health, check)
  return stopWith(i, i.spec.stopSignal, { kind: 'unhealthy', reason, ranMs: c.now - i.state.since }, c)
}

const withCheck = (i: Running, check: Check): Running => ({ ...i, state: { ...i.state, check } })

const later = (i: Running, check: Check, health: Health, c: Context): Running =>
  withCheck(i, { ...check, phase: 'waits', due: nextAt(health, c.now, c.random) })

function without(i: Running): Running {
  const { check: _check, health: _health, ...state } = i.state
  return { ...i, state }
}

/** The instance with settings that need no new process: changed checks begin anew. */
export function withSpec(i: Instance, spec: Spec, now: number): Instance {
  const next = { ...i, spec }
  const { state } = next
  if (state.at !== 'running') return next
  const running = { ...next, state }
  const first = firstCheck(spec, now, 0)
  if (!first) return state.check ? without(running) : next
  const isSame = state.check !== undefined && JSON.stringify(i.spec.health) === JSON.stringify(spec.health)
  return isSame ? next : withCheck(without(running), first)
}

/** A check that ran, or was owed, is lost with the master that made it. What was found stays. */
export function resumed(check: Check | undefined, spec: Spec, now: number): Check | null {
  const first = firstCheck(spec, now, 0)
  return first && check ? { ...check, phase: 'waits', due: first.due } : first
}
