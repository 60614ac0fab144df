// What a TARGET means: `web`, `web:2`, a glob `web-*`, `all`, or a list of those. All or nothing: one
// unknown name, and nothing is done for any.

import { closest, distance } from 'fastest-levenshtein'
import picomatch from 'picomatch'
import { nameOf, type Program } from '../core/program.ts'
import { PhError } from '../errors.ts'

export interface Chosen {
  readonly program: string
  readonly slots: readonly number[]
  /** Every slot of the program. */
  readonly whole: boolean
  /** The caller named it, rather than saying `all` or a glob. */
  readonly byName: boolean
}

type Programs = ReadonlyMap<string, Program>

/** In the order of the configuration; each program once. Throws PH_NOT_FOUND with `known` and `nearest`. */
export function chooseTargets(every: Programs, target: string | readonly string[]): Chosen[] {
  const programs = new Map([...every].filter(([, program]) => !program.removed))
  const slots = new Map<string, Set<number>>()
  const named = new Set<string>()
  for (const one of typeof target === 'string' ? [target] : target) {
    for (const { program, slot, byName } of matches(programs, one)) {
      const set = slots.get(program) ?? new Set()
      slots.set(program, set)
      if (slot !== null) set.add(slot)
      if (byName) named.add(program)
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
      byName: named.has(name),
    })
  }
  return chosen
}

interface Match {
  readonly program: string
  /** null = the program has no slots. */
  readonly slot: number | null
  readonly byName: boolean
}

function matches(programs: Programs, target: string): Match[] {
  if (target === 'all') return [...programs.values()].flatMap((p) => everySlot(p, false))
  const exact = programs.get(target)
  if (exact) return everySlot(exact, true)
  const colon = target.lastIndexOf(':')
  const ofSlot = colon > 0 ? programs.get(target.slice(0, colon)) : undefined
  if (ofSlot && /^\d+$/.test(target.slice(colon + 1))) {
    const slot = Number(target.slice(colon + 1))
    if (slotNumbers(ofSlot).includes(slot)) return [{ program: ofSlot.name, slot, byName: true }]
    throw notFound(target, `"${ofSlot.name}" has ${describeSlots(ofSlot)}`, programs)
  }
  if (/[*?[{]/.test(target)) {
    const isMatch = picomatch(target)
    const found = [...programs.values()].flatMap((p) =>
      isMatch(p.name)
        ? everySlot(p, false)
        : slotNumbers(p)
            .filter((slot) => isMatch(nameOf(p.name, slot)))
            .map((slot) => ({ program: p.name, slot, byName: false })),
    )
    if (found.length > 0) return found
    throw notFound(target, 'no program matches it', programs)
  }
  throw notFound(target, 'no such program', programs)
}

function everySlot(program: Program, byName: boolean): Match[] {
  const slots = slotNumbers(program)
  if (slots.length === 0) return [{ program: program.name, slot: null, byName }]
  return slots.map((slot) => ({ program: program.name, slot, byName }))
}

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
  const known = [...programs.keys()]
  const near = known.length > 0 ? closest(target, known) : null
  const nearest = near !== null && distance(target, near) <= Math.max(2, target.length / 3) ? near : null
  const hint = nearest !== null && nearest !== target ? `; did you mean "${nearest}"?` : ''
  return new PhError('PH_NOT_FOUND', `cannot find "${target}": ${why}${hint}`, { known, nearest })
}
