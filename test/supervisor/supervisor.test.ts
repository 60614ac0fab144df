// The supervisor as a whole: programs that come and go, the end of the master, pacing, recycling, updates.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Spec } from '../../src/core/spec.ts'
import type { Instance } from '../../src/core/state.ts'
import { PhError } from '../../src/errors.ts'
import { type Nature, World } from '../helpers/fake-os.ts'
import { verbs } from '../helpers/operate.ts'
import { specOf, workerSpec } from '../helpers/specs.ts'

const words = (world: World): string =>
  [...world.supervisor.programs.values()]
    .flatMap((p) => p.instances.map((i) => `${i.program}:${i.slot} ${i.state.at}`))
    .join(', ')

const refused = (code: string) => (e: unknown) => e instanceof PhError && e.code === code

// the end ------------------------------------------------------------------------------------------

test('shutdown: everything stops, in parallel; told once when nothing is left', () => {
  const world = new World({ nature: ({ program }) => (program === 'slow' ? { onStop: { afterMs: 900, how: 0 } } : {}) })
  const { supervisor } = world
  supervisor.add(specOf({ program: 'slow' }), 'up')
  supervisor.add(specOf({ program: 'quick', workers: 2 }), 'up')
  supervisor.add(specOf({ program: 'down' }), 'down')
  world.advance(1000)
  const start = verbs(supervisor, 'down').restart()
  let told = 0
  supervisor.shutdown(() => told++)
  assert.equal(supervisor.isStopping, true)
  assert.deepEqual([start.ends, start.superseded], [1, 'the master is shutting down'])
  assert.throws(() => verbs(supervisor, 'quick').start(), refused('PH_STOPPING'))
  const wait = verbs(supervisor, 'slow').wait('STOPPED')
  world.advance(899)
  assert.deepEqual([told, world.leaders().length], [0, 1])
  supervisor.shutdown(() => told++)
  world.advance(1)
  assert.deepEqual([told, world.leaders().length, wait.words], [2, 0, '0 ok STOPPED'])
  supervisor.shutdown(() => told++)
  world.advance(100_000)
  assert.deepEqual([told, world.faults], [3, []])
})

test('shutdown with nothing to stop is over at once', () => {
  const world = new World()
  let told = 0
  world.supervisor.shutdown(() => told++)
  assert.equal(told, 1)
})

test('shutdown: a death, a word of a worker or a failed spawn starts nothing any more', () => {
  const world = new World({ nature: () => ({ onStop: 'ignore' }) })
  world.spawnMs = 1.5
  world.supervisor.add(workerSpec({ workers: 3, stopMs: 5000 }), 'up')
  world.supervisor.shutdown(() => undefined)
  world.advance(10)
  assert.equal(world.launched.length, 2, 'what was owed is not made')
  const made = world.launched.length
  const [one] = world.leaders()
  if (one) {
    world.supervisor.post({ type: 'recycle', pid: one.pid, why: 'max_requests' })
    world.strike(one.pid, 'SIGSEGV')
  }
  world.advance(10_000)
  assert.deepEqual(
    [world.launched.length, world.leaders().length, words(world)],
    [made, 0, 'web:0 stopped, web:1 stopped, web:2 stopped'],
  )
})

test('killAll: SIGKILL to every process at once', () => {
  const world = new World({ nature: () => ({ onStop: 'ignore' }) })
  world.supervisor.add(specOf({ workers: 3 }), 'up')
  world.advance(1000)
  let told = 0
  world.supervisor.shutdown(() => told++)
  world.advance(500)
  world.supervisor.killAll()
  world.settle()
  assert.deepEqual([told, world.leaders().length, world.clock.time], [1, 0, 1500])
})

// come and go --------------------------------------------------------------------------------------

test('remove: stops, forgets, then tells; its operations end, and new ones are refused', () => {
  const world = new World({ nature: () => ({ onStop: { afterMs: 300, how: 0 } }) })
  const { supervisor } = world
  supervisor.add(specOf({ workers: 2 }), 'up')
  const start = verbs(supervisor).start()
  let gone = 0
  supervisor.remove('web', () => gone++)
  assert.equal(start.superseded, 'the program was dropped from the configuration')
  assert.throws(() => verbs(supervisor).start([0]), refused('PH_NOT_FOUND'))
  assert.throws(() => supervisor.remove('web', () => gone++), refused('PH_NOT_FOUND'))
  assert.throws(() => supervisor.remove('nobody', () => gone++), refused('PH_NOT_FOUND'))
  world.advance(299)
  assert.deepEqual([gone, supervisor.programs.has('web')], [0, true])
  world.advance(1)
  assert.deepEqual([gone, supervisor.programs.has('web')], [1, false])
})

