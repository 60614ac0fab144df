// What an operation may do to its program: look, tell an instance something, change the count, have
// a plan's orders carried out. Operations see nothing else of the supervisor. Carried out in orders.ts.

import type { Order, Program } from '../core/program.ts'
import type { Spec } from '../core/spec.ts'
import type { Event, Instance } from '../core/state.ts'
import type { Notice } from './ports.ts'

/** Why a plan's orders are given; `recycle` counts in the slot's `recycles`. */
export type Why = 'count' | 'reload' | 'update' | 'recycle'

export interface Desk {
  readonly program: Program
  /** Monotonic ms. */
  now(): number
  tell(instance: Instance, event: Event): void
  carryOut(orders: readonly Order[], why: Why): void
  /** Sends a signal to the process of an instance; false when it has none. Throws what the kernel says. */
  signal(instance: Instance, signal: string): boolean
  setDesired(count: number): void
  setWanted(wanted: 'up' | 'down'): void
  /** Why a new process would wait in vain for what the program depends on; null = it would not. */
  hindrance(): string | null
  /** A new spec, or the same one again, under the next generation. Returns its number. */
  nextGeneration(spec: Spec): number
  /** The program's newest spec from now on: what rests takes it over, what runs is replaced by a plan. */
  takeSpec(spec: Spec): void
  /** Settings that need no new process: taken over by all instances that run the program's spec. */
  setSpecLive(spec: Spec): void
  /** A restart with the program's newest spec. */
  startAnew(instance: Instance): void
  /** Gives an instance without a process the program's newest spec. */
  refresh(instance: Instance): void
  notice(notice: Notice): void
}
