// stop, as an operation: at once, or, where others of the same stop depend on the program, when these
// have ended.

import { hasProcess } from '../core/program.ts'
import type { Desk } from './desk.ts'
import { Outcomes } from './operations.ts'
import type { Operation } from './queue.ts'

/** A stop that may have to wait for others. */
export interface Stop extends Operation {
  /** Nobody needs its processes any more. */
  go(desk: Desk): void
}

/**
 * stop: every instance of the slots down, settled when each is STOPPED.
 * @param held processes stop when `go` is called; until then nothing starts there
 */
export function stopOperation(slots: readonly number[], whole: boolean, held = false): Stop {
  const outcomes = new Outcomes(slots)
  let waits = held
  const tell = (desk: Desk): void => {
    for (const i of desk.program.instances.filter((one) => slots.includes(one.slot))) {
      if (!waits || !(hasProcess(i) || i.state.at === 'stopped')) desk.tell(i, { type: 'stop' })
    }
  }
  return {
    kind: 'stop',
    slots,
    begin(desk) {
      if (whole || desk.program.spec.schedule) desk.setWanted('down')
      tell(desk)
    },
    go(desk) {
      if (!waits) return
      waits = false
      tell(desk)
    },
    settled(desk) {
      if (waits) tell(desk)
      for (const slot of outcomes.open) {
        const all = desk.program.instances.filter((i) => i.slot === slot)
        if (all.every((i) => i.state.at === 'stopped')) outcomes.set(slot, null, { ok: true })
      }
      return outcomes.open.length === 0
    },
    supersede(desk, reason) {
      waits = false
      outcomes.endOpen(desk.program, reason)
    },
    outcomes: () => outcomes.list(),
    owesStop: () => (waits ? slots : []),
  }
}
