// How long a process has printed nothing: by what was taken from its pipes, and what waits there.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heardBy } from '../../src/os/heard.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

test('the newest word of all its streams counts; what waits counts once', () => {
  const clock = new FakeClock()
  const { listen, quietFor } = heardBy(clock)
  let waits = 0
  const out = listen('t', () => waits)
  const err = listen('t', () => 0)
  assert.equal(quietFor('t'), 0)
  clock.time = 100
  err.heard()
  clock.time = 150
  assert.equal(quietFor('t'), 50)
  waits = 3
  assert.equal(quietFor('t'), 0)
  clock.time = 400
  assert.equal(quietFor('t'), 250, 'the same bytes are no news')
  out.ended()
  assert.equal(quietFor('t'), 300)
  err.ended()
  assert.deepEqual([quietFor('t'), quietFor('other')], [null, null])
})
