// Operations that replace processes: reload by hand or by HUP, an update's changed spec, and the
// recycling of one slot. All run the same plan (core/rollout.ts); this file begins it, hands its
// orders on, and says what became of each slot.

import { slotsOf, wordOf } from '../core/program.ts'
import type { KeptRollout, Owed } from '../core/record.ts'
import { abandon, advance, type Rollout, rolloutOf } from '../core/rollout.ts'
import type { Spec } from '../core/spec.ts'
import { rests } from '../core/standby.ts'
import type { Instance } from '../core/state.ts'
import { messageOf } from '../errors.ts'
import type { Desk } from './desk.ts'
import { chosen, endMissing, Outcomes, type Verdict } from './operations.ts'
import type { Operation } from './queue.ts'

/**
 * reload: STOPPED and EXITED slots are refused by name and skipped otherwise; all others get a new process.
 * @param byName the caller named the slots, so one that cannot be reloaded is a failure
 * @param whole the program was meant, whichever slots it has when the turn comes
 */
export function reloadOperation(slots: readonly number[], byName: boolean, whole: boolean): Operation {
  const operation = rollingOperation('reload', slots, whole, (desk, outcomes) => {
    const { spec } = desk.program
    const able: number[] = []
    for (const { slot, serving } of chosen(desk.program, slots)) {
      const { at } = serving.state
      if (spec.schedule && serving.wanted === 'up') {
        outcomes.set(slot, serving, resting('at work by its schedule', byName))
      } else if (at === 'stopped' || rests(serving)) {
        outcomes.set(slot, serving, resting(wordOf(serving), byName && at !== 'standby'))
      } else if (spec.reloadStrategy === 'signal' && at === 'running') {
        outcomes.set(slot, serving, signalled(desk, serving, spec.reloadSignal))
      } else able.push(slot)
    }
    return plan(desk, spec, able)
  })
  return Object.assign(operation, { owed: (): Owed => ({ kind: 'reload', slots, byName, whole }) })
}

function signalled(desk: Desk, i: Instance, signal: string): Verdict {
  try {
    return desk.signal(i, signal) ? { ok: true } : { ok: false, error: 'its process has just ended' }
  } catch (e) {
    return { ok: false, error: `cannot be signalled: ${messageOf(e)}` } // EPERM: another user's process
  }
}

function resting(word: string, byName: boolean): Verdict {
  return byName ? { ok: false, error: `cannot reload: it is ${word}` } : { ok: true, error: `skipped: it is ${word}` }
}

/**
 * Recycling: a planned replacement of one slot's process. Its failure leaves the old process where it
 * is. A process that is gone or was replaced when its turn comes needs none.
 */
export function recycleOperation(slot: number, pid: number | null): Operation {
  return rollingOperation('recycle', [slot], false, (desk, outcomes) => {
    if (desk.program.spec.schedule) {
      outcomes.set(slot, null, { ok: true }) // it was asked before that was so
      return null
    }
    const here = desk.program.instances.filter((i) => i.slot === slot)
    const aged = here.find((i) => i.state.at === 'running' && i.state.pid === pid)
    if (aged && here.length === 1) return plan(desk, desk.program.spec, [slot])
    outcomes.set(
      slot,
      aged ?? null,
      aged ? { ok: false, error: 'an earlier replacement is still ending' } : { ok: true },
    )
    return null
  })
}

/**
 * A changed spec: live processes are replaced, the others take it over for their next start. `slots`
 * are those of now; what is scaled up before its turn comes is replaced too. `taken` is called when the spec is in force.
 */
export function updateOperation(spec: Spec, slots: readonly number[], taken?: () => void): Operation {
  const operation = rollingOperation('update', slots, true, (desk, outcomes) => {
    const all = slotsOf(desk.program)
    outcomes.add(all.map(({ slot }) => slot))
    // A run that is under way ends with the settings that it began with.
    const { schedule } = desk.program.spec
    const resting = all.filter(({ serving }) => schedule || rests(serving))
    const able = all.filter((slot) => !resting.includes(slot)).map(({ slot }) => slot)
    const rollout = plan(desk, desk.program.spec, able)
    for (const { slot, serving } of resting) {
      desk.refresh(serving)
      outcomes.set(slot, serving, { ok: true, error: 'takes effect at its next start' })
    }
    return rollout
  })
  // In force when it is asked for: an operation that takes its place must not lose the new settings.
  const asked = (desk: Desk): void => {
    desk.takeSpec(spec)
    taken?.()
  }
  return Object.assign(operation, { asked }) // a spread would freeze its slots
}

/** Goes on with a plan that an earlier master had begun. */
export function resumedOperation({ kind, slots, plan }: KeptRollout): Operation {
  return rollingOperation(kind, slots, false, () => plan)
}

function plan(desk: Desk, spec: Spec, slots: readonly number[]): Rollout {
  const generation = desk.nextGeneration(spec)
  const strategy = spec.reloadStrategy === 'start-first' ? 'start-first' : 'stop-first'
  return rolloutOf({ generation, strategy, parallel: spec.reloadParallel }, slots)
}

function rollingOperation(
  kind: 'reload' | 'recycle' | 'update',
  slots: readonly number[],
  whole: boolean,
  begin: (desk: Desk, outcomes: Outcomes) => Rollout | null,
): Operation {
  const outcomes = new Outcomes(slots)
  let rollout: Rollout | null = null
  const tell = (desk: Desk, phase: 'begun' | 'ended', error: string | null): void => {
    desk.notice({ kind: 'rollout', program: desk.program.name, what: kind, phase, slots: outcomes.slots, error })
  }
  return {
    kind,
    get slots() {
      return outcomes.slots
    },
    begin(desk) {
      if (whole) outcomes.dropMissing(desk.program)
      tell(desk, 'begun', null)
      rollout = begin(desk, outcomes)
    },
    settled(desk) {
      if (!rollout) {
        tell(desk, 'ended', null)
        return true
      }
      const step = advance(rollout, desk.program, desk.hindrance())
      rollout = step.rollout
      desk.carryOut(step.orders, kind)
      const { failed, done } = rollout
      for (const { slot, serving } of slotsOf(desk.program).filter((s) => done.includes(s.slot))) {
        // It came to rest before its turn: nothing is replaced, but what it waits for is a start with the new settings.
        if (rests(serving) && serving.spec !== desk.program.spec) desk.refresh(serving)
        outcomes.set(slot, serving, failed?.slot === slot ? { ok: false, error: failed.reason } : { ok: true })
      }
      if (!step.ended) return false
      endMissing(outcomes, desk.program)
      const why = failed ? `: ${desk.program.name}:${failed.slot} failed (${failed.reason})` : ''
      outcomes.endOpen(desk.program, `not replaced${why}`)
      tell(desk, 'ended', failed ? `${desk.program.name}:${failed.slot}: ${failed.reason}` : null)
      return true
    },
    supersede(desk, reason) {
      // What was begun ends in one instance a slot: the new one where it serves already, else the old one.
      if (rollout) desk.carryOut(abandon(rollout, desk.program), kind)
      outcomes.endOpen(desk.program, reason)
      if (rollout) tell(desk, 'ended', reason)
    },
    outcomes: () => outcomes.list(),
    kept: () => rollout && { kind, slots: outcomes.slots, plan: rollout },
  }
}