test('added again while it is being dropped: it stays, with the new settings, and the removal is over', () => {
  for (const strategy of ['start-first', 'stop-first'] as const) {
    const world = new World({ nature: () => ({ onStop: { afterMs: 300, how: 0 } }) })
    const { supervisor } = world
    supervisor.add(specOf({ workers: 3 }), 'up')
    world.advance(1000)
    let gone = 0
    supervisor.remove('web', () => gone++)
    world.advance(100)
    const spec = specOf({ workers: 2, stopMs: 77, reloadStrategy: strategy })
    supervisor.add(spec, 'up')
    const start = verbs(supervisor).start()
    assert.equal(gone, 1)
    world.advance(5000)
    assert.deepEqual([words(world), start.ends], ['web:0 running, web:1 running', 1])
    assert.ok(supervisor.programs.get('web')?.instances.every((i) => i.spec === spec))
  }
})

test('added again to be down: it stops, and its next start has the new settings', () => {
  const world = new World({ nature: () => ({ onStop: { afterMs: 300, how: 0 } }) })
  world.supervisor.add(specOf(), 'up')
  world.advance(1000)
  world.supervisor.remove('web', () => undefined)
  const spec = specOf({ stopMs: 77 })
  world.supervisor.add(spec, 'down')
  world.advance(5000)
  assert.equal(words(world), 'web:0 stopped')
  verbs(world.supervisor).start()
  world.advance(1000)
  assert.deepEqual([words(world), world.leaders()[0]?.instance.spec], ['web:0 running', spec])
})

test('added again with fewer slots, then scaled up while the old ones still leave', () => {
  const world = new World({ nature: () => ({ onStop: { afterMs: 3000, how: 0 } }) })
  world.supervisor.add(specOf({ workers: 3 }), 'up')
  world.advance(1000)
  world.supervisor.remove('web', () => undefined)
  world.supervisor.add(specOf({ workers: 1 }), 'up')
  assert.equal(verbs(world.supervisor).scale(1).words, '', 'the leaving ones are no business of a scale')
  verbs(world.supervisor).scale(3)
  world.advance(10_000)
  assert.equal(words(world), 'web:0 running, web:1 running, web:2 running')
})

// pacing -------------------------------------------------------------------------------------------

for (const { spawnMs, most } of [
  { spawnMs: 0.1, most: 16 },
  { spawnMs: 0.9, most: 3 },
  { spawnMs: 1.5, most: 2 },
  { spawnMs: 50, most: 1 },
]) {
  test(`a spawn that takes ${spawnMs} ms: ${most} are made between two turns of the event loop, and never more`, () => {
    const world = new World()
    world.spawnMs = spawnMs
    world.supervisor.add(specOf({ workers: 50 }), 'up')
    const { clock, launched, supervisor } = world
    const counts: number[] = []
    for (let turns = 0; turns < 60; turns++) {
      const before = launched.length
      // Whatever else comes in meanwhile makes no more of them.
      for (let n = 0; n < 20; n++) supervisor.post({ type: 'worker', pid: 101, event: { type: 'beat' } })
      clock.runSoon()
      counts.push(launched.length - before)
    }
    assert.equal(Math.max(...counts), most, counts.join())
    assert.equal(launched.length, 50)
  })
}

test('a hundred deaths at once are a hundred mails, and still a few spawns a turn', () => {
  const world = new World()
  world.supervisor.add(specOf({ workers: 100 }), 'up')
  world.advance(1000)
  const { launched, clock } = world
  assert.equal(launched.length, 100)
  for (const { pid } of world.leaders()) world.strike(pid, 'SIGKILL')
  world.reap()
  assert.ok(launched.length <= 116, `${launched.length - 100} at once`)
  for (let turns = 0; turns < 60; turns++) clock.runSoon()
  assert.equal(launched.length, 200)
})

test('what is not wanted any more when its turn comes is not made', () => {
  const world = new World()
  world.supervisor.add(specOf({ workers: 20 }), 'up')
  verbs(world.supervisor).stop()
  world.advance(5000)
  assert.equal(world.launched.length, 16)
  assert.equal(world.leaders().length, 0)
})

