// An update, and what of it is in the record at each flush: a master that is killed right after one leaves a next
// master who finds the rest of the change. Real files, real supervisor, fake world.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { Configuration } from '../../src/control/configuration.ts'
import { Operator } from '../../src/control/operator.ts'
import { World } from '../helpers/fake-os.ts'
import { type Scene, sceneOf } from '../helpers/scene.ts'

const program = (name: string, more: string): string => `[${name}]\ncommand = sleep 600\nstart_seconds = 0\n${more}\n`
const before = `${program('live', 'graceful_timeout = 5')}${program('anew', 'env.A = 1\nnumber_workers = 1')}${program('count', 'number_workers = 1')}${program('gone', '')}`
const after = `${program('live', 'graceful_timeout = 6')}${program('anew', 'env.A = 2\nnumber_workers = 3')}${program('count', 'number_workers = 2')}${program('fresh', 'number_workers = 2')}`

/** A master of the fake world with its configuration, which begins with what the record holds. */
function masterOn(world: World, scene: Scene, inherits: boolean) {
  const config = loadConfig(scene.path('config.ini'))
  const operator = new Operator(world.supervisor, world.clock)
  const store = world.rows
  const failed = (e: unknown): never => {
    throw e
  }
  const configuration = new Configuration(
    config,
    { store, accounts: { of: () => null }, sections: null, foreground: true, updated: () => undefined, failed },
    world.supervisor,
    operator,
  )
  configuration.begin(inherits ? world.store.kept() : null)
  return configuration
}

test('killed at any flush of an update: the next master carries out the rest of it', async (t) => {
  const scene = sceneOf(t)
  for (let killAt = 1, over = false; !over; killAt++) {
    assert.ok(killAt < 200)
    // A process takes its time to end, so that the count waits behind the replacement.
    const world = new World({ nature: () => ({ onStop: { afterMs: 300, how: 0 } }) })
    scene.write('config.ini', before)
    const configuration = masterOn(world, scene, false)
    world.advance(2000)
    scene.write('config.ini', after)
    const flush = world.store.flush.bind(world.store)
    let flushes = 0
    world.store.flush = () => {
      flush()
      if (++flushes === killAt) world.crash()
    }
    const { life } = world
    configuration.update({ wait: false, dryRun: false }).catch((e: unknown) => {
      if (life.over === null) throw e // what a dead one still throws is heard by nobody
    })
    world.advance(5000)
    over = flushes < killAt
    world.store.flush = flush
    if (!over) {
      world.succeed()
      masterOn(world, scene, true)
      world.advance(5000)
    }
    const now = [...world.supervisor.programs.values()].map(({ name, desired, spec, instances }) => ({
      name,
      desired,
      stopMs: spec.stopMs,
      processes: instances.filter((i) => i.state.at === 'running' && i.spec.env.A === spec.env.A).length,
    }))
    assert.deepEqual(
      now.toSorted((a, b) => a.name.localeCompare(b.name)),
      [
        { name: 'anew', desired: 3, stopMs: 10_000, processes: 3 },
        { name: 'count', desired: 2, stopMs: 10_000, processes: 2 },
        { name: 'fresh', desired: 2, stopMs: 10_000, processes: 2 },
        { name: 'live', desired: 1, stopMs: 6000, processes: 1 },
      ],
      `killed after flush ${killAt}`,
    )
  }
})
