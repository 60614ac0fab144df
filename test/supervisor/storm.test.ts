// Random storms against the supervisor: see helpers/storm.ts and helpers/storm-rules.ts.
// STORM_RUNS sets how many, STORM_SEED repeats a run; fast-check prints both with the shrunk storm.

import { test } from 'node:test'
import fc from 'fast-check'
import { play } from '../helpers/storm.ts'

const runs = Number(process.env.STORM_RUNS ?? 10_000)
const seed = process.env.STORM_SEED || undefined

test(`${runs} random storms: every rule holds, and calm comes after each`, () => {
  const storms = fc.record({
    seed: fc.nat(),
    steps: fc.array(fc.nat(), { minLength: 1, maxLength: 40, size: 'max' }),
  })
  fc.assert(
    fc.property(storms, (storm) => play(storm)),
    { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  )
})
