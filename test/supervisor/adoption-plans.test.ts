// What was under way when a master died, and goes on under the next: replacements, updates, recycling,
// the end of the master itself; and the record that is made anew when the written one is lost.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeptRollout } from '../../src/core/record.ts'
import type { Spec } from '../../src/core/spec.ts'
import { rebuild } from '../../src/supervisor/rebuilding.ts'
import type { World } from '../helpers/fake-os.ts'
import { bornIn, keptOf, orphanedWorld, runningWith, standing, startingWith, takeOver } from '../helpers/kept.ts'
import { verbs } from '../helpers/operate.ts'
import { specOf, workerSpec } from '../helpers/specs.ts'
import { beginWith } from '../helpers/storm-file.ts'

const generations = (world: World): string =>
  (world.supervisor.programs.get('web')?.instances ?? [])
    .map(({ slot, generation, state }) => `${slot}/${generation} ${state.at}`)
    .join(', ')

const reloadOf = (
  strategy: 'start-first' | 'stop-first',
  todo: readonly number[],
  under: readonly number[],
): KeptRollout => ({
  kind: 'reload',
  slots: [0, 1],
  plan: { generation: 2, strategy, parallel: 1, todo, under, done: [], failed: null },
})

// replacements --------------------------------------------------------------------------------------

test('a reload in the middle, old and new process alive: it goes on, and ends', () => {
  const spec = specOf({ workers: 2, reloadStrategy: 'start-first' })
  const world = orphanedWorld()
  const [old, fresh, next] = [bornIn(world, spec), bornIn(world, spec), bornIn(world, spec, {}, 1)]
  const kept = keptOf(
    spec,
    [
      { state: runningWith(old.pid), process: old },
      { generation: 2, state: startingWith(fresh.pid, 10_500), process: fresh },
      { slot: 1, state: runningWith(next.pid), process: next },
    ],
    { rollout: reloadOf('start-first', [1], [0]) },
  )
  takeOver(world, kept)
  assert.equal(generations(world), '0/1 running, 0/2 starting, 1/1 running')
  world.advance(10_000)
  assert.deepEqual([generations(world), world.faults], ['0/2 running, 1/2 running', []])
  assert.deepEqual([world.launched.length, world.store.durable.program.get('web')?.rollout], [1, null])
})

test('a reload whose new process ended meanwhile has failed: the old one stays, the others are left alone', () => {
  const spec = specOf({ workers: 2, reloadStrategy: 'start-first' })
  const world = orphanedWorld()
  const [old, next] = [bornIn(world, spec), bornIn(world, spec, {}, 1)]
  const fresh = bornIn(world, spec, { ends: { afterMs: 1, how: 3 } })
  world.advance(10)
  const kept = keptOf(
    spec,
    [
      { state: runningWith(old.pid), process: old },
      { generation: 2, state: startingWith(fresh.pid, 10_500), process: fresh },
      { slot: 1, state: runningWith(next.pid), process: next },
    ],
    { rollout: reloadOf('start-first', [1], [0]) },
  )
  takeOver(world, kept)
  world.advance(10_000)
  assert.deepEqual([generations(world), world.launched, world.signalled], ['0/1 running, 1/1 running', [], []])
})

test('stop-first: the slot whose old process has ended starts anew, then the next one is replaced', () => {
  const spec = specOf({ workers: 2 })
  const world = orphanedWorld()
  const next = bornIn(world, spec, {}, 1)
  const kept = keptOf(
    spec,
    [
      { generation: 2, state: startingWith(null, null) },
      { slot: 1, state: runningWith(next.pid), process: next },
    ],
    { rollout: reloadOf('stop-first', [1], [0]) },
  )
  takeOver(world, kept)
  world.advance(999)
  assert.equal(standing(world), `0 starting 102, 1 running ${next.pid}`)
  world.advance(2_000)
  assert.deepEqual([generations(world), world.faults], ['0/2 running, 1/2 running', []])
})

test('an update that waited for its turn is carried out, and one that had failed is not tried again', () => {
  for (const owesUpdate of [true, false]) {
    const spec = specOf({ workers: 2, stopMs: 77 })
    const world = orphanedWorld()
    const [one, other] = [bornIn(world, spec), bornIn(world, spec, { ends: { afterMs: 1, how: 1 } }, 1)]
    world.advance(10)
    const older = { ...spec, stopMs: 99 }
    const kept = keptOf(
      spec,
      [
        { spec: older, state: runningWith(one.pid), process: one },
        { slot: 1, spec: older, state: runningWith(other.pid), process: other },
      ],
      { owesUpdate },
    )
    takeOver(world, kept)
    world.advance(10_000)
    const stops = world.supervisor.programs.get('web')?.instances.map((i) => i.spec.stopMs)
    assert.deepEqual([stops, world.faults], [owesUpdate ? [77, 77] : [99, 99], []])
  }
})

test('FATAL and EXITED stay, whatever a reload does beside them', () => {
  const spec = specOf({ workers: 3 })
  const world = orphanedWorld()
  const process = bornIn(world, spec)
  const kept = keptOf(
    spec,
    [
      { state: runningWith(process.pid), process },
      { slot: 1, state: { at: 'fatal', left: null }, reason: 'because' },
      { slot: 2, state: { at: 'exited', left: null } },
    ],
    { rollout: reloadOf('stop-first', [0], []) },
  )
  takeOver(world, kept)
  world.advance(60_000)
  assert.equal(standing(world), '0 running 102, 1 fatal, 2 exited')
})

