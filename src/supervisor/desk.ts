// What an operation may do to its program: look, tell an instance something, change the count, have
// a plan's orders carried out. Operations see nothing else of the supervisor.

import { type Order, type Program, reconcile } from '../core/program.ts'
import type { Spec } from '../core/spec.ts'
import { type Event, type Instance, isLive, newInstance, pidOf } from '../core/state.ts'
import { type Entry, insert } from './entry.ts'
import type { Instances } from './instances.ts'
import type { Notice, Ports } from './ports.ts'

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
  /** A new spec, or the same one again, under the next generation. Returns its number. */
  nextGeneration(spec: Spec): number
  /** Settings that need no new process: taken over by all instances that run the program's spec. */
  setSpecLive(spec: Spec): void
  /** A restart with the program's newest spec. */
  startAnew(instance: Instance): void
  /** Gives an instance without a process the program's newest spec. */
  refresh(instance: Instance): void
  notice(notice: Notice): void
}

export function deskOf(entry: Entry, all: Instances, ports: Ports): Desk {
  const desk: Desk = {
    program: entry,
    now: () => ports.clock.now(),
    tell: (i, event) => all.tell(i, event),
    carryOut(orders, why) {
      for (const order of orders) carryOut(entry, all, order, why)
    },
    signal(i, signal) {
      const pid = pidOf(i)
      return pid !== null && ports.signals.send(pid, signal, false)
    },
    notice: (notice) => all.notice(notice),
    setDesired(count) {
      const from = entry.desired
      entry.desired = count
      if (from !== count) all.notice({ kind: 'scaled', program: entry.name, from, to: count })
      all.touched.add(entry)
      desk.carryOut(reconcile(entry), 'count')
    },
    setWanted(wanted) {
      entry.wanted = wanted
    },
    nextGeneration(spec) {
      entry.spec = spec
      return ++entry.generation
    },
    setSpecLive(spec) {
      const before = entry.spec
      entry.spec = spec
      for (const i of [...entry.instances]) if (i.spec === before) all.renew(i, { ...i, spec })
    },
    startAnew(instance) {
      const generation = desk.nextGeneration(entry.spec)
      desk.carryOut([{ do: 'renew', instance, generation }], 'update')
    },
    refresh(i) {
      const { spec, generation } = entry
      if (!isLive(i)) all.renew(i, { ...i, spec, generation })
    },
  }
  return desk
}

function carryOut(entry: Entry, all: Instances, order: Order, why: Why): void {
  const recycled = why === 'recycle' ? 1 : 0
  switch (order.do) {
    case 'create': {
      const base = newInstance(entry.spec, order.slot, order.generation, order.wanted)
      const older = entry.instances.find((i) => i.slot === order.slot)
      // Counts belong to the slot: they go on with the new instance.
      const fresh = older
        ? { ...base, restarts: older.restarts, recycles: older.recycles + recycled, exit: older.exit }
        : base
      insert(entry.instances, fresh)
      all.touched.add(entry)
      all.notice({ kind: 'instance', before: null, after: fresh })
      if (order.wanted === 'up') all.tell(fresh, { type: 'start' })
      break
    }
    case 'drop':
      all.tell(order.instance, { type: 'stop' })
      break
    case 'renew': {
      // Told while it still has its old spec, so that the old process gets the old stop signal.
      all.tell(order.instance, { type: 'restart' })
      const i = all.find(order.instance)
      if (i) all.renew(i, { ...i, spec: entry.spec, generation: order.generation, recycles: i.recycles + recycled })
      break
    }
    default:
      order satisfies never
  }
}
