// A run: a process that does its work and ends. What begins one, and the operation `run`, which waits for the end.

import { isLive, type Program, slotOf } from '../core/program.ts'
import type { Instance } from '../core/state.ts'
import type { Desk } from './desk.ts'
import { chosen, endMissing, Outcomes, type Verdict } from './operations.ts'
import type { Operation } from './queue.ts'

/** Has a run been begun that has not ended? */
export const isBusy = ({ instances }: Pick<Program, 'instances'>): boolean =>
  instances.some((i) => isLive(i) || i.state.at === 'waiting' || i.state.at === 'backoff')

/** With the newest settings. */
export function beginRun(desk: Desk, slot: number): void {
  const before = slotOf(desk.program, slot)?.serving
  if (!before) return
  if (before.spec !== desk.program.spec) desk.refresh(before)
  const i = slotOf(desk.program, slot)?.serving
  if (i) desk.tell(i, { type: 'run' })
}

/** run: one run of each slot, settled when it has ended. `ended` is told of each. */
export function runOperation(slots: readonly number[], ended: (i: Instance) => void): Operation {
  const outcomes = new Outcomes(slots)
  let isBegun = false
  return {
    kind: 'run',
    slots,
    begin(desk) {
      if (isBusy(desk.program)) {
        outcomes.endOpen(desk.program, 'a run is under way already')
        return
      }
      for (const { slot } of chosen(desk.program, slots)) beginRun(desk, slot)
      isBegun = true
    },
    changed(_desk, after) {
      const verdict = slots.includes(after.slot) ? verdictOf(after) : null
      if (!verdict || !isBegun) return
      if (outcomes.open.includes(after.slot)) ended(after)
      outcomes.set(after.slot, after, verdict)
    },
    settled(desk) {
      // An update may have made it one that runs always: that has no end to wait for.
      const { autorestart } = desk.program.spec
      if (isBegun && autorestart !== 'never') outcomes.endOpen(desk.program, `has autorestart = ${autorestart} now`)
      endMissing(outcomes, desk.program)
      return outcomes.open.length === 0
    },
    supersede: (desk, reason) => outcomes.endOpen(desk.program, reason),
    outcomes: () => outcomes.list(),
  }
}

/** null = it is not over yet. */
function verdictOf(i: Instance): Verdict | null {
  switch (i.state.at) {
    case 'exited':
      return i.exit?.expected ? { ok: true } : { ok: false, error: i.reason ?? 'exited' }
    case 'fatal':
      return { ok: false, error: i.reason ?? 'failed' }
    case 'stopped':
      return { ok: false, error: 'stopped meanwhile' }
    case 'standby':
      return { ok: false, error: i.reason ?? 'another master has its lock' }
    case 'waiting':
    case 'starting':
    case 'running':
    case 'stopping':
    case 'backoff':
      return null
    default:
      return i.state satisfies never
  }
}
