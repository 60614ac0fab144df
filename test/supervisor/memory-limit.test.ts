// max_memory in the fake world: who is replaced, and that nobody is looked at without need.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limitMemory } from '../../src/supervisor/memory-limit.ts'
import { World } from '../helpers/fake-os.ts'
import { specOf } from '../helpers/specs.ts'

const MB = 1024 * 1024

test('a process that passes it is replaced within 2 s, start-first, and counted as a recycling', () => {
  const world = new World({ nature: () => ({ onStop: { afterMs: 10, how: 0 } }) })
  const bytes = new Map<number, number>()
  const looks: number[] = []
  const memoryOf = (pid: number): number | null => {
    looks.push(pid)
    return bytes.get(pid) ?? MB
  }
  limitMemory({ supervisor: world.supervisor, clock: world.clock, memoryOf })
  world.supervisor.add(specOf({ program: 'free' }), 'up')
  world.advance(20_000)
  assert.deepEqual(looks, [])
  world.supervisor.add(
    specOf({ workers: 2, maxMemoryBytes: 100 * MB, reloadStrategy: 'start-first', startMs: 100 }),
    'up',
  )
  world.advance(5000)
  const [one, two] = world.leaders('web').map(({ pid }) => pid)
  bytes.set(one ?? 0, 101 * MB)
  bytes.set(two ?? 0, 100 * MB)
  world.advance(2200)
  const now = world.supervisor.programs.get('web')?.instances ?? []
  assert.deepEqual(
    now.map((i) => [i.state.at, i.recycles, i.restarts]),
    [
      ['running', 1, 0],
      ['running', 0, 0],
    ],
  )
  assert.ok(!world.leaders('web').some(({ pid }) => pid === one))
  assert.ok(
    world.leaders('web').some(({ pid }) => pid === two),
    'exactly the limit is not beyond it',
  )
})
