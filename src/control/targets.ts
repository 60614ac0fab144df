// What a TARGET means: `web`, `web:2`, a group, a glob `web-*`, `all`, or a list of those. All or nothing: one
// unknown name, and nothing is done for any.

import picomatch from 'picomatch'
import { nearestOf } from '../config/near.ts'
import { nameOf, type Program } from '../core/program.ts'
import { PhError } from '../errors.ts'

export interface Chosen {
  readonly program: string
  readonly slots: readonly number[]
  /** Every slot of the program. */
  readonly whole: boolean
  /** The program itself was meant, and not slots of it by their numbers. */
  readonly asProgram: boolean
  /** The caller named it, rather than saying `all` or a glob. */
  readonly byName: boolean
}

type Programs = ReadonlyMap<string, Program>

/** In the order of the configuration; each program once. Throws PH_NOT_FOUND with `known` and `nearest`. */
export function chooseTargets(every: Programs, target: string | readonly string[]): Chosen[] {
  const programs = new Map([...every].filter(([, program]) => !program.removed))
  const slots = new Map<string, Set<number>>()
  const named = new Set<string>()
  const meant = new Set<string>()
  for (const one of typeof target === 'string' ? [target] : target) {
    for (const { program, slot, byName, asProgram } of matches(programs, one)) {
      const set = slots.get(program) ?? new Set()
      slots.set(program, set)
      if (slot !== null) set.add(slot)
      if (byName) named.add(program)
      if (asProgram) meant.add(program)
    }
  }
  const chosen: Chosen[] = []
  for (const [name, program] of programs) {
    const set = slots.get(name)
    if (!set) continue
    const all = slotNumbers(program)
    chosen.push({
      program: name,
      slots: [...set].sort((a, b) => a - b),
      whole: set.size === all.length,
      asProgram: meant.has(name),
      byName: named.has(name),
    })
  }
  return chosen
}

/** Who is asked about: a program's name, and the groups that it is in. */
interface Named {
  readonly name: string
  readonly groups: readonly string[]
}

/** What a target means of a slot, which need not be there yet (null = of a program as such): all of its program, or the slot by its number. */
type Meaning = (program: Named, slot: number | null) => 'program' | 'slot' | null

const namedOf = ({ name, spec }: Program): Named => ({ name, groups: spec.groups })

/** What targets will mean of programs and slots that come later. */
export function meaningOf(targets: readonly string[]): Meaning {
  const each = targets.map(meaningOfOne)
  return (program, slot) => {
    const found = each.map((means) => means(program, slot))
    return found.includes('program') ? 'program' : found.includes('slot') ? 'slot' : null
  }
}

const isGlob = (target: string): boolean => /[*?[{]/.test(target)

function meaningOfOne(target: string): Meaning {
  if (target === 'all') return () => 'program'
  if (isGlob(target)) {
    const isMatch = picomatch(target)
    return ({ name }, slot) => {
      if (isMatch(name)) return 'program'
      return slot !== null && isMatch(nameOf(name, slot)) ? 'slot' : null
    }
  }
  const [, ofSlot, number] = /^(.*):(\d+)$/.exec(target) ?? []
  return ({ name, groups }, slot) => {
    if (name === target || groups.includes(target)) return 'program'
    return name === ofSlot && slot === Number(number) ? 'slot' : null
  }
}

interface Match {
  readonly program: string
  /** null = the program has no slots. */
  readonly slot: number | null
  readonly byName: boolean
  readonly asProgram: boolean
}

function matches(programs: Programs, target: string): Match[] {
  const means = meaningOfOne(target)
  const isName = target !== 'all' && !isGlob(target)
  const found = [...programs.values()].flatMap((known): Match[] => {
    const { name: program } = known
    const named = namedOf(known)
    const slots = slotNumbers(known)
    const asProgram = means(named, null) === 'program'
    // A group names its members as a glob does: what cannot be done with one of them is skipped.
    const byName = isName && !named.groups.includes(target)
    if (asProgram && slots.length === 0) return [{ program, slot: null, byName, asProgram }]
    return slots
      .filter((slot) => asProgram || means(named, slot) !== null)
      .map((slot) => ({ program, slot, byName, asProgram }))
  })
  if (found.length > 0 || target === 'all') return found
  throw notFound(target, whyNot(programs, target), programs)
}

function whyNot(programs: Programs, target: string): string {
  if (isGlob(target)) return 'no program matches it'
  const [, program = ''] = /^(.*):\d+$/.exec(target) ?? []
  const known = programs.get(program)
  if (!known && groupsOf(programs).includes(program)) return 'a group has no slots of its own'
  return known ? `"${program}" has ${describeSlots(known)}` : 'no such program'
}

const groupsOf = (programs: Programs): string[] => [
  ...new Set([...programs.values()].flatMap(({ spec }) => spec.groups)),
]

const slotNumbers = ({ instances }: Program): number[] => [...new Set(instances.map((i) => i.slot))]

function describeSlots(program: Program): string {
  const count = slotNumbers(program).length
  return count === 0
    ? 'no slots'
    : count === 1
      ? `one slot, ${program.name}:0`
      : `slots ${program.name}:0 to ${program.name}:${count - 1}`
}

/** PH_NOT_FOUND for a name, with the nearest known one where it may be a slip of the finger. */
export function notFound(target: string, why: string, programs: Programs): PhError {
  const known = [...programs.keys(), ...groupsOf(programs)]
  const nearest = nearestOf(target, known)
  const hint = nearest !== null && nearest !== target ? `; did you mean "${nearest}"?` : ''
  return new PhError('PH_NOT_FOUND', `cannot find "${target}": ${why}${hint}`, { known, nearest })
}
