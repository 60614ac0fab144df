// What a next master makes of each thing that the record of a dead one may say. The record is written by
// hand, the processes live in the fake kernel; random storms of the same are in storm.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { State } from '../../src/core/state.ts'
import type { Nature } from '../helpers/fake-os.ts'
import {
  bornIn,
  keptOf,
  orphanedWorld,
  runningWith,
  standing,
  startingWith,
  stoppingWith,
  takeOver,
} from '../helpers/kept.ts'
import { specOf, workerSpec } from '../helpers/specs.ts'

const spec = specOf({ startMs: 1_000, stopMs: 2_000 })

// a spawn that was intended -------------------------------------------------------------------------

test('an intent of which nothing came is carried out, once', () => {
  const world = orphanedWorld()
  const intent = { token: 'never used', pid: null, start: null }
  takeOver(world, keptOf(spec, [{ state: startingWith(null, null), process: intent }]))
  world.advance(1_000)
  assert.deepEqual([standing(world), world.launched.length, world.faults], ['0 running 101', 1, []])
})

test('no intent yet: the process is owed still', () => {
  const world = orphanedWorld()
  takeOver(world, keptOf(spec, [{ state: startingWith(null, null) }]))
  world.advance(1_000)
  assert.deepEqual([standing(world), world.launched.length], ['0 running 101', 1])
})

test('an intent of which a process came is found by its token: no second one is made', () => {
  const world = orphanedWorld()
  const { token, pid } = bornIn(world, spec)
  takeOver(world, keptOf(spec, [{ state: startingWith(null, null), process: { token, pid: null, start: null } }]))
  assert.equal(standing(world), `0 starting ${pid}`)
  world.advance(1_000)
  assert.deepEqual([standing(world), world.launched, world.faults], [`0 running ${pid}`, [], []])
})

test('the process is recorded and its start is not: it is the same process', () => {
  const world = orphanedWorld()
  const process = bornIn(world, spec)
  takeOver(world, keptOf(spec, [{ state: startingWith(null, null), process }]))
  world.advance(1_000)
  assert.deepEqual([standing(world), world.launched], [`0 running ${process.pid}`, []])
})

test('what an intended process left behind when it ended is ended before the next one', () => {
  const world = orphanedWorld()
  const { token, pid } = bornIn(world, spec, { ends: { afterMs: 0, how: 1 }, leaves: ['ignores'] })
  world.advance(1)
  takeOver(world, keptOf(spec, [{ state: startingWith(null, null), process: { token, pid: null, start: null } }]))
  assert.deepEqual([standing(world), world.launched], ['0 backoff', []])
  world.advance(5_000)
  const signals = world.signalled.map(([at, to, signal]) => `${at - 10_001} ${to} ${signal}`)
  assert.deepEqual(signals, [`0 ${-pid} SIGTERM`, `0 ${-pid} SIGCONT`, `2000 ${-pid} SIGKILL`])
  assert.deepEqual([standing(world), world.processes.size, world.faults], ['0 running 103', 1, []])
})

// a process that ran --------------------------------------------------------------------------------

test('a process that lives goes on: nothing is signalled, nothing made, every count kept', () => {
  const world = orphanedWorld()
  const process = bornIn(world, spec)
  const counts = { restarts: 7, recycles: 3, row: 2, failures: 1 }
  takeOver(world, keptOf(spec, [{ state: runningWith(process.pid), process, ...counts }]))
  world.advance(60_000)
  const [i] = world.supervisor.programs.get('web')?.instances ?? []
  const { restarts, recycles, row, failures } = i ?? {}
  assert.deepEqual({ restarts, recycles, row, failures }, counts)
  assert.deepEqual([standing(world), world.signalled, world.launched], [`0 running ${process.pid}`, [], []])
  world.strike(process.pid, 'SIGSEGV')
  world.advance(1_000)
  assert.deepEqual([standing(world), world.faults], ['0 running 102', []])
})

