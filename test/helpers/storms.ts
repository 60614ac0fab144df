// Storms by the thousand: STORM_RUNS sets how many in all, STORM_SEED repeats a run; fast-check prints both with
// the shrunk storm.

import fc from 'fast-check'
import { play } from './storm.ts'

const all = Number(process.env.STORM_RUNS ?? 10_000)
const seed = process.env.STORM_SEED || undefined

/** Of all storms half are played under one master, half under masters that are killed. */
export const share = Math.ceil(all / 2)

export function playAll(mortal: boolean): void {
  const storms = fc.record({
    seed: fc.nat(),
    steps: fc.array(fc.nat(), { minLength: 1, maxLength: 40, size: 'max' }),
  })
  fc.assert(
    fc.property(storms, (storm) => play(storm, mortal)),
    { numRuns: share, includeErrorInReport: true, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  )
}
