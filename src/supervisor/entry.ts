// A program as the supervisor keeps it: the pure view of core/program.ts, made changeable, with the
// operations that wait on it; and the list of its instances, kept in order.

import type { Program } from '../core/program.ts'
import type { Spec } from '../core/spec.ts'
import type { Instance } from '../core/state.ts'
import type { Timetable } from '../core/timetable.ts'
import { OperationQueue } from './queue.ts'

export interface Entry extends Program {
  spec: Spec
  generation: number
  desired: number
  removed: boolean
  lingersUntil: number | null
  wanted: 'up' | 'down'
  timetable?: Timetable
  readonly instances: Instance[]
  readonly queue: OperationQueue
  /** Called when a removed program's last process has ended. */
  readonly gone: (() => void)[]
}

export function entryOf(spec: Spec, wanted: 'up' | 'down'): Entry {
  return {
    name: spec.program,
    spec,
    generation: 1,
    desired: spec.workers,
    removed: false,
    lingersUntil: null,
    wanted,
    instances: [],
    queue: new OperationQueue(),
    gone: [],
  }
}

/** Where one instance is found again, whatever has become of it. */
export interface Address {
  readonly program: string
  readonly slot: number
  readonly generation: number
}

export const addressOf = ({ program, slot, generation }: Instance): Address => ({ program, slot, generation })

export const sameAddress = (a: Address, b: Address): boolean =>
  a.slot === b.slot && a.generation === b.generation && a.program === b.program

/** Where the instance stands in the list, or -1. Without a replacement under way that is its slot's number. */
export function positionOf(
  instances: readonly Instance[],
  { slot, generation }: Pick<Address, 'slot' | 'generation'>,
): number {
  const guess = instances[slot]
  if (guess?.slot === slot && guess.generation === generation) return slot
  return instances.findIndex((i) => i.slot === slot && i.generation === generation)
}

/** The others of its slot: at most one, before or after it. */
export function siblingsOf(instances: readonly Instance[], i: Instance): Instance[] {
  const at = positionOf(instances, i)
  return [instances[at - 1], instances[at + 1]].filter((other) => other?.slot === i.slot) as Instance[]
}

/** Puts a new instance in its place in the order of slots, then generations. */
export function insert(instances: Instance[], fresh: Instance): void {
  const last = instances.at(-1)
  const at =
    !last || last.slot < fresh.slot
      ? -1
      : instances.findIndex((i) => i.slot > fresh.slot || (i.slot === fresh.slot && i.generation > fresh.generation))
  instances.splice(at < 0 ? instances.length : at, 0, fresh)
}