const ends: readonly (readonly [
  policy: 'always' | 'on-failure' | 'never',
  how: number | 'unknown',
  becomes: string,
])[] = [
  ['always', 'unknown', '0 running 102'],
  ['always', 0, '0 running 102'],
  ['on-failure', 'unknown', '0 running 102'],
  ['on-failure', 1, '0 running 102'],
  ['on-failure', 0, '0 exited'],
  ['never', 'unknown', '0 exited'],
  ['never', 1, '0 exited'],
]
for (const [autorestart, how, becomes] of ends) {
  test(`a process that ended meanwhile (${how}) under "${autorestart}" is "${becomes}", and counts once`, () => {
    const world = orphanedWorld()
    const ended = specOf({ autorestart })
    const process = bornIn(world, ended, { ends: { afterMs: 1, how: how === 'unknown' ? 1 : how } })
    world.advance(60_000)
    const kept = keptOf(ended, [{ state: runningWith(process.pid), process, restarts: 4, row: 0 }])
    takeOver(world, kept, { exitsAreSeen: how !== 'unknown' })
    world.advance(1_000)
    const [i] = world.supervisor.programs.get('web')?.instances ?? []
    assert.deepEqual([standing(world), world.signalled, world.faults], [becomes, [], []])
    assert.deepEqual([i?.restarts, i?.exit?.code], [becomes === '0 exited' ? 4 : 5, how === 'unknown' ? null : how])
    world.advance(60_000)
    assert.equal(world.launched.length, becomes === '0 exited' ? 0 : 1)
  })
}

test('a number that another process has by now is not taken for it, and never signalled', () => {
  const world = orphanedWorld()
  const other = bornIn(world, spec)
  const process = { ...other, start: other.start - 1, token: 'of the former one' }
  const kept = keptOf(spec, [{ state: stoppingWith(other.pid, 10_500), process, wanted: 'down' }])
  takeOver(world, kept)
  world.advance(60_000)
  assert.deepEqual([standing(world), world.signalled, world.launched], ['0 stopped', [], []])
})

test('without a row of its own a process counts as ended, and so do leftovers', () => {
  const left = { group: 99, deadline: 11_000, kills: 0 }
  const states: [State, string][] = [
    [runningWith(99), '0 running 101'],
    [stoppingWith(99, 11_000), '0 running 101'],
    [{ ...stoppingWith(99, 11_000), pid: null } as State, '0 running 101'],
    [{ at: 'backoff', until: 9_000, left }, '0 running 101'],
    [{ at: 'exited', left }, '0 exited'],
  ]
  for (const [state, becomes] of states) {
    const world = orphanedWorld()
    takeOver(world, keptOf(spec, [{ state }]))
    world.advance(1_000)
    assert.deepEqual([standing(world), world.signalled], [becomes, []])
  }
})

// a stop that was under way -------------------------------------------------------------------------

const stops: readonly (readonly [name: string, deadline: number, killedAt: number])[] = [
  ['at its recorded deadline', 11_500, 11_500],
  ['at once when that has passed', 7_000, 10_000],
]
for (const [name, deadline, killedAt] of stops) {
  test(`a stop that was under way ends in SIGKILL ${name}, with no second SIGTERM`, () => {
    const world = orphanedWorld()
    const process = { ...bornIn(world, spec, { onStop: 'ignore' }), told: true } as const
    takeOver(world, keptOf(spec, [{ state: stoppingWith(process.pid, deadline), process, wanted: 'down' }]))
    world.advance(5_000)
    assert.deepEqual(world.signalled, [[killedAt, -process.pid, 'SIGKILL']])
    assert.deepEqual(
      [standing(world), world.supervisor.programs.get('web')?.instances[0]?.exit?.forced],
      ['0 stopped', true],
    )
  })
}

test('a stop of which the process may not have heard is said to it, and its grace begins', () => {
  const world = orphanedWorld()
  const process = bornIn(world, spec, { onStop: 'ignore' })
  takeOver(world, keptOf(spec, [{ state: stoppingWith(process.pid, 10_100), process, wanted: 'down' }]))
  world.advance(5_000)
  const signals = world.signalled.map(([at, to, signal]) => `${at - 10_000} ${to} ${signal}`)
  const { pid } = process
  assert.deepEqual(signals, [`0 ${pid} SIGTERM`, `0 ${pid} SIGCONT`, `2000 ${-pid} SIGKILL`])
})

