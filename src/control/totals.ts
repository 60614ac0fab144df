// What is counted for the metrics beside what status shows: sums that go on when a process is replaced by the next
// one of its slot. They begin with this master; of a slot or program that is gone nothing is kept.

import type { Clock } from '../core/ports.ts'
import { nameOf } from '../core/program.ts'
import { type Instance, pidOf } from '../core/state.ts'
import type { Notice } from '../supervisor/ports.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'

export const exitKinds = ['expected', 'failed', 'signal', 'oom', 'unknown'] as const
export type ExitKind = (typeof exitKinds)[number]

export interface ProgramTotals {
  readonly exits: Record<ExitKind, number>
  /** Ends by SIGKILL, since graceful_timeout was over. */
  forced: number
  spawns: number
  /** Processes that got to RUNNING, and how long they took for it together. */
  starts: number
  startMs: number
  failedStarts: number
  reloads: number
  failedReloads: number
}

export interface SlotTotals {
  restarts: number
  recycles: number
  readonly cpuSeconds: SlotSum
  readonly requests: SlotSum
  readonly errors: SlotSum
}

/** Of programs and slots that there are. */
export interface Totals {
  program(name: string): Readonly<ProgramTotals>
  slot(name: string): SlotTotals
}

/** A count that each process begins at 0. */
export class SlotSum {
  #ended = 0
  readonly #live = new Map<number, number>()

  see(pid: number, value: number | null): void {
    if (value !== null) this.#live.set(pid, Math.max(value, this.#live.get(pid) ?? 0))
  }

  end(pid: number): void {
    this.#ended += this.#live.get(pid) ?? 0
    this.#live.delete(pid)
  }

  get total(): number {
    let total = this.#ended
    for (const value of this.#live.values()) total += value
    return total
  }
}

export function totalsOf(supervisor: Supervisor, clock: Clock): Totals {
  const programs = new Map<string, ProgramTotals>()
  const slots = new Map<string, SlotTotals>()

  const programOf = (name: string): ProgramTotals => {
    const known = programs.get(name) ?? newProgram()
    programs.set(name, known)
    return known
  }

  const slotOf = (name: string): SlotTotals => {
    const known = slots.get(name) ?? newSlot()
    slots.set(name, known)
    return known
  }

  const changed = (before: Instance | null, after: Instance): void => {
    const program = programOf(after.program)
    const slot = slotOf(nameOf(after.program, after.slot))
    slot.restarts = Math.max(slot.restarts, after.restarts)
    slot.recycles = Math.max(slot.recycles, after.recycles)
    if (before === null) return
    const [was, is] = [pidOf(before), pidOf(after)]
    if (was === null && is !== null) program.spawns++
    if (was !== null && was !== is) {
      // The last that the worker has told; right after this it is forgotten.
      const told = supervisor.counters(was)
      slot.requests.see(was, told?.requests ?? null)
      slot.errors.see(was, told?.errors ?? null)
      for (const sum of [slot.requests, slot.errors, slot.cpuSeconds]) sum.end(was)
    }
    if (before.state.at === 'starting' && after.state.at === 'running') {
      program.starts++
      program.startMs += clock.now() - before.state.since
    }
    if (after.failures > before.failures) program.failedStarts++
    if (after.exit === null || after.exit === before.exit) return
    program.exits[kindOf(after.exit)]++
    if (after.exit.forced) program.forced++
  }

  const forgotten = ({ program, slot }: Instance): void => {
    const known = supervisor.programs.get(program)
    if (!known?.instances.some((i) => i.slot === slot)) slots.delete(nameOf(program, slot))
    if (known?.removed !== false && !known?.instances.length) programs.delete(program)
  }

  supervisor.watch((notice: Notice) => {
    if (notice.kind === 'instance') {
      if (notice.after) changed(notice.before, notice.after)
      else if (notice.before) forgotten(notice.before)
    } else if (notice.kind === 'rollout' && notice.what === 'reload' && notice.phase === 'ended') {
      const program = programOf(notice.program)
      if (notice.error === null) program.reloads++
      else program.failedReloads++
    }
  })
  return { program: programOf, slot: slotOf }
}

function kindOf({ oom, expected, signal, code }: NonNullable<Instance['exit']>): ExitKind {
  if (oom === true) return 'oom'
  if (expected) return 'expected'
  if (signal !== null) return 'signal'
  return code === null ? 'unknown' : 'failed'
}

const newProgram = (): ProgramTotals => ({
  exits: { expected: 0, failed: 0, signal: 0, oom: 0, unknown: 0 },
  forced: 0,
  spawns: 0,
  starts: 0,
  startMs: 0,
  failedStarts: 0,
  reloads: 0,
  failedReloads: 0,
})

const newSlot = (): SlotTotals => ({
  restarts: 0,
  recycles: 0,
  cpuSeconds: new SlotSum(),
  requests: new SlotSum(),
  errors: new SlotSum(),
})