test('a deadline that passes while the supervisor works owes its process, and is not forgotten', () => {
  for (let offset = 0; offset < 20; offset++) {
    let made = 0
    const world = new World({ nature: () => (made++ < 2 ? { ends: { afterMs: 1, how: 1 } } : {}) })
    world.supervisor.add(specOf(), 'up')
    world.advance(90 + offset / 50)
    world.clock.tick = 0.1
    for (let n = 0; n < 300; n++) {
      world.supervisor.post({ type: 'worker', pid: 999, event: { type: 'beat' } })
      const { state } = world.supervisor.programs.get('web')?.instances[0] ?? {}
      const isOwed = state?.at === 'starting' && state.pid === null
      assert.ok(!isOwed || world.clock.soons.length > 0, `forgotten at ${world.clock.time}`)
    }
  }
})

test('no alarm is armed and no turn asked for where nothing waits', () => {
  const world = new World()
  world.supervisor.add(workerSpec(), 'up')
  world.advance(100_000)
  assert.deepEqual([words(world), world.clock.alarms.size, world.clock.soons.length], ['web:0 running', 0, 0])
})

// recycling ----------------------------------------------------------------------------------------

const recycleAll = (world: World): void => {
  for (const { pid } of world.leaders()) world.supervisor.post({ type: 'recycle', pid, why: 'max_requests' })
}

test('recycling: one slot at a time, counted as such, capacity kept', () => {
  const world = new World({ nature: () => ({ readyMs: 100 }) })
  world.supervisor.add(workerSpec({ workers: 3 }), 'up')
  world.advance(100)
  recycleAll(world)
  recycleAll(world)
  let most = 0
  for (let ms = 0; ms < 400; ms += 10) {
    world.advance(10)
    most = Math.max(most, world.leaders().length)
  }
  const all = world.supervisor.programs.get('web')?.instances ?? []
  assert.deepEqual(
    all.map((i) => [i.recycles, i.restarts]),
    [
      [1, 0],
      [1, 0],
      [1, 0],
    ],
  )
  assert.deepEqual([most, world.launched.length], [4, 6])
})

test('recycling that fails leaves the old process, says so, and holds for a while', () => {
  let healthy = true
  const world = new World({ nature: () => (healthy ? {} : { readyMs: null, ends: { afterMs: 5, how: 3 } }) })
  world.supervisor.add(workerSpec(), 'up')
  world.advance(100)
  healthy = false
  recycleAll(world)
  world.advance(100)
  assert.deepEqual(
    [words(world), world.launched.length, world.log],
    ['web:0 running', 2, ['recycling failed; the old process goes on']],
  )
  healthy = true
  recycleAll(world)
  world.advance(29_000)
  assert.equal(world.launched.length, 2, 'held')
  world.advance(1000)
  recycleAll(world)
  world.advance(100)
  assert.deepEqual([world.launched.length, world.supervisor.programs.get('web')?.instances[0]?.recycles], [3, 1])
})

test('max_age: recycled again and again; a failed one is asked for again', () => {
  let healthy = true
  const world = new World({ nature: () => (healthy ? {} : { readyMs: null, ends: { afterMs: 5, how: 3 } }) })
  world.supervisor.add(workerSpec({ maxAgeMs: 60_000 }), 'up')
  world.advance(60_100)
  assert.equal(world.launched.length, 2)
  healthy = false
  world.advance(60_100)
  assert.equal(world.launched.length, 3)
  healthy = true
  world.advance(31_000)
  assert.deepEqual([world.launched.length, words(world)], [4, 'web:0 running'])
})

test('asked for by a process that has been replaced meanwhile, recycling does nothing', () => {
  const world = new World({ nature: () => ({ readyMs: 100 }) })
  world.supervisor.add(workerSpec(), 'up')
  world.advance(100)
  const reload = verbs(world.supervisor).reload()
  recycleAll(world)
  world.advance(1000)
  assert.deepEqual([reload.words, world.launched.length], ['0 ok RUNNING', 2])
})

test('a worker that does not run, or is gone, recycles nothing', () => {
  const world = new World()
  world.supervisor.add(workerSpec(), 'up')
  world.advance(10)
  world.supervisor.post({ type: 'recycle', pid: 999, why: 'max_requests' })
  verbs(world.supervisor).stop()
  recycleAll(world)
  world.advance(1000)
  assert.deepEqual([words(world), world.launched.length], ['web:0 stopped', 1])
})

// update and live settings -------------------------------------------------------------------------

