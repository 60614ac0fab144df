// From the record of the last master to a supervisor that knows what it knew. Which of the recorded
// processes live is asked of the world; those are taken over where they are. One that has ended meanwhile is
// told to its instance like any other end, once, so its policy decides. A spawn of which only the
// intent was recorded is looked for by its token: found, it was made; else it is owed still.
//
// Waits stay what they were (times are since boot), but for those that only a living master could end:
// a heartbeat and a worker's word get time to come again; an age that had asked already asks once more, for the
// replacement that it asked for may be lost.
// An instance that waits for the end of leftovers finds out whether there still are any. A hook is taken over as a
// process is, and its instance goes on waiting for it.

import { resumed } from '../core/checking.ts'
import { isBeside } from '../core/hooks.ts'
import {
  hookKey,
  instanceKey,
  type Kept,
  type KeptProcess,
  type KeptRollout,
  type Owed,
  type ProcessRow,
} from '../core/record.ts'
import { type Instance, leftGroupOf, owedOf, pidOf, type State } from '../core/state.ts'
import { type Address, addressOf, type Entry, entryOf, insert } from './entry.ts'
import type { Office } from './orders.ts'
import { operationOf } from './owed.ts'
import type { Ports } from './ports.ts'
import { resumedOperation, updateOperation } from './rolling.ts'
import { stopOperation } from './stopping.ts'

/** What the world says of recorded processes. */
export interface Living {
  /** Takes the process under watch; false = it has ended, or its number is another's. */
  watch(process: KeptProcess): boolean
  /** The process that was started with this token; where it has ended and left others, what it was. null = there is none. */
  find(token: string): KeptProcess | null
  /** How it ended, where the kernel still tells. */
  exitOf(process: KeptProcess): { readonly code: number | null; readonly signal: string | null }
}

/** A program as it is taken over. */
export interface Restored {
  readonly entry: Entry
  readonly rollout: KeptRollout | null
  readonly owesUpdate: boolean
  readonly owesStop: readonly number[]
  readonly owed: readonly Owed[]
  readonly processes: readonly RestoredProcess[]
}

export interface RestoredProcess {
  readonly instance: Instance
  readonly process: KeptProcess
  /** Of its hook. */
  readonly isHook: boolean
  /** null = it lives. */
  readonly ended: { readonly code: number | null; readonly signal: string | null } | null
}

/** SDK workers knock again within 2 s. */
const COME_BACK_MS = 5_000

export function restorePrograms(kept: Kept, living: Living, now: number): Restored[] {
  const byProgram = new Map<string, Restored & { readonly processes: RestoredProcess[] }>()
  for (const [name, row] of kept.program) {
    const { spec, wanted, generation, desired, removed, rollout, owesUpdate, owesStop = [], owed = [], timetable } = row
    const time = timetable ? { timetable } : {}
    const entry = Object.assign(entryOf({ ...spec }, wanted), { name, generation, desired, removed, ...time })
    byProgram.set(name, { entry, rollout, owesUpdate, owesStop, owed, processes: [] })
  }
  for (const { spec, ...row } of kept.instance.values()) {
    const restored = byProgram.get(row.program)
    if (!restored) continue
    const { entry, processes } = restored
    const instance = patient({ ...row, spec: spec ?? entry.spec }, now)
    insert(entry.instances, instance)
    for (const key of [instanceKey(instance), hookKey(instance)]) {
      const process = processOf(kept.process.get(key), living)
      if (!process) continue
      const isHook = key === hookKey(instance)
      processes.push({ instance, process, isHook, ended: living.watch(process) ? null : living.exitOf(process) })
    }
  }
  return [...byProgram.values()]
}

export interface Heir extends Office {
  readonly ports: Ports
  /** A process is still to be made for the instance. */
  owe(at: Address): void
}

