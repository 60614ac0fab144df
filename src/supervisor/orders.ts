// The desk of one program: what operations ask for is carried out here, on its instances.

import { withSpec } from '../core/checking.ts'
import { hindranceOf } from '../core/dependencies.ts'
import { hasOwnQueues } from '../core/listening.ts'
import { isLive, type Order, reconcile, slotOf } from '../core/program.ts'
import type { Spec } from '../core/spec.ts'
import { rests } from '../core/standby.ts'
import { type Instance, newInstance, pidOf } from '../core/state.ts'
import type { Desk, Why } from './desk.ts'
import { type Entry, entryOf, insert, siblingsOf } from './entry.ts'
import type { Instances } from './instances.ts'
import type { Ports } from './ports.ts'

/** From when the kernel sends a slot no more connections until its process is stopped: it accepts what has come. */
const LINGER_MS = 300

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
      const kept = entry.instances.filter((i) => i.slot < from)
      const leaving = entry.instances.filter((i) => i.slot >= from && i.slot < count)
      if (kept.length > 0 && !entry.spec.schedule) entry.wanted = kept.some((i) => i.wanted === 'up') ? 'up' : 'down'
      entry.desired = count
      if (from !== count) all.notice({ kind: 'scaled', program: entry.name, from, to: count })
      all.touched.add(entry)
      if (count < from && hasOwnQueues(entry.spec)) entry.lingersUntil = ports.clock.now() + LINGER_MS
      desk.carryOut(reconcile(entry), 'count')
      // A slot that was still on its way out comes back as a new one would.
      if (entry.wanted === 'up')
        newestOf(leaving)
          .filter((i) => i.wanted === 'down')
          .forEach(desk.startAnew)
    },
    setWanted(wanted) {
      entry.wanted = wanted
      all.touched.add(entry)
    },
    hindrance() {
      const hindrance = hindranceOf(entry.spec, all.entries)
      return hindrance?.stuck ? hindrance.text : null
    },
    nextGeneration(spec) {
      entry.spec = spec
      return ++entry.generation
    },
    takeSpec(spec) {
      const before = entry.spec
      entry.spec = spec
      turnWith(entry, desk, before, spec)
      for (const i of [...entry.instances]) if (rests(i)) desk.refresh(i)
    },
    setSpecLive(spec) {
      const before = entry.spec
      entry.spec = spec
      all.touched.add(entry)
      for (const i of [...entry.instances]) if (i.spec === before) all.renew(i, withSpec(i, spec, ports.clock.now()))
      turnWith(entry, desk, before, spec)
    },
    startAnew(instance) {
      const generation = desk.nextGeneration(entry.spec)
      desk.carryOut([{ do: 'renew', instance, generation }], 'update')
    },
    refresh(i) {
      if (isLive(i)) return
      // Beside another of its slot it keeps its number: theirs must differ, and stay in order.
      const generation = siblingsOf(entry.instances, i).length === 0 ? entry.generation : i.generation
      all.renew(i, { ...i, spec: entry.spec, generation })
    },
  }
  return desk
}

/**
 * A program that ran always has a schedule now: what runs is ended, and waits for its time. Or the other way round:
 * what waited runs from now on.
 */
function turnWith(entry: Entry, desk: Desk, before: Spec, after: Spec): void {
  if ((before.schedule === undefined) === (after.schedule === undefined)) return
  const { instances, wanted, queue } = entry
  if (after.schedule) queue.endRollouts(desk, 'it runs by a schedule now')
  if (after.schedule) for (const i of [...instances]) desk.tell(i, { type: 'stop' })
  else if (wanted === 'up') {
    // What is on its way out, because a stop takes its slot or a newer one has its place, goes.
    const stay = newestOf(instances).filter(({ slot }) => !queue.has('stop', slot))
    stay.forEach(desk.startAnew)
  }
}

/** What acts on programs: all of them, and the desk of each. */
export interface Office {
  readonly all: Instances
  deskOf(entry: Entry): Desk
}

export function addProgram({ all, deskOf }: Office, spec: Spec, wanted: 'up' | 'down'): void {
  const known = all.entries.get(spec.program)
  const entry = known ?? entryOf(spec, wanted)
  if (known) takeBack(known, deskOf(known), spec, wanted)
  all.entries.set(spec.program, entry)
  all.touched.add(entry)
}

/** A program that was being dropped is wanted again: its slots go on with the new settings, and the removal is over. */
function takeBack(entry: Entry, desk: Desk, spec: Spec, wanted: 'up' | 'down'): void {
  Object.assign(entry, { wanted, removed: false, desired: spec.workers })
  const generation = desk.nextGeneration(spec)
  for (const instance of newestOf(entry.instances)) {
    const goesOn = wanted === 'up' && instance.slot < spec.workers
    if (goesOn) desk.carryOut([{ do: 'renew', instance, generation }], 'update')
    else desk.tell(instance, { type: 'stop' })
  }
  for (const gone of entry.gone.splice(0)) gone()
}

/** The newest instance of each slot. */
function newestOf(instances: readonly Instance[]): Instance[] {
  return instances.filter((i, at) => instances[at + 1]?.slot !== i.slot)
}

function carryOut(entry: Entry, all: Instances, order: Order, why: Why): void {
  const recycled = why === 'recycle' ? 1 : 0
  switch (order.do) {
    case 'create': {
      // With a schedule a process is wanted from the beginning of a run on.
      const wanted = entry.spec.schedule ? 'down' : order.wanted
      const base = newInstance(entry.spec, order.slot, order.generation, wanted)
      const older = slotOf(entry, order.slot)?.serving
      // Counts belong to the slot: they go on with the new instance.
      const fresh = older
        ? {
            ...base,
            replaces: true as const,
            restarts: older.restarts,
            recycles: older.recycles + recycled,
            exit: older.exit,
          }
        : base
      insert(entry.instances, fresh)
      all.touched.add(entry)
      all.recording.changed(fresh)
      all.notice({ kind: 'instance', before: null, after: fresh })
      if (wanted === 'up') all.tell(fresh, { type: 'start' })
      break
    }
    case 'drop':
      all.tell(order.instance, { type: 'stop' })
      break
    case 'renew': {
      // Told while it still has its old spec, so that the old process gets the old stop signal. Where there is no
      // process the new spec says what a restart is: with a schedule, none.
      const hasProcess = isLive(order.instance)
      if (hasProcess) all.tell(order.instance, { type: 'restart' })
      const i = all.find(order.instance)
      if (!i) break
      const renewed = { ...i, spec: entry.spec, generation: order.generation, recycles: i.recycles + recycled }
      all.renew(i, renewed)
      if (!hasProcess) all.tell(renewed, { type: 'restart' })
      break
    }
    default:
      order satisfies never
  }
}