test('update: live processes are replaced, resting ones take it at their next start', () => {
  const world = new World()
  const { supervisor } = world
  supervisor.add(specOf({ workers: 3 }), 'up')
  world.advance(1000)
  const web = verbs(supervisor)
  web.stop([1])
  world.advance(1)
  const spec: Spec = specOf({ workers: 3, stopMs: 77 })
  const update = web.update(spec)
  world.advance(5000)
  assert.equal(update.words, '0 ok RUNNING, 1 ok STOPPED takes effect at its next start, 2 ok RUNNING')
  web.start([1])
  world.advance(1000)
  assert.ok(world.leaders().length === 3 && world.leaders().every((p) => p.instance.spec === spec))
})

test('update while a stop is under way, and slots scaled up before its turn: the new settings come to all', () => {
  const world = new World({ nature: () => ({ onStop: { afterMs: 500, how: 0 } }) })
  const web = verbs(world.supervisor)
  world.supervisor.add(specOf(), 'up')
  world.advance(1000)
  web.stop()
  const first = web.update(specOf({ stopMs: 66 }))
  web.start()
  web.scale(3)
  const spec = specOf({ stopMs: 77 })
  const second = web.update(spec)
  world.advance(60_000)
  assert.deepEqual([first.ends, second.ends, second.outcomes.length], [1, 1, 3])
  assert.ok(world.leaders().length === 3 && world.leaders().every((p) => p.instance.spec === spec))
})

test('live settings: the same processes, the new patience', () => {
  const world = new World({ nature: () => ({ onStop: 'ignore' }) })
  world.supervisor.add(specOf(), 'up')
  world.advance(1000)
  world.supervisor.atOnce('web', (desk) => desk.setSpecLive(specOf({ stopMs: 50 })))
  const stop = verbs(world.supervisor).stop()
  world.advance(50)
  assert.deepEqual([stop.ends, world.launched.length], [1, 1])
  assert.throws(() => world.supervisor.atOnce('nobody', () => undefined), refused('PH_NOT_FOUND'))
})

// facts --------------------------------------------------------------------------------------------

test('counters belong to a process that lives', () => {
  const counters = { requests: 5, errors: 1, inFlight: 0, latency: null }
  const world = new World()
  const { supervisor } = world
  supervisor.add(workerSpec(), 'up')
  world.advance(10)
  supervisor.post({ type: 'counters', pid: 101, counters })
  supervisor.post({ type: 'counters', pid: 999, counters })
  assert.deepEqual([supervisor.counters(101), supervisor.counters(999)], [counters, null])
  world.strike(101, 'SIGKILL')
  world.advance(10)
  assert.equal(supervisor.counters(101), null)
})

test('watchers hear each change of an instance once, in order, until they leave', () => {
  const world = new World()
  const seen: string[] = []
  const at = (i: Instance | null): string => i?.state.at ?? 'nothing'
  const leave = world.supervisor.watch((n) => {
    if (n.kind === 'instance' && at(n.before) !== at(n.after)) seen.push(`${at(n.before)} > ${at(n.after)}`)
  })
  world.supervisor.add(specOf(), 'up')
  world.advance(1000)
  verbs(world.supervisor).scale(0)
  world.advance(10)
  assert.deepEqual(seen, [
    'nothing > stopped',
    'stopped > starting',
    'starting > running',
    'running > stopping',
    'stopping > stopped',
    'stopped > nothing',
  ])
  leave()
  verbs(world.supervisor).scale(1)
  world.advance(10)
  assert.equal(seen.length, 6)
})

test('a signal that the kernel refuses is logged, and the state stands', () => {
  const world = new World()
  world.supervisor.add(specOf(), 'up')
  world.advance(1000)
  Object.assign(world.ports.signals, {
    send: () => {
      throw new Error('EPERM')
    },
  })
  verbs(world.supervisor).stop()
  assert.deepEqual([words(world), world.log], ['web:0 stopping', ['cannot signal', 'cannot signal']])
})

test('after a stall what was said meanwhile counts, whichever is heard first', () => {
  for (const alarmsFirst of [true, false]) {
    const nature: Nature = { onStop: { afterMs: 100, how: 0 } }
    const world = new World({ nature: () => nature })
    world.supervisor.add(specOf(), 'up')
    world.advance(1000)
    const stop = verbs(world.supervisor).stop()
    world.stall(60_000, alarmsFirst)
    assert.deepEqual([stop.words, world.faults], ['0 ok STOPPED', []])
  }
})