/** Takes all over: from now on these processes are ours, and what was begun with them goes on. */
export function takeOver(restored: readonly Restored[], heir: Heir): void {
  for (const one of restored) takeProcesses(one, heir)
  for (const { entry, rollout, owesUpdate, owesStop, owed } of restored) {
    const desk = heir.deskOf(entry)
    const slots = entry.instances.map((i) => i.slot)
    if (rollout) entry.queue.submit(desk, resumedOperation(rollout), () => undefined)
    if (owesStop.length > 0) entry.queue.submit(desk, stopOperation(owesStop, false), () => undefined)
    if (owesUpdate) entry.queue.submit(desk, updateOperation(entry.spec, [...new Set(slots)]), () => undefined)
    for (const one of owed) entry.queue.submit(desk, operationOf(one), () => undefined)
  }
}

function takeProcesses({ entry, processes }: Restored, { all, ports, owe }: Heir): void {
  all.entries.set(entry.name, entry)
  all.touched.add(entry)
  for (const i of entry.instances) {
    all.recording.changed(i)
    all.lookout.note(entry, null, i)
  }
  // Asked now: what is told to an instance puts another in its place.
  const having = (hook: boolean) => new Set(processes.filter((p) => p.isHook === hook).map(({ instance }) => instance))
  const [own, hooks] = [having(false), having(true)]
  const bare = entry.instances.filter((i) => !own.has(i))
  const hookless = entry.instances.filter((i) => 'hook' in i.state && i.state.hook && !hooks.has(i))
  for (const { instance, process, isHook } of processes) {
    if (isHook) {
      ports.launcher.adoptHook(process)
      all.adoptedHook(instance, process)
      continue
    }
    ports.launcher.adopt(instance, process)
    all.adopted(instance, process)
  }
  for (const { instance, process, ended } of processes) {
    if (!ended && !process.told && pidOf(instance) === process.pid) all.tell(instance, { type: 'untold' })
  }
  for (const i of bare) {
    const standsIn = 'hook' in i.state && i.state.hook !== undefined && !isBeside(i.state)
    if (standsIn && hooks.has(i)) continue
    if (owedOf(i) === 'process') owe(addressOf(i))
    // Without a row of its own, nothing is known of a process: it counts as ended.
    if (pidOf(i) !== null) all.tell(i, { type: 'exited', code: null, signal: null, left: false })
    if (leftGroupOf(i) !== null) all.tell(i, { type: 'emptied' })
  }
  for (const i of hookless) {
    if (owedOf(i) === 'hook') owe(addressOf(i))
    else all.tell(i, { type: 'hookEnded', code: null, signal: null })
  }
  for (const { process, ended } of processes) if (ended) all.reaped(process.pid, ended.code, ended.signal)
  // Nobody runs on unwanted: a record that was rebuilt may hold such a one.
  for (const i of [...entry.instances]) if (i.wanted === 'down') all.tell(i, { type: 'stop' })
}

function processOf(row: ProcessRow | undefined, living: Living): KeptProcess | null {
  if (!row) return null
  const { token, pid, start, told } = row
  if (pid === null || start === null) return living.find(token)
  return { token, pid, start, ...(told ? { told } : {}) }
}

function patient(i: Instance, now: number): Instance {
  return { ...i, state: patientState(i, now) }
}

function patientState({ state, spec }: Instance, now: number): State {
  const later = now + COME_BACK_MS
  if (state.at === 'running') {
    const { workerTimeoutMs, maxAgeMs } = spec
    const leaves = state.withdrawn === 'stopping'
    const beats = workerTimeoutMs > 0 ? now + Math.max(workerTimeoutMs, COME_BACK_MS) : null
    const heartbeatBy = leaves ? now + spec.stopMs : beats
    const asksAgain = state.recycleAt ?? Math.max(state.since + maxAgeMs, later)
    const { check: before, ...rest } = state
    const check = resumed(before, spec, now)
    return {
      ...rest,
      heartbeatBy,
      recycleAt: maxAgeMs > 0 ? asksAgain : state.recycleAt,
      ...(check && { check }),
    }
  }
  if (state.at === 'starting' && spec.ready.kind !== 'time' && state.deadline !== null) {
    return { ...state, deadline: Math.max(state.deadline, later) }
  }
  return state
}
