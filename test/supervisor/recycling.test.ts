// Who is too old asks to be replaced until it is: whatever came between, and whatever took its turn.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Nature, World } from '../helpers/fake-os.ts'
import { verbs } from '../helpers/operate.ts'
import { specOf } from '../helpers/specs.ts'

const AGE_MS = 5_000
const spec = specOf({ startMs: 0, maxAgeMs: AGE_MS, maxAgeJitter: { amount: 0 }, backoffMaxMs: 1_000 })

function worldOf(...natures: readonly (Nature | { readonly failed: string })[]): World {
  let made = 0
  return new World({ nature: () => natures[made++] ?? {} })
}

const pids = (world: World): string => world.launched.map(([at, , pid]) => `${at} ${pid}`).join(', ')

test('a reload that took the place of its recycling and failed: it asks again', () => {
  const startFirst = { ...spec, reloadStrategy: 'start-first' as const, startMs: 500, stopMs: 100 }
  const world = worldOf({}, {}, { failed: 'EAGAIN' })
  world.supervisor.add(startFirst, 'up')
  world.advance(AGE_MS + 100)
  assert.equal(pids(world), `0 101, ${AGE_MS} 102`)
  const reload = verbs(world.supervisor).reload()
  world.advance(100)
  assert.equal(reload.words, '0 RUNNING EAGAIN')
  world.advance(10_000)
  assert.deepEqual([world.leaders().some(({ pid }) => pid === 101), world.faults], [false, []])
})

test('too old while its own predecessor has not ended: it asks again', () => {
  const startFirst = { ...spec, reloadStrategy: 'start-first' as const, stopMs: 2 * AGE_MS }
  const world = worldOf({ onStop: 'ignore' })
  world.supervisor.add(startFirst, 'up')
  world.advance(1_000)
  world.supervisor.post({ type: 'recycle', pid: 101, why: 'max_requests' })
  world.advance(2 * AGE_MS)
  assert.deepEqual(
    world.leaders().map(({ pid }) => pid),
    [102],
    'the old one is killed at last',
  )
  world.advance(2 * AGE_MS)
  assert.ok(!world.leaders().some(({ pid }) => pid === 102))
})
