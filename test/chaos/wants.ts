// What must be, by all that was asked of the masters of a chaos run: count and up or down of each program. What was
// asked of a master that was killed before it answered may have been done or not: both are possible until
// the next one is looked at. Pure.

import type { Program } from '../../src/api/contract.ts'
import { type Role, roles } from './roles.ts'

export interface Want {
  readonly desired: number
  /** number_workers, as it is in force. */
  readonly inFile: number
  readonly up: boolean
}

export type Wish = (want: Want) => Want

export const wishes = {
  up: (want) => ({ ...want, up: true }),
  down: (want) => ({ ...want, up: false }),
  none: (want) => want,
} as const satisfies Record<string, Wish>

export const scaledTo =
  (desired: number): Wish =>
  (want) => ({ ...want, desired })

/** A count that was set by scale stands until the file's own changes. */
export const updatedTo =
  (inFile: number): Wish =>
  (want) =>
    inFile === want.inFile ? want : { ...want, desired: inFile, inFile }

export class Wants {
  readonly #possible = new Map<string, readonly Want[]>(roles.map((one) => [one.name, [firstWant(one)]]))

  /** It was asked, and nobody knows whether it was done. */
  asked(program: string, wish: Wish): void {
    const before = this.#of(program)
    this.#possible.set(program, distinct([...before, ...before.map(wish)]))
  }

  /** It was asked, and answered. */
  done(program: string, wish: Wish): void {
    this.#possible.set(program, distinct(this.#of(program).map(wish)))
  }

  /** Which of the possible ones is it? In words what it is and should not be, or null. */
  compare(programs: readonly Program[]): string | null {
    for (const [name, possible] of this.#possible) {
      const program = programs.find((one) => one.program === name)
      if (!program) return `${name} is unknown`
      const fitting = possible.filter((want) => fits(program, want))
      if (fitting.length === 0) {
        const processes = program.processes.map((one) => `${one.name} ${one.wanted}`).join(', ')
        return `${name} keeps ${program.desired} (${processes}), and should be one of ${JSON.stringify(possible)}`
      }
      this.#possible.set(name, fitting)
    }
    return null
  }

  /** For sure; without slots nobody can tell up from down. */
  is(program: string, fits: (want: Want) => boolean): boolean {
    return this.#of(program).every(fits)
  }

  #of(program: string): readonly Want[] {
    return this.#possible.get(program) ?? []
  }
}

const firstWant = ({ base }: Role): Want => ({ desired: base, inFile: base, up: true })

/** Slots beyond the count are on their way out. */
function fits({ desired, processes }: Program, want: Want): boolean {
  const wanted = want.up ? 'up' : 'down'
  return desired === want.desired && processes.every((one) => one.slot >= desired || one.wanted === wanted)
}

const distinct = (wants: readonly Want[]): Want[] => [
  ...new Map(wants.map((want) => [JSON.stringify(want), want])).values(),
]
