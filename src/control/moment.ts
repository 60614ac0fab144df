// A moment of everything that is measured, and how a metric is made of it: a row of metric-families.ts.

import type { ProcessStatus, Program } from '../api/contract.ts'
import type { Family, Sample } from './exposition.ts'
import type { ProgramTotals, SlotTotals } from './totals.ts'

/** A moment of everything that is measured. */
export interface Moment {
  readonly master: MasterFacts
  readonly programs: readonly ProgramFacts[]
}

export interface MasterFacts {
  readonly version: string
  /** Unix ms. */
  readonly startedAt: number
  readonly upgrades: number
  readonly stopping: boolean
  readonly clients: number
  readonly events: number
  /** By method; of what was no method of ours under "". */
  readonly calls: ReadonlyMap<string, { readonly ok: number; readonly error: number }>
  readonly busySeconds: number
}

export interface ProgramFacts {
  readonly status: Program
  readonly totals: Readonly<ProgramTotals>
  readonly slots: readonly SlotFacts[]
  readonly logBytes: readonly (readonly [stream: string, bytes: number])[]
}

export interface SlotFacts {
  readonly row: ProcessStatus
  readonly totals: SlotTotals
}

export interface MetricFamily extends Family {
  samples(moment: Moment): Iterable<Sample>
}

type Value = number | boolean | null | undefined
/** Of one more label: its value, and the number. */
type Labelled = readonly (readonly [label: string, value: number])[]

/** One sample a program. */
export const ofPrograms = madeBy('phd_program_', ['program'], function* ({ programs }) {
  for (const one of programs) yield [[one.status.program], one] as const
})

/** One sample a slot. */
export const ofSlots = madeBy('phd_', ['program', 'name'], function* ({ programs }) {
  for (const { status, slots } of programs)
    for (const one of slots) yield [[status.program, one.row.name], one] as const
})

/** One sample. */
export const ofMaster = madeBy('phd_', [], ({ master }) => [[[], master] as const])

/** Makes families of what `each` finds in a moment. With `label` a row gives as many samples as it has values of that. */
function madeBy<Fact>(
  prefix: string,
  labels: readonly string[],
  each: (moment: Moment) => Iterable<readonly [values: readonly string[], fact: Fact]>,
) {
  return (name: string, kind: Family['kind'], help: string, of: (fact: Fact) => Value | Labelled, label?: string) => {
    const samples = function* (moment: Moment): Iterable<Sample> {
      for (const [values, fact] of each(moment)) {
        const found = of(fact)
        if (found === null || found === undefined) continue
        if (typeof found !== 'object') yield [values, Number(found)]
        else for (const [more, value] of found) yield [[...values, more], value]
      }
    }
    return { name: `${prefix}${name}`, kind, help, labels: label ? [...labels, label] : labels, samples }
  }
}
