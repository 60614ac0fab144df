// Operations that had not come to their turn when their master ended, or became another: made anew for the next one,
// from what stands in the record. Nobody waits for their answers any more.

import type { Count, Owed } from '../core/record.ts'
import type { Instance } from '../core/state.ts'
import type { Desk } from './desk.ts'
import { chosen, endMissing, isLeaving, Outcomes, scaleOperation, startOperation, startOutcome } from './operations.ts'
import type { Operation } from './queue.ts'
import { reloadOperation } from './rolling.ts'

const MOST_SLOTS = 10_000

export function operationOf(owed: Owed): Operation {
  switch (owed.kind) {
    case 'start':
    case 'restart':
      return startOperation(owed.kind, owed.slots, owed.whole)
    case 'reload':
      return reloadOperation(owed.slots, owed.byName, owed.whole)
    case 'scale':
      return scaleOperation(
        (from) => countFrom(from, owed.count),
        () => undefined,
        owed.count,
      )
    case 'settle':
      return settlingOperation(owed.slots)
    default:
      return owed satisfies never
  }
}

function countFrom(from: number, count: Count): number {
  if ('to' in count) return count.to
  const { by, least } = count
  const to = least === undefined || by > 0 ? from + by : Math.min(from, Math.max(least, from + by))
  return to < 0 || to > MOST_SLOTS ? from : to
}

/** Gives no orders: its slots were given theirs by an earlier master, and come to rest. */
function settlingOperation(slots: readonly number[]): Operation {
  const outcomes = new Outcomes(slots)
  const look = (desk: Desk, i: Instance): void => {
    const outcome = slots.includes(i.slot) && !isLeaving(desk.program, i) ? startOutcome(i, desk.now()) : null
    if (outcome) outcomes.set(i.slot, i, outcome)
  }
  return {
    kind: 'start',
    slots,
    begin(desk) {
      for (const { serving } of chosen(desk.program, slots)) look(desk, serving)
    },
    changed: look,
    settled(desk) {
      endMissing(outcomes, desk.program)
      return outcomes.open.length === 0
    },
    supersede: (desk, reason) => outcomes.endOpen(desk.program, reason),
    outcomes: () => outcomes.list(),
    owed: () => ({ kind: 'settle', slots }),
  }
}
