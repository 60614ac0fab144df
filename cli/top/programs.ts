// What runs, as the master tells it: snapshots of `status`, and between them the rows that events carry; and what
// was seen over time. Pure.

import type { Happening, ProcessStatus, Program } from '../../src/api/contract.ts'
import type { Trail } from './model.ts'

/** How many looks are kept: two minutes of one a second. */
export const KEPT = 120

/** An event put into the last picture. What it does not tell (cpu, memory) stays as it was. */
export function withEvent(programs: readonly Program[], event: Happening): readonly Program[] {
  const { topic, program, name } = event
  switch (topic) {
    case 'process.state':
      return programs.map((one) => (one.program === program ? withRow(one, String(name), event.process) : one))
    case 'program.scaled':
      return programs.map((one) => (one.program === program ? { ...one, desired: Number(event.to) } : one))
    default:
      return programs
  }
}

/** The figures of a program are the master's, from its next answer; only what the rows say is said at once. */
function withRow(program: Program, name: string, row: unknown): Program {
  const others = program.processes.filter((one) => one.name !== name)
  if (typeof row !== 'object' || row === null) return withProcesses(program, others)
  const next = row as ProcessStatus
  const last = program.processes.find((one) => one.name === name)
  const same = last !== undefined && last.pid === next.pid
  const shown = same ? { ...next, cpu: last.cpu, memory: last.memory } : next
  return withProcesses(program, [...others, shown])
}

function withProcesses(program: Program, processes: readonly ProcessStatus[]): Program {
  return {
    ...program,
    processes: processes.toSorted((a, b) => a.slot - b.slot),
    running: processes.filter((one) => one.state === 'RUNNING').length,
    ready: processes.filter((one) => one.ready).length,
  }
}

/** One look more for each process and each program; those that are gone are forgotten. */
export function withLook(
  trails: ReadonlyMap<string, Trail>,
  programs: readonly Program[],
  now: number,
): ReadonlyMap<string, Trail> {
  const next = new Map<string, Trail>()
  for (const program of programs) {
    const own = program.processes.map((one) => {
      const trail = trailOf(trails.get(one.name), one, now)
      next.set(one.name, trail)
      return trail
    })
    const last = trails.get(program.program)
    next.set(program.program, {
      cpu: pushed(last?.cpu, sum(program.processes.map((one) => one.cpu)) ?? 0),
      memory: pushed(last?.memory, sum(program.processes.map((one) => one.memory)) ?? 0),
      rate: sum(own.map((trail) => trail.rate)),
      seen: null,
    })
  }
  return next
}

function trailOf(last: Trail | undefined, { pid, cpu, memory, requests }: ProcessStatus, now: number): Trail {
  const seen = pid === null || requests === null ? null : { pid, requests, at: now }
  return {
    cpu: pushed(last?.cpu, cpu ?? 0),
    memory: pushed(last?.memory, memory ?? 0),
    rate: rateOf(last?.seen ?? null, seen),
    seen,
  }
}

/** A process that was replaced has counted from 0 again: of it nothing is known until the next look. */
function rateOf(before: Trail['seen'], after: Trail['seen']): number | null {
  if (before === null || after === null || before.pid !== after.pid || after.at <= before.at) return null
  return Math.max(0, after.requests - before.requests) / ((after.at - before.at) / 1000)
}

function pushed(values: readonly number[] = [], value: number): readonly number[] {
  return [...values.slice(-KEPT + 1), value]
}

/** Of those that are known; null when none is. */
export function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((all, value) => all + value, 0)
}
