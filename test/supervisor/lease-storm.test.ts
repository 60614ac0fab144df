// Random storms over the lease: helpers/storm-lease.ts. STORM_RUNS sets how many, STORM_SEED where the seeds begin.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playLeaseStorm } from '../helpers/storm-lease.ts'

const runs = Number(process.env.STORM_RUNS ?? 500)
const given = process.env.STORM_SEED || '1'
const first = given === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(given)

test(`${runs} storms over a lease, seeds from ${first}: never two at once, one in calm weather`, (t) => {
  let handovers = 0
  for (let seed = first; seed < first + runs; seed++) {
    try {
      handovers += playLeaseStorm(seed).handovers
    } catch (e) {
      throw new Error(`seed ${seed}: ${e instanceof Error ? e.message : String(e)}`, { cause: e })
    }
  }
  t.diagnostic(`${handovers} starts`)
  assert.ok(handovers > 3 * runs, 'the storms are storms')
})
