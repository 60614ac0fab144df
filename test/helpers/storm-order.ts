// The rules of order in a storm, with an eye of their own on what a program waits for.

import type { Program } from '../../src/core/program.ts'
import type { Dependency, Spec } from '../../src/core/spec.ts'
import type { Instance } from '../../src/core/state.ts'
import type { Dice } from './dice.ts'
import type { World } from './fake-os.ts'

const NAMES = ['a', 'b', 'c']

/** Each may depend on those before it, so no two wait for each other. */
export function dependenciesBy(d: Dice, program: string): Pick<Spec, 'dependsOn' | 'dependsRestart' | 'priority'> {
  const before = NAMES.slice(0, Math.max(0, NAMES.indexOf(program)))
  const named = before.filter(() => d.chance(35))
  const dependsOn = named.map((name) => ({
    program: name,
    condition: d.pick(['started', 'running', 'ready', 'ready', 'healthy'] as const),
  }))
  return { dependsOn, dependsRestart: d.chance(30), priority: d.pick([1, 999]) }
}

/** What of a program's dependencies is not met now, in words. */
export function unmet(world: World, program: string): string | null {
  const { programs } = world.supervisor
  const bad = programs.get(program)?.spec.dependsOn.find((one) => !isMet(programs.get(one.program), one.condition))
  return bad ? `${bad.program}:${bad.condition}` : null
}

function isMet(program: Program | undefined, condition: Dependency['condition']): boolean {
  if (!program || program.removed) return false
  if (program.desired === 0) return true
  const { instances } = program
  const wanted = new Set(instances.filter((i) => i.wanted === 'up').map((i) => i.slot))
  const good = new Set(instances.filter((i) => isGood(i, condition)).map((i) => i.slot))
  return wanted.size > 0 && [...wanted].every((slot) => good.has(slot))
}

function isGood({ spec, state, exit }: Instance, condition: Dependency['condition']): boolean {
  if (state.at === 'running') {
    if (condition === 'started' || condition === 'running') return true
    if (state.withdrawn !== undefined || state.health === 'failing') return false
    return condition === 'ready' || !spec.health || state.health === 'passing'
  }
  if (condition !== 'started') return false
  return (state.at === 'starting' && state.pid !== null) || (state.at === 'exited' && exit?.expected === true)
}

/** Waits, and has something to wait for: nobody can say that it should be further. */
export const waitsRightly = (world: World, program: string): boolean =>
  world.supervisor.programs.get(program)?.instances.some((i) => i.state.at === 'waiting') === true &&
  unmet(world, program) !== null

/** In a shutdown nobody is asked to end while one that depends on it lives. */
export function tooEarly(world: World, before: Instance, after: Instance): string | null {
  // A pre_start is no process that anybody needs, and one would follow it.
  const had = before.state.at === 'running' || (before.state.at === 'starting' && before.state.pid !== null)
  const isAsked = had && after.state.at === 'stopping'
  if (!isAsked || after.wanted === 'up') return null
  const others = world.supervisor.programs.get(after.program)?.instances.filter((i) => i.slot === after.slot) ?? []
  if (others.some((i) => i.wanted === 'up')) return null // of two in a slot one goes on
  for (const { name, spec, instances } of world.supervisor.programs.values()) {
    if (!spec.dependsOn.some((one) => one.program === after.program)) continue
    const alive = instances.find((i) => i.state.at !== 'stopped')
    if (alive) return `${after.program}:${after.slot} was told to end while ${name}:${alive.slot} is ${alive.state.at}`
  }
  return null
}

/** Who goes with its dependencies is not older than what came in the place of one of their processes. */
export function tooOld(world: World): string | null {
  const { programs } = world.supervisor
  for (const { name, spec, instances } of programs.values()) {
    if (!spec.dependsRestart || unmet(world, name) !== null) continue
    for (const i of instances) {
      for (const { program } of spec.dependsOn) {
        const newer = programs.get(program)?.instances.find((o) => o.exit !== null && sinceOf(o) > sinceOf(i))
        if (i.state.at === 'running' && newer) return `${name}:${i.slot} is older than ${program}:${newer.slot}`
      }
    }
  }
  return null
}

const sinceOf = ({ state }: Instance): number => (state.at === 'running' ? state.since : Number.NEGATIVE_INFINITY)