test('a replacement that its age had asked for is asked for again; other dates stand', () => {
  const spec = specOf({ maxAgeMs: 6_000, maxAgeJitter: { amount: 0 } })
  for (const [recycleAt, asksAt] of [
    [null, 15_000],
    [12_000, 12_000],
  ] as const) {
    const world = orphanedWorld()
    const process = bornIn(world, spec)
    const running = { ...runningWith(process.pid), recycleAt } as ReturnType<typeof runningWith>
    takeOver(world, keptOf(spec, [{ state: running, process }]))
    world.advance(asksAt - 10_000 - 1)
    assert.deepEqual(world.signalled, [])
    world.advance(1)
    assert.equal(world.signalled[0]?.[0], asksAt)
  }
})

// the end of the master -----------------------------------------------------------------------------

test('killed on its way out: what it had stopped starts again, once, with the count of the file', () => {
  const [web, rests] = [specOf({ workers: 2 }), specOf({ program: 'rests', autostart: false })]
  const file = new Map<string, Spec>([
    [web.program, web],
    [rests.program, rests],
  ])
  const world = orphanedWorld()
  const stopped = { state: { at: 'stopped' }, wanted: 'down' } as const
  const kept = keptOf(web, [stopped], { desired: 1 })
  const both = {
    ...kept,
    program: new Map([...kept.program, ...keptOf(rests, []).program]),
    instance: new Map([...kept.instance, ...keptOf(rests, [stopped]).instance]),
    master: new Map([['state', { stopping: true }]]),
  }
  takeOver(world, both, { begin: (read) => beginWith(file, world, read, () => undefined) })
  world.advance(1_000)
  assert.deepEqual([standing(world), standing(world, 'rests')], ['0 running 101, 1 running 102', '0 stopped'])
  verbs(world.supervisor).scale(1)
  verbs(world.supervisor).stop()
  world.advance(1_000)
  world.crash()
  world.succeed({ begin: (read) => beginWith(file, world, read, () => undefined) })
  world.advance(10_000)
  assert.deepEqual([standing(world), world.launched.length], ['0 stopped', 2], 'this time somebody had asked')
})

// the record is lost --------------------------------------------------------------------------------

const found = (program: string, slot: number, pid: number, start: number) => ({
  program,
  slot,
  pid,
  start,
  token: `token ${pid}`,
  stdout: null,
  stderr: null,
})

test('rebuilt: of two in one slot the newer stays; what no program names is ended, then forgotten', () => {
  const world = orphanedWorld()
  const [web, gone] = [specOf(), specOf({ program: 'gone', stopMs: 500 })]
  const old = bornIn(world, web)
  const other = bornIn(world, gone, { onStop: 'ignore' })
  world.advance(100)
  const fresh = bornIn(world, web)
  world.succeed({ lostWith: new Map([['web', web]]) })
  world.settle()
  assert.equal(standing(world), `0 stopping ${old.pid}, 0 running ${fresh.pid}`.replace('0 stopping 101, ', ''))
  world.advance(11_000)
  assert.deepEqual([standing(world), standing(world, 'gone')], [`0 running ${fresh.pid}`, 'none'])
  assert.deepEqual([world.processes.size, world.launched, world.faults], [1, [], []])
  assert.deepEqual(
    world.signalled.filter(([, , signal]) => signal === 'SIGKILL'),
    [[20_100, -other.pid, 'SIGKILL']],
  )
})

test('rebuilt: a slot beyond the count goes, a missing one comes', () => {
  const world = orphanedWorld()
  const web = specOf({ workers: 2 })
  const [first, third] = [bornIn(world, web), bornIn(world, web, {}, 2)]
  world.succeed({ lostWith: new Map([['web', web]]) })
  world.advance(1_000)
  assert.equal(standing(world), `0 running ${first.pid}, 1 running 103`)
  assert.deepEqual(world.signalled[0], [10_000, third.pid, 'SIGTERM'])
})

test('rebuilt: a worker has yet to say that it is ready, any other has lived long enough', () => {
  const specs = new Map([
    ['job', workerSpec({ program: 'job' })],
    ['web', specOf()],
  ])
  const kept = rebuild([found('job', 0, 7, 100), found('web', 0, 8, 200)], specs, { now: 9_000, wall: 1_000_000 })
  const states = [...kept.instance.values()].map(({ state }) => state)
  assert.deepEqual(states, [
    { at: 'starting', pid: 7, since: 1_000, startedAt: 992_000, deadline: 69_000, said: null },
    { at: 'running', pid: 8, since: 2_000, startedAt: 993_000, heartbeatBy: null, recycleAt: null },
  ])
  assert.deepEqual([...kept.process.keys()], ['job:0:1', 'web:0:1'])
})

test('what waited for its turn is done, in its order, after what was under way has come to rest', () => {
  const spec = specOf({ workers: 2, startMs: 1_000 })
  const world = orphanedWorld()
  const [one, other] = [bornIn(world, spec), bornIn(world, spec, {}, 1)]
  const kept = keptOf(
    spec,
    [
      { state: startingWith(one.pid, 10_500), process: one },
      { slot: 1, state: runningWith(other.pid), process: other },
    ],
    {
      owed: [
        { kind: 'settle', slots: [0] },
        { kind: 'restart', slots: [1], whole: false },
        { kind: 'scale', count: { by: 1 } },
        { kind: 'scale', count: { by: -4 } },
        { kind: 'reload', slots: [0, 1], byName: true, whole: true },
        { kind: 'scale', count: { to: 2 } },
      ],
    },
  )
  takeOver(world, kept)
  assert.deepEqual(world.signalled, [], 'the first start is waited for')
  world.advance(60_000)
  assert.deepEqual([generations(world), world.faults], ['0/2 running, 1/2 running', []])
  assert.equal(world.launched.length, 4, 'the restart, the third slot, two that were reloaded')
  assert.equal(world.store.durable.program.get('web')?.owed, undefined)
})
