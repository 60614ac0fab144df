// Operations that come in each other's way: what a stop takes from others, and what becomes of the rest.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { World } from '../helpers/fake-os.ts'
import { verbs } from '../helpers/operate.ts'
import { workerSpec } from '../helpers/specs.ts'

/** Three workers that are ready 500 ms after their start, and end 100 ms after they were told. */
function scene(wanted: 'up' | 'down' = 'down') {
  const world = new World({ nature: () => ({ readyMs: 500, onStop: { afterMs: 100, how: 0 } }) })
  world.supervisor.add(workerSpec({ workers: 3 }), wanted)
  world.advance(1000)
  return {
    world,
    web: verbs(world.supervisor),
    pass: (ms: number) => world.advance(ms),
    now: () => (world.supervisor.programs.get('web')?.instances ?? []).map((i) => `${i.slot} ${i.state.at}`).join(', '),
  }
}

test('a stop of one slot takes it from the start that is under way; the others come up', () => {
  const { web, pass, now } = scene()
  const start = web.start()
  pass(100)
  const stop = web.stop([1])
  pass(399)
  assert.deepEqual([start.ends, stop.words], [0, '1 ok STOPPED'])
  pass(1)
  assert.deepEqual([start.ends, start.superseded], [1, null])
  assert.equal(start.words, '0 ok RUNNING, 1 STARTING superseded by a stop, 2 ok RUNNING')
  assert.equal(now(), '0 running, 1 stopped, 2 running')
})

test('and from those that wait for their turn: they begin without it', () => {
  const { web, pass, now, world } = scene('up')
  const launched = (slot: number): number => world.launched.filter(([, name]) => name === `web:${slot}`).length
  const scale = web.scale(4)
  const restart = web.restart([0, 1, 2])
  const start = web.start([1, 2])
  pass(100)
  web.stop([2])
  pass(5000)
  assert.deepEqual([scale.superseded, restart.superseded, start.superseded], [null, null, null])
  assert.equal(restart.words, '0 ok RUNNING, 1 ok RUNNING, 2 RUNNING superseded by a stop')
  assert.equal(start.words, '1 ok RUNNING, 2 RUNNING superseded by a stop')
  assert.deepEqual([now(), launched(0), launched(2)], ['0 running, 1 running, 2 stopped, 3 running', 2, 1])
})

test('what has lost its last slot is superseded; what has only settled ones left ends as they did', () => {
  const { web, pass } = scene()
  web.start([0])
  pass(500)
  const both = web.start([0, 1])
  const others = web.start([1, 2])
  pass(10)
  web.stop([1])
  assert.deepEqual([both.ends, both.superseded, both.words], [1, null, '0 ok RUNNING, 1 STARTING superseded by a stop'])
  assert.equal(others.ends, 0)
  web.stop([2])
  assert.deepEqual([others.ends, others.superseded], [1, 'superseded by a stop'])
  pass(1000)
  assert.equal(others.words, '1 STARTING superseded by a stop, 2 STOPPED superseded by a stop')
})

test('a reload or an update that loses a slot is over, as a whole', () => {
  const { web, pass, now } = scene('up')
  for (const plan of [() => web.reload(), () => web.update(workerSpec({ workers: 3, stopMs: 1 }))]) {
    const asked = plan()
    pass(10)
    web.stop([2])
    assert.deepEqual([asked.ends, asked.superseded], [1, 'superseded by a stop'])
    pass(1000)
    assert.equal(now(), '0 running, 1 running, 2 stopped')
    web.start()
    pass(1000)
  }
})

test('an update behind a scale-down is about the slots that are left', () => {
  const { web, pass, now } = scene('up')
  const scale = web.scale(2)
  const update = web.update(workerSpec({ workers: 3, stopMs: 1 }))
  pass(5000)
  assert.deepEqual([scale.words, update.words], ['2 ok STOPPED', '0 ok RUNNING, 1 ok RUNNING'])
  assert.equal(now(), '0 running, 1 running')
})
