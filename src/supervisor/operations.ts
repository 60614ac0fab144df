// The operations: what start, stop, restart, scale and wait want of a program's slots, and when each
// slot counts as settled. They only say what is wanted; the state table does the rest.

import { isLive, type ProcessWord, type Program, type Slot, slotsOf, wordOf } from '../core/program.ts'
import type { Count } from '../core/record.ts'
import { type Instance, pidOf } from '../core/state.ts'
import { siblingsOf } from './entry.ts'
import type { Operation, Outcome } from './queue.ts'

/** What is known of a settled slot, besides where it stands. */
export type Verdict = Pick<Outcome, 'ok' | 'error'>

/** Outcomes by slot, each kept from the moment at which it was first known. */
export class Outcomes {
  #slots: readonly number[]
  readonly #known = new Map<number, Outcome>()

  constructor(slots: readonly number[]) {
    this.#slots = slots
  }

  get slots(): readonly number[] {
    return this.#slots
  }

  /** Slots that were made between the asking and the beginning. */
  add(slots: readonly number[]): void {
    this.#slots = [...new Set([...this.#slots, ...slots])]
  }

  /** `i` is the instance that settled; null = the slot is gone. */
  set(slot: number, i: Instance | null, verdict: Verdict): void {
    if (this.#known.has(slot)) return
    this.#known.set(slot, { slot, state: i ? wordOf(i) : 'STOPPED', pid: i ? pidOf(i) : null, ...verdict })
  }

  get open(): number[] {
    return this.#slots.filter((slot) => !this.#known.has(slot))
  }

  /** Slots that are gone before the beginning, of a program that was meant as a whole. */
  dropMissing({ instances }: Program): void {
    this.#slots = this.#slots.filter((slot) => this.#known.has(slot) || instances.some((i) => i.slot === slot))
  }

  /** Whatever has not settled ends with this error, where it stands. */
  endOpen(program: Program, error: string, slots: readonly number[] = this.open): void {
    const open = this.open.filter((slot) => slots.includes(slot))
    for (const { slot, serving } of chosen(program, open)) this.set(slot, serving, { ok: false, error })
    for (const slot of open) this.set(slot, null, { ok: false, error })
  }

  list(): Outcome[] {
    return [...this.#known.values()].sort((a, b) => a.slot - b.slot)
  }
}

/** A start of what has a schedule. */
const WAITS: Verdict = { ok: true, error: 'waits for its next run' }

/**
 * Has a start come to its end? RUNNING, EXITED, FATAL, STOPPED, or the first failed start, after
 * which the master goes on trying by itself.
 */
export function startOutcome(i: Instance, now: number): Verdict | null {
  switch (i.state.at) {
    case 'running':
      return { ok: true }
    case 'standby':
      return { ok: true, ...(i.reason ? { error: i.reason } : {}) }
    case 'exited':
      return i.exit?.expected ? { ok: true } : { ok: false, error: i.reason ?? 'exited' }
    case 'fatal':
      return { ok: false, error: i.reason ?? 'failed' }
    case 'backoff': {
      if (i.failures === 0) return null // waits for leftovers, or ran before
      const wait = Math.max(0, i.state.until - now)
      const soon = wait < 50 ? 'next try at once' : `next try in ${(wait / 1000).toFixed(1)} s`
      const next = i.state.left ? 'next try when what is left of its group has ended' : soon
      return { ok: false, error: `${i.reason ?? 'failed'}; ${next}` }
    }
    case 'stopped':
      if (i.spec.schedule) return WAITS
      return i.wanted === 'down' ? { ok: false, error: 'stopped meanwhile' } : null
    case 'waiting':
      return i.state.stuck ? { ok: false, error: i.reason ?? 'waiting' } : null
    case 'starting':
    case 'stopping':
      return null
    default:
      return i.state satisfies never
  }
}

/**
 * start and restart of the slots: settled as startOutcome says.
 * @param whole the program was meant, whichever slots it has when the turn comes
 */
export function startOperation(kind: 'start' | 'restart', slots: readonly number[], whole: boolean): Operation {
  const outcomes = new Outcomes(slots)
  /** A stop may take some away. */
  let its = slots
  return {
    kind,
    get slots() {
      return outcomes.slots
    },
    begin(desk) {
      const { schedule } = desk.program.spec
      // A schedule is followed again, unless a stop has taken all of the slots.
      if (whole || (schedule && its.length > 0)) desk.setWanted('up')
      if (whole) outcomes.dropMissing(desk.program)
      for (const { slot, serving } of chosen(desk.program, its)) {
        const { at } = serving.state
        if (kind === 'start' && at === 'running') outcomes.set(slot, serving, { ok: true })
        if (schedule && !isLive(serving)) {
          desk.refresh(serving)
          outcomes.set(slot, serving, WAITS)
          continue
        }
        const goesOn = kind === 'start' && (at === 'running' || at === 'starting')
        if (goesOn || serving.spec === desk.program.spec) desk.tell(serving, { type: kind })
        else desk.startAnew(serving)
        // What waits already, and in vain, need not change any more.
        const outcome = at === 'waiting' ? startOutcome(serving, desk.now()) : null
        if (outcome) outcomes.set(slot, serving, outcome)
      }
    },
    changed(desk, after) {
      if (!its.includes(after.slot) || isLeaving(desk.program, after)) return
      const outcome = startOutcome(after, desk.now())
      if (outcome) outcomes.set(after.slot, after, outcome)
    },
    settled(desk) {
      endMissing(outcomes, desk.program)
      return outcomes.open.length === 0
    },
    supersede: (desk, reason) => outcomes.endOpen(desk.program, reason),
    release(desk, taken, reason) {
      const others = its.filter((slot) => !taken.includes(slot))
      if (others.length === 0) return false
      its = others
      outcomes.endOpen(desk.program, reason, taken)
      return true
    },
    outcomes: () => outcomes.list(),
    owed: () => ({ kind, slots: its, whole }),
  }
}

/**
 * scale: a new count; new slots settle as a start does, surplus ones when they are gone.
 * @param as the count as a next master would have it, were this one gone before its turn; null = it finds that itself
 */
export function scaleOperation(
  count: (from: number) => number,
  begun: (from: number, to: number, down: boolean) => void,
  as: Count | null = null,
): Operation {
  let slots: readonly number[] = []
  let outcomes = new Outcomes([])
  let to = 0
  return {
    kind: 'scale',
    get slots() {
      return slots
    },
    begin(desk) {
      const from = desk.program.desired
      to = count(from)
      slots = Array.from({ length: Math.abs(to - from) }, (_, n) => Math.min(from, to) + n)
      outcomes = new Outcomes(slots)
      desk.setDesired(to)
      const made = desk.program.instances.filter((i) => i.slot >= from && i.slot < to)
      for (const i of made)
        if (i.wanted === 'down') outcomes.set(i.slot, i, { ok: true, error: 'stays down: the program is stopped' })
      begun(
        from,
        to,
        made.some((i) => i.wanted === 'down'),
      )
    },
    changed(desk, after) {
      if (after.slot >= to || !slots.includes(after.slot)) return
      const outcome = startOutcome(after, desk.now())
      if (outcome) outcomes.set(after.slot, after, outcome)
    },
    settled(desk) {
      for (const slot of outcomes.open) {
        if (slot >= to && !desk.program.instances.some((i) => i.slot === slot)) outcomes.set(slot, null, { ok: true })
      }
      return outcomes.open.length === 0
    },
    supersede: (desk, reason) => outcomes.endOpen(desk.program, reason),
    outcomes: () => outcomes.list(),
    owed: () => as && { kind: 'scale', count: as },
  }
}

/** wait: until each slot has been seen in the state. */
export function waitOperation(slots: readonly number[], state: ProcessWord): Operation {
  const outcomes = new Outcomes(slots)
  const look = (i: Instance): void => {
    if (slots.includes(i.slot) && wordOf(i) === state) outcomes.set(i.slot, i, { ok: true })
  }
  return {
    kind: 'wait',
    slots,
    begin(desk) {
      for (const { serving } of chosen(desk.program, slots)) look(serving)
    },
    changed(desk, after) {
      if (!isLeaving(desk.program, after)) look(after)
    },
    settled(desk) {
      endMissing(outcomes, desk.program)
      return outcomes.open.length === 0
    },
    supersede: (desk, reason) => outcomes.endOpen(desk.program, reason),
    outcomes: () => outcomes.list(),
  }
}

/** The slots of the program that the operation is about. */
export function chosen(program: Program, slots: readonly number[]): Slot[] {
  return slotsOf(program).filter((s) => slots.includes(s.slot))
}

/** Another instance of its slot stays, so that what becomes of this one says nothing of the slot. */
export function isLeaving({ instances }: Program, i: Instance): boolean {
  if (i.wanted === 'up') return false
  return siblingsOf(instances, i).some((other) => other.wanted === 'up')
}

/** A slot that is drained away meanwhile will never settle otherwise. */
export function endMissing(outcomes: Outcomes, { instances }: Program): void {
  const { open } = outcomes
  if (open.length === 0) return
  const there = new Set(instances.map(({ slot }) => slot))
  for (const slot of open) {
    if (!there.has(slot)) outcomes.set(slot, null, { ok: false, error: 'the slot is gone meanwhile' })
  }
}
