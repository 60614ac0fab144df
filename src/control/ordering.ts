// The order in which programs are started and stopped when several are meant, or several needed: from
// targets to operations, in the order of the graph that depends_on draws.

import type { TargetResult } from '../api/contract.ts'
import { hindranceOf } from '../core/dependencies.ts'
import { dependentsOf, graphOf, needsOf, wavesOf } from '../core/order.ts'
import { hasProcess, type Program, slotsOf } from '../core/program.ts'
import type { Instance } from '../core/state.ts'
import { type Stop, stopOperation } from '../supervisor/stopping.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Submitted } from './submitting.ts'
import type { Chosen } from './targets.ts'

type Programs = ReadonlyMap<string, Program>

/** What a start is about: the chosen, and what they need and is not there, dependencies first. */
export function withNeeds(
  chosen: readonly Chosen[],
  programs: Programs,
): Pick<Chosen, 'program' | 'slots' | 'asProgram'>[] {
  const starting = chosen.filter(({ program, slots }) => !allRun(programs.get(program), slots))
  const needed = new Set(starting.map(({ program }) => program))
  for (const name of needed) {
    const needs = programs.get(name)?.spec.dependsOn ?? []
    const unmet = needs.filter((one) => hindranceOf({ dependsOn: [one] }, programs) !== null)
    for (const { program } of unmet) if (programs.get(program)?.removed === false) needed.add(program) // grows as it goes
  }
  const named = new Set(chosen.map((c) => c.program))
  const pulled = [...needed].filter((name) => !named.has(name)).map((name) => pulledIn(name, programs.get(name)))
  return inOrder([...pulled, ...chosen], programs)
}

/** Dependencies first; otherwise as they are. */
export function inOrder<T extends Pick<Chosen, 'program'>>(list: readonly T[], programs: Programs): T[] {
  const waves = waveOf(programs)
  return list.toSorted((a, b) => waves(a.program) - waves(b.program))
}

function allRun(program: Program | undefined, slots: readonly number[]): boolean {
  return (program?.instances ?? []).every((i) => !slots.includes(i.slot) || i.state.at === 'running')
}

/** Slots that somebody has stopped stay down, unless all of them are. */
function pulledIn(program: string, known: Program | undefined): Pick<Chosen, 'program' | 'slots' | 'asProgram'> {
  const slots = slotsOf(known ?? { instances: [] })
  const up = slots.filter((s) => s.serving.wanted === 'up' || s.replacement?.wanted === 'up')
  return { program, slots: (up.length > 0 ? up : slots).map((s) => s.slot), asProgram: up.length === 0 }
}

/** Stops of the chosen: each begins when those of the chosen that depend on it have ended. */
export function stopsInOrder(chosen: readonly Chosen[], supervisor: Supervisor): Submitted[] {
  const { programs } = supervisor
  const graph = graphOf(programs)
  const waves = waveOf(programs)
  const names = new Set(chosen.map((c) => c.program))
  // Of two in a circle, which no configuration has, neither waits.
  const needs = (name: string): string[] =>
    needsOf(name, graph).filter((one) => names.has(one) && waves(one) < waves(name))
  const open = new Map<string, number>()
  for (const one of [...names].flatMap(needs)) open.set(one, (open.get(one) ?? 0) + 1)
  const stops = new Map<string, Stop>()
  const ended = (name: string): void => {
    for (const one of needs(name)) {
      const left = (open.get(one) ?? 0) - 1
      open.set(one, left)
      if (left > 0 || programs.get(one)?.removed !== false) continue
      supervisor.atOnce(one, (desk) => stops.get(one)?.go(desk))
    }
  }
  return chosen
    .toSorted((a, b) => waves(b.program) - waves(a.program))
    .map(({ program, slots, asProgram }) => {
      const operation = stopOperation(slots, asProgram, open.has(program))
      stops.set(program, operation)
      return { program, slots, operation, ended: () => ended(program) }
    })
}

/** Says of a program that is down now who depends on it and goes on. */
export function withDependents(
  results: readonly TargetResult[],
  chosen: readonly Chosen[],
  programs: Programs,
): TargetResult[] {
  const graph = graphOf(programs)
  const isUp = (name: string): boolean => programs.get(name)?.instances.some((i) => i.wanted === 'up') === true
  const notes = new Map<string, string>()
  for (const { program } of chosen.filter((c) => !isUp(c.program))) {
    const names = dependentsOf(program, graph).filter((name) => programs.get(name)?.instances.some(goesOn))
    if (names.length === 0) continue
    const many = names.length > 1
    notes.set(program, `${names.join(', ')} ${many ? 'depend' : 'depends'} on it and ${many ? 'go' : 'goes'} on`)
  }
  return results.map((result) => {
    const note = notes.get(result.name.replace(/:\d+$/, ''))
    return note === undefined || !result.ok || result.error !== undefined ? result : { ...result, error: note }
  })
}

const goesOn = (i: Instance): boolean => i.wanted === 'up' && hasProcess(i)

function waveOf(programs: Programs): (name: string) => number {
  const numbers = new Map(wavesOf(graphOf(programs)).flatMap((wave, at) => wave.map((name) => [name, at] as const)))
  return (name) => numbers.get(name) ?? 0
}
