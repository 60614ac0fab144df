// A rollout: replacing the processes of some slots by ones of a new generation, as a plan over
// wanted states. It has no loop and no memory but the slots it still has to do: each time anything
// of the program changes, `advance` looks at what is and says what to want next. Reload, recycling
// and a changed spec all use it. Pure.
//
// start-first: the new one runs before the old one is told to stop; a new one that fails its start
//   is dropped and ends the plan, and what was running stays. Capacity never falls.
// stop-first: the old one ends, then the new one starts; one that fails ends the plan and goes on trying.

import type { Order, Program } from './program.ts'
import type { Instance } from './state.ts'

export interface Rollout {
  /** The generation to reach. */
  readonly generation: number
  readonly strategy: 'start-first' | 'stop-first'
  /** Slots in replacement at the same time, at least 1. */
  readonly parallel: number
  /** Still to begin, in order. */
  readonly todo: readonly number[]
  /** Begun and not finished. */
  readonly under: readonly number[]
  readonly done: readonly number[]
  /** The first failure; nothing more begins after it. */
  readonly failed: { readonly slot: number; readonly reason: string } | null
}

export interface Advance {
  readonly rollout: Rollout
  readonly orders: readonly Order[]
  readonly ended: boolean
}

/** A plan that has not begun. */
export function rolloutOf(
  plan: Pick<Rollout, 'generation' | 'strategy' | 'parallel'>,
  slots: readonly number[],
): Rollout {
  return { ...plan, todo: slots, under: [], done: [], failed: null }
}

/**
 * The next orders of the plan, given what is. Call again after each change; it is idempotent.
 * @param hindrance why a new process would wait in vain for what it depends on; then what runs is left alone
 */
export function advance(
  rollout: Rollout,
  program: Pick<Program, 'instances'>,
  hindrance: string | null = null,
): Advance {
  const bySlot = groupBySlot(program.instances)
  const orders: Order[] = []
  const done = [...rollout.done]
  let { failed } = rollout
  const under: number[] = []
  const look = (slot: number): void => {
    const step = stepOf(rollout, bySlot.get(slot) ?? [], orders, hindrance)
    if (step === 'under') under.push(slot)
    else {
      done.push(slot)
      if (step !== 'done') failed ??= { slot, reason: step.failed }
    }
  }
  rollout.under.forEach(look)
  const todo = [...rollout.todo]
  while (!failed && todo.length > 0 && under.length < rollout.parallel) {
    const slot = todo.shift()
    if (slot !== undefined) look(slot)
  }
  const next = { ...rollout, todo: failed ? [] : todo, under, done, failed }
  return { rollout: next, orders, ended: next.todo.length === 0 && under.length === 0 }
}

/** The plan is given up: orders that leave one instance in each slot it had begun. */
export function abandon(rollout: Rollout, program: Pick<Program, 'instances'>): Order[] {
  const orders: Order[] = []
  const bySlot = groupBySlot(program.instances)
  for (const slot of rollout.under) {
    const instances = bySlot.get(slot) ?? []
    const fresh = instances.find((i) => i.generation === rollout.generation)
    const older = instances.filter((i) => i.generation < rollout.generation)
    if (!fresh || older.length === 0) continue
    const stays = fresh.state.at === 'running' || older.every((i) => i.wanted === 'down')
    dropAll(stays ? older : [fresh], orders)
  }
  return orders
}

type StepResult = 'under' | 'done' | { readonly failed: string }

function stepOf(plan: Rollout, instances: readonly Instance[], orders: Order[], hindrance: string | null): StepResult {
  const fresh = instances.find((i) => i.generation === plan.generation)
  const older = instances.filter((i) => i.generation < plan.generation)
  if (!fresh) return begin(plan, older, orders, hindrance)
  switch (fresh.state.at) {
    case 'running':
      dropAll(older, orders)
      return older.length === 0 ? 'done' : 'under'
    case 'exited':
      if (!fresh.exit?.expected) return giveUp(fresh, older, orders)
      dropAll(older, orders)
      return older.length === 0 ? 'done' : 'under'
    case 'standby': // the lock is another master's: nothing of it runs here
      dropAll(older, orders)
      return older.length === 0 ? 'done' : 'under'
    case 'backoff':
    case 'fatal':
      return giveUp(fresh, older, orders)
    case 'waiting':
      return fresh.state.stuck ? giveUp(fresh, older, orders) : 'under'
    case 'starting':
      // A first attempt that failed and is being repeated at once counts as failed.
      return fresh.failures > 0 ? giveUp(fresh, older, orders) : 'under'
    case 'stopping':
    case 'stopped':
      return fresh.wanted === 'up' && fresh.state.at === 'stopping' ? 'under' : { failed: 'stopped meanwhile' }
    default:
      return fresh.state satisfies never
  }
}

/** The older one goes on and the new one leaves; where no older one is, the new one goes on trying. */
function giveUp(fresh: Instance, older: readonly Instance[], orders: Order[]): StepResult {
  if (older.some((i) => i.wanted === 'up')) orders.push({ do: 'drop', instance: fresh })
  return { failed: fresh.reason ?? 'did not start' }
}

/** Brings the slot to the new generation; at most one older instance may stand beside the new one. */
function begin(plan: Rollout, older: readonly Instance[], orders: Order[], hindrance: string | null): StepResult {
  const keep =
    older.findLast((i) => i.state.at === 'running') ?? older.findLast((i) => i.wanted === 'up') ?? older.at(-1)
  if (!keep) return 'done' // the slot was drained meanwhile
  const others = older.filter((i) => i !== keep)
  dropAll(others, orders)
  if (others.length > 0) return 'under'
  switch (keep.state.at) {
    case 'running':
      if (hindrance !== null) return { failed: hindrance }
      orders.push(
        plan.strategy === 'start-first'
          ? { do: 'create', slot: keep.slot, generation: plan.generation, wanted: 'up' }
          : { do: 'renew', instance: keep, generation: plan.generation },
      )
      return 'under'
    case 'waiting':
    case 'starting':
    case 'backoff':
    case 'fatal':
      orders.push({ do: 'renew', instance: keep, generation: plan.generation })
      return 'under'
    case 'stopping':
      if (keep.wanted === 'down') return 'done' // somebody stopped it meanwhile: that stands
      orders.push({ do: 'renew', instance: keep, generation: plan.generation })
      return 'under'
    case 'stopped':
    case 'exited':
    case 'standby':
      return 'done'
    default:
      return keep.state satisfies never
  }
}

function dropAll(instances: readonly Instance[], orders: Order[]): void {
  for (const instance of instances) if (instance.wanted === 'up') orders.push({ do: 'drop', instance })
}

function groupBySlot(instances: readonly Instance[]): Map<number, Instance[]> {
  const groups = new Map<number, Instance[]>()
  for (const i of instances) {
    const group = groups.get(i.slot)
    if (group) group.push(i)
    else groups.set(i.slot, [i])
  }
  return groups
}
