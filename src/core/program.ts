// A program: its slots, which instance of a slot speaks for it, and the one state that all of them
// add up to. Also reconcile: which slots must be made or drained so that the count is the wanted
// one. Pure; looks at count and generation only, and never starts what merely is not running.

import type { Spec } from './spec.ts'
import { type At, type Instance, leftGroupOf, pidOf } from './state.ts'
import type { Timetable } from './timetable.ts'

export interface Program {
  readonly name: string
  /** The newest spec; instances of older generations keep their own. */
  readonly spec: Spec
  readonly generation: number
  /** Slots to keep. */
  readonly desired: number
  /** Dropped from the configuration: gone when its last process has ended. */
  readonly removed: boolean
  /** Slots beyond `desired` stay until then, in monotonic ms: what waits in their own queues is for them. null = they leave at once. */
  readonly lingersUntil: number | null
  /** Of a program with a schedule; absent: it has none. */
  readonly timetable?: Timetable
  /** What new slots of a program without slots become; with a schedule, whether it is followed. */
  readonly wanted: 'up' | 'down'
  /** Sorted by slot, then by generation. */
  readonly instances: readonly Instance[]
}

export type ProcessWord = 'STOPPED' | 'STARTING' | 'RUNNING' | 'STOPPING' | 'BACKOFF' | 'EXITED' | 'FATAL' | 'STANDBY'

const words = {
  stopped: 'STOPPED',
  waiting: 'STARTING',
  starting: 'STARTING',
  running: 'RUNNING',
  stopping: 'STOPPING',
  backoff: 'BACKOFF',
  exited: 'EXITED',
  fatal: 'FATAL',
  standby: 'STANDBY',
} as const satisfies Record<At, ProcessWord>

/** supervisord's word for the state. */
export const wordOf = (i: Instance): ProcessWord => words[i.state.at]

/** `web:0` */
export const nameOf = (program: string, slot: number): string => `${program}:${slot}`

/** Does the instance have a process, or is one being made? */
export function isLive({ state }: Instance): boolean {
  return state.at === 'starting' || state.at === 'running' || state.at === 'stopping'
}

/** It has a process, or something is left of one. */
export const hasProcess = (i: Instance): boolean => pidOf(i) !== null || leftGroupOf(i) !== null

export interface Slot {
  readonly slot: number
  /** The instance that users see. */
  readonly serving: Instance
  /** The newer one that is being made ready, during a start-first replacement. */
  readonly replacement: Instance | null
}

/**
 * The slots of a program. With two instances in one slot the newer one speaks for it once it runs,
 * or once the older one has nothing to show; not when it is leaving and the older one stays.
 */
export function slotsOf(program: Pick<Program, 'instances'>): Slot[] {
  const slots: Slot[] = []
  for (const i of program.instances) {
    const last = slots.at(-1)
    if (last?.slot === i.slot) slots[slots.length - 1] = beside(last, i)
    else slots.push({ slot: i.slot, serving: i, replacement: null })
  }
  return slots
}

/** One slot of it; null when there is none of that number. */
export function slotOf(program: Pick<Program, 'instances'>, slot: number): Slot | null {
  const { instances } = program
  let found: Slot | null = null
  for (let at = firstOf(instances, slot); at < instances.length; at++) {
    const i = instances[at]
    if (i?.slot !== slot) break
    found = found ? beside(found, i) : { slot, serving: i, replacement: null }
  }
  return found
}

/** Where the slot begins in the list, or would. */
function firstOf(instances: readonly Instance[], slot: number): number {
  let [low, high] = [0, instances.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((instances[middle]?.slot ?? slot) < slot) low = middle + 1
    else high = middle
  }
  return low
}

function beside(slot: Slot, newer: Instance): Slot {
  const older = slot.serving
  const leaves = newer.state.at === 'stopped' || (newer.wanted === 'down' && older.wanted === 'up')
  const speaks = newer.state.at === 'running' || (older.state.at !== 'running' && !leaves)
  return speaks ? { ...slot, serving: newer, replacement: null } : { ...slot, replacement: newer }
}

/** The first of these that is present speaks for a program of which nothing runs. */
const worstFirst = ['FATAL', 'BACKOFF', 'STARTING', 'STOPPING', 'STANDBY', 'EXITED'] as const

/** The program's state, folded over the processes wanted up. */
export function foldState(slots: readonly Slot[]): ProcessWord | 'DEGRADED' {
  const all = slots.map((s) => s.serving)
  const up = all.filter((i) => i.wanted === 'up').map(wordOf)
  if (up.length === 0) return all.some((i) => i.state.at === 'stopping') ? 'STOPPING' : 'STOPPED'
  const running = up.filter((w) => w === 'RUNNING').length
  if (running === up.length) return 'RUNNING'
  if (running > 0) return 'DEGRADED'
  return worstFirst.find((w) => up.includes(w)) ?? 'STOPPED'
}

export type Order =
  /** Make an instance of the slot in this generation. */
  | { readonly do: 'create'; readonly slot: number; readonly generation: number; readonly wanted: 'up' | 'down' }
  /** It is not wanted any more: stop it, and forget it when it has stopped. */
  | { readonly do: 'drop'; readonly instance: Instance }
  /** Stop it and start it again in this generation, within the same slot. */
  | { readonly do: 'renew'; readonly instance: Instance; readonly generation: number }

/** What is missing or too many, by count alone. New slots follow the program: all down = they stay down. */
export function reconcile(program: Program): Order[] {
  const orders: Order[] = []
  const desired = program.removed ? 0 : program.desired
  const missing: number[] = []
  let next = 0
  let up = program.instances.length === 0 && program.wanted === 'up'
  for (const i of program.instances) {
    for (; next < i.slot && next < desired; next++) missing.push(next)
    next = i.slot + 1
    up ||= i.wanted === 'up' && i.slot < desired
    if (i.slot >= desired && i.wanted === 'up' && (program.removed || program.lingersUntil === null))
      orders.push({ do: 'drop', instance: i })
  }
  for (; next < desired; next++) missing.push(next)
  const { generation } = program
  return [...orders, ...missing.map((slot): Order => ({ do: 'create', slot, generation, wanted: up ? 'up' : 'down' }))]
}

/**
 * Instances that may be forgotten: stopped, not wanted, and either their slot is gone or another
 * instance stands in it that goes on (of two that both rest or end, the newer one stays: it has the newer settings).
 */
export function forgettable({ instances, desired, removed }: Program): Instance[] {
  return instances.filter((i, at) => {
    if (i.state.at !== 'stopped' || i.wanted === 'up') return false
    if (removed || i.slot >= desired) return true
    const older = instances[at - 1]
    const newer = instances[at + 1]
    if (newer?.slot === i.slot) return true
    return older?.slot === i.slot && older.wanted === 'up'
  })
}