test('a stop whose process ended meanwhile is over: down stays down, up starts again', () => {
  for (const wanted of ['down', 'up'] as const) {
    const world = orphanedWorld()
    const process = bornIn(world, spec, { ends: { afterMs: 1, how: 0 } })
    world.advance(10)
    takeOver(world, keptOf(spec, [{ state: stoppingWith(process.pid, 20_000), process, wanted }]))
    world.advance(1_000)
    assert.deepEqual([standing(world), world.signalled], [wanted === 'up' ? '0 running 102' : '0 stopped', []])
  }
})

// what it left behind -------------------------------------------------------------------------------

const leftStates: readonly (readonly [at: 'backoff' | 'exited' | 'fatal', stands: string, later: string])[] = [
  ['backoff', '0 backoff', '0 running 103'],
  ['exited', '0 exited', '0 exited'],
  ['fatal', '0 fatal', '0 fatal'],
]
for (const [at, stands, later] of leftStates) {
  test(`${at} with leftovers: SIGKILL by the recorded deadline; gone meanwhile, nothing is signalled`, () => {
    for (const lives of [true, false]) {
      const world = orphanedWorld()
      const leaves: Nature['leaves'] = lives ? ['ignores'] : [{ vanishesAfterMs: 0 }]
      const process = bornIn(world, spec, { ends: { afterMs: 0, how: 1 }, leaves })
      world.advance(1)
      const left = { group: process.pid, deadline: 12_000, kills: 0 }
      const state: State = at === 'backoff' ? { at, until: 10_800, left } : { at, left }
      takeOver(world, keptOf(spec, [{ state, process }]))
      world.advance(799 - 1)
      assert.deepEqual([standing(world), world.launched], [stands, []])
      world.advance(10_000)
      assert.deepEqual(world.signalled, lives ? [[12_000, -process.pid, 'SIGKILL']] : [])
      assert.deepEqual([standing(world), world.faults], [later, []])
      if (at === 'backoff') assert.equal(world.launched[0]?.[0], lives ? 12_000 : 10_800, 'its wait stands')
    }
  })
}

// SDK workers ---------------------------------------------------------------------------------------

const slow = workerSpec({ startTimeoutMs: 1_500, workerTimeoutMs: 1_500, stopMs: 2_000 })

test('a worker whose time to be ready has passed gets 5 s to say it again', () => {
  const heard = orphanedWorld()
  const process = bornIn(heard, slow, { readyMs: 0, beatMs: 500 })
  takeOver(heard, keptOf(slow, [{ state: startingWith(process.pid, 6_500), process }]), { knockMs: () => 2_000 })
  heard.advance(60_000)
  assert.deepEqual([standing(heard), heard.signalled], [`0 running ${process.pid}`, []])
  const silent = orphanedWorld()
  const mute = bornIn(silent, slow, { readyMs: null })
  takeOver(silent, keptOf(slow, [{ state: startingWith(mute.pid, 6_500), process: mute }]))
  silent.advance(5_000)
  assert.deepEqual(silent.signalled[0], [15_000, mute.pid, 'SIGTERM'])
})

test('a heartbeat has 5 s to come again', () => {
  const heard = orphanedWorld()
  const process = bornIn(heard, slow, { readyMs: 0, beatMs: 500 })
  takeOver(heard, keptOf(slow, [{ state: runningWith(process.pid), process }]), { knockMs: () => 2_000 })
  heard.advance(60_000)
  assert.deepEqual([standing(heard), heard.signalled], [`0 running ${process.pid}`, []])
  const silent = orphanedWorld()
  const mute = bornIn(silent, slow, { readyMs: 0 })
  takeOver(silent, keptOf(slow, [{ state: runningWith(mute.pid), process: mute }]))
  silent.advance(5_000)
  assert.deepEqual(silent.signalled[0], [15_000, mute.pid, 'SIGABRT'])
})
