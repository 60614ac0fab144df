// Programs with single_instance under the real supervisor in the fake world, where the ways of others cross theirs.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { World } from '../helpers/fake-os.ts'
import { verbs } from '../helpers/operate.ts'
import { specOf } from '../helpers/specs.ts'

test('a slot that finds the lock taken while an update replaces another takes the new settings over too', () => {
  const world = new World({ nature: () => ({ readyMs: null }) })
  world.locks.take('web')
  const free = specOf({
    workers: 2,
    startMs: 1_000,
    ready: { kind: 'time' },
    reloadStrategy: 'stop-first',
    reloadParallel: 1,
  })
  world.supervisor.add(specOf({ program: 'db', ready: { kind: 'notify' } }), 'up')
  world.supervisor.add({ ...free, singleInstance: true, dependsOn: [{ program: 'db', condition: 'ready' }] }, 'up')
  world.settle()
  const states = (): string | undefined =>
    world.supervisor.programs
      .get('web')
      ?.instances.map(({ state, spec }) => `${state.at} ${spec === free}`)
      .join()
  assert.equal(states(), 'waiting false,waiting false')
  const update = verbs(world.supervisor).update(free)
  world.settle()
  assert.equal(states(), 'starting true,standby false') // it went on with what it had, and the lock is another's
  world.advance(5_000)
  assert.deepEqual([update.ends, states()], [1, 'running true,running true'])
})
