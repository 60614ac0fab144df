// The operations on one program, in order. One is under way at a time; the others wait. A stop does
// not wait: it takes its slots from whatever would start them, and ends what would reload them. A reload
// ends the reload before it.
//
// Promises: every operation ends exactly once and tells its listener; nothing here decides what an
// operation does (operations.ts) or what a state means (core).

import type { ProcessWord } from '../core/program.ts'
import type { KeptRollout, Owed } from '../core/record.ts'
import type { Instance } from '../core/state.ts'
import { messageOf } from '../errors.ts'
import type { Desk } from './desk.ts'

/** What became of one slot. */
export interface Outcome {
  readonly slot: number
  readonly ok: boolean
  /** As it was when it settled. */
  readonly state: ProcessWord
  readonly pid: number | null
  /** In words; also a remark on an ok one. */
  readonly error?: string
}

export type OperationKind = 'start' | 'stop' | 'restart' | 'reload' | 'scale' | 'recycle' | 'update' | 'run' | 'wait'

export interface Operation {
  readonly kind: OperationKind
  /** The slots it is about. */
  readonly slots: readonly number[]
  /** It was asked for; its turn may come later, or never. */
  asked?(desk: Desk): void
  /** Says what is wanted. Called once, when its turn has come. */
  begin(desk: Desk): void
  /** An instance of the program has changed. */
  changed?(desk: Desk, after: Instance): void
  /** Something of the program has changed: gives further orders, and says whether all is settled. */
  settled(desk: Desk): boolean
  /** Something else took its place: what is not settled ends with this reason. */
  supersede(desk: Desk, reason: string): void
  /** Something else takes these slots: they end with this reason, the others go on. False = there are no others, and nothing was done. */
  release?(desk: Desk, slots: readonly number[], reason: string): boolean
  /** So far. */
  outcomes(): readonly Outcome[]
  /** What a next master needs to go on with it, once it has begun. */
  kept?(): KeptRollout | null
  /** Slots that it will stop when others have ended: a next master does that at once. */
  owesStop?(): readonly number[]
  /** What a next master needs to begin it; null = it will be found again in another way. */
  owed?(): Owed | null
}

/** How it ended: by itself, or because something took its place. */
export interface End {
  readonly superseded: string | null
}

interface Held {
  readonly desk: Desk
  readonly operation: Operation
  readonly done: (end: End) => void
}

export class OperationQueue {
  #current: Held[] = []
  #waiting: Held[] = []

  /** `done` is called once, when the operation has ended. */
  submit(desk: Desk, operation: Operation, done: (end: End) => void): void {
    const held = { desk, operation, done }
    operation.asked?.(desk)
    if (operation.kind === 'stop') {
      this.#overtake(desk, operation, 'superseded by a stop')
      this.#begin(desk, held)
      return
    }
    if (operation.kind === 'reload' || operation.kind === 'update') {
      this.#supersede(desk, (o) => isRollout(o) && overlaps(o, operation), `superseded by a later ${operation.kind}`)
    }
    if (operation.kind === 'wait') this.#begin(desk, held)
    else this.#waiting.push(held)
    this.advance(desk)
  }

  /** Nothing is replaced any more. */
  endRollouts(desk: Desk, reason: string): void {
    this.#supersede(desk, isRollout, reason)
  }

  /** Everything ends: the program goes away, or the master does. */
  clear(desk: Desk, reason: string): void {
    this.#supersede(desk, () => true, reason)
  }

  changed(after: Instance): void {
    for (const { operation, desk } of this.#current) operation.changed?.(desk, after)
  }

  /** Ends what has settled, and begins what may. */
  advance(desk: Desk): void {
    for (let more = true; more; ) {
      const ended = this.#current.filter(({ operation }) => operation.settled(desk))
      this.#current = this.#current.filter((held) => !ended.includes(held))
      for (const { done } of ended) done({ superseded: null })
      more = ended.length > 0
      if (this.#waiting.length > 0 && this.#current.every(({ operation }) => isPatient(operation))) {
        const next = this.#waiting.shift()
        if (next) this.#begin(desk, next)
        more = true
      }
    }
  }

  /** Is there an operation of this kind, under way or waiting, about this slot? */
  has(kind: OperationKind, slot: number): boolean {
    return [...this.#current, ...this.#waiting].some(({ operation: o }) => o.kind === kind && o.slots.includes(slot))
  }

  /** The plan that is under way. */
  rollout(): KeptRollout | null {
    for (const { operation } of this.#current) {
      const kept = operation.kept?.()
      if (kept) return kept
    }
    return null
  }

  /** Slots that are to be stopped, and have not been told. */
  get owesStop(): readonly number[] {
    return this.#current.flatMap(({ operation }) => operation.owesStop?.() ?? [])
  }

  /** Does an update wait for its turn? */
  get owesUpdate(): boolean {
    return this.#waiting.some(({ operation }) => operation.kind === 'update')
  }

  /** All that wait for their turn, for a next master, and first those for which they wait. */
  get owed(): readonly Owed[] {
    const waiting = this.#waiting.flatMap(({ operation }) => operation.owed?.() ?? [])
    if (waiting.length === 0) return waiting
    const before = this.#current.filter(({ operation: o }) => o.kind !== 'wait' && !isRollout(o))
    return [...before.map(({ operation: { slots } }) => ({ kind: 'settle', slots }) as const), ...waiting]
  }

  /** Nobody waits for it any more. For operations that want nothing themselves. */
  forget(operation: Operation): void {
    this.#current = this.#current.filter((held) => held.operation !== operation)
  }

  #begin(desk: Desk, held: Held): void {
    this.#current.push(held)
    try {
      held.operation.begin(desk)
    } catch (e) {
      // One operation must not end the loop that serves all of them.
      this.#supersede(desk, (o) => o === held.operation, messageOf(e))
    }
  }

  /** A stop takes its slots from whatever would start them; a plan that has lost a slot is over. */
  #overtake(desk: Desk, stop: Operation, reason: string): void {
    const whole = new Set<Operation>()
    for (const { operation: o } of [...this.#current, ...this.#waiting]) {
      if (!(startsSomething(o) || isRollout(o)) || !overlaps(o, stop)) continue
      if (!o.release?.(desk, stop.slots, reason)) whole.add(o)
    }
    this.#supersede(desk, (o) => whole.has(o), reason)
  }

  #supersede(desk: Desk, which: (o: Operation) => boolean, reason: string): void {
    const ended = [...this.#current, ...this.#waiting].filter(({ operation }) => which(operation))
    this.#current = this.#current.filter((held) => !ended.includes(held))
    this.#waiting = this.#waiting.filter((held) => !ended.includes(held))
    for (const { operation, done } of ended) {
      operation.supersede(desk, reason)
      done({ superseded: reason })
    }
  }
}

const overlaps = (a: Operation, b: Operation): boolean => a.slots.some((slot) => b.slots.includes(slot))
const isRollout = (o: Operation): boolean => o.kind === 'reload' || o.kind === 'recycle' || o.kind === 'update'
const startsSomething = ({ kind }: Operation): boolean => kind === 'start' || kind === 'restart' || kind === 'run'
/** Once begun it only waits, for hours maybe: others need not wait for that. */
const isPatient = ({ kind }: Operation): boolean => kind === 'wait' || kind === 'run'
