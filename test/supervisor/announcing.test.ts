// What a service manager is told, and when: with a clock that moves only when told.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Program } from '../../src/core/program.ts'
import { type Instance, newInstance, type State } from '../../src/core/state.ts'
import { type Announcer, announcerOf } from '../../src/supervisor/announcing.ts'
import type { Notice } from '../../src/supervisor/ports.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { specOf } from '../helpers/specs.ts'

interface Stage {
  readonly announcer: Announcer
  readonly clock: FakeClock
  readonly told: string[][]
  /** These are the processes now. */
  change(instances: readonly Instance[]): void
  /** Time goes on, and what is due fires. */
  pass(ms: number): void
}

function stage(watchdogMs: number | null = null, isThere = true): Stage {
  const clock = new FakeClock()
  const told: string[][] = []
  const programs = new Map<string, Program>()
  const watchers = new Set<(notice: Notice) => void>()
  const supervisor = {
    programs,
    watch(watcher: (notice: Notice) => void) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
  }
  const tell = (...lines: readonly string[]): void => void told.push([...lines])
  const announcer = announcerOf({ notifier: isThere ? { tell, watchdogMs } : null, supervisor, clock, pid: 7 })
  return {
    announcer,
    clock,
    told,
    change(instances) {
      programs.set('web', { instances } as Program)
      for (const watcher of watchers) watcher({ kind: 'instance', before: null, after: instances[0] ?? null })
    },
    pass(ms) {
      clock.time += ms
      clock.fireDue()
    },
  }
}

const one = (slot: number, state: State, more: Partial<Instance> = {}): Instance => ({
  ...newInstance(specOf({}), slot, 1, 'up'),
  state,
  ...more,
})
const up = (slot: number): Instance =>
  one(slot, { at: 'running', pid: slot + 10, since: 0, startedAt: 0, heartbeatBy: null, recycleAt: null })

test('STATUS follows what runs, on change, at most once a second; at rest nothing is armed', () => {
  const { announcer, clock, told, change, pass } = stage()
  change([one(0, { at: 'stopped' })])
  assert.deepEqual([told, clock.alarms.size], [[], 0], 'not before it is ready')
  announcer.ready()
  assert.deepEqual(told.splice(0), [['READY=1', 'MAINPID=7', 'STATUS=0 of 1 running']])
  change([up(0)])
  change([up(0), one(1, { at: 'backoff', until: 1, left: null })])
  pass(999)
  assert.deepEqual(told, [])
  pass(1)
  assert.deepEqual(told.splice(0), [['STATUS=1 of 2 running']])
  change([up(0), one(1, { at: 'fatal', left: null })])
  pass(5_000)
  assert.deepEqual(told, [], 'the same text is no news')
  change([up(0), up(1)])
  pass(0)
  assert.deepEqual(told.splice(0), [['STATUS=2 of 2 running']])
  assert.equal(clock.alarms.size, 0)
})

test('who is not wanted, or has ended as it should, is not missing', () => {
  const { announcer, told, change } = stage()
  const exit = { code: 0, signal: null, at: 0, forced: false }
  change([
    up(0),
    one(1, { at: 'stopped' }, { wanted: 'down' }),
    one(2, { at: 'exited', left: null }, { exit: { ...exit, expected: true } }),
    one(3, { at: 'exited', left: null }, { exit: { ...exit, expected: false } }),
  ])
  announcer.ready()
  assert.equal(told[0]?.[2], 'STATUS=1 of 2 running')
})

test('a reload that is overtaken by the end is not told as ready', () => {
  const { announcer, clock, told, change, pass } = stage()
  change([up(0)])
  announcer.ready()
  clock.time = 2.0004
  announcer.reloading()
  announcer.stopping()
  announcer.reloaded(null)
  announcer.reloading()
  assert.deepEqual(told.slice(1), [
    ['RELOADING=1', 'MONOTONIC_USEC=2001', 'STATUS=1 of 1 running'],
    ['STOPPING=1', 'STATUS=stopping: 1 left'],
  ])
  change([one(0, { at: 'stopped' }, { wanted: 'down' })])
  pass(1_000)
  assert.deepEqual(told.at(-1), ['STATUS=stopping: 0 left'])
})

test('what went wrong with a reload stands in STATUS until the next one', () => {
  const { announcer, told } = stage()
  announcer.ready()
  announcer.reloading()
  announcer.reloaded('it was bad')
  announcer.reloading()
  announcer.reloaded(null)
  assert.deepEqual(
    told.map((lines) => lines.at(-1)?.slice(7)),
    ['0 of 0 running', '0 of 0 running', '0 of 0 running; it was bad', '0 of 0 running; it was bad', '0 of 0 running'],
  )
})

test('WATCHDOG=1 at half of the time, where it is waited for', () => {
  const { announcer, told, pass } = stage(100)
  announcer.ready()
  assert.deepEqual(told.splice(0).at(-1), ['WATCHDOG=1'])
  pass(49)
  assert.deepEqual(told, [])
  pass(1)
  pass(50)
  assert.deepEqual(told, [['WATCHDOG=1'], ['WATCHDOG=1']])
})

test('without a service manager nothing is armed and nothing is told', () => {
  const { announcer, clock, told, change } = stage(100, false)
  announcer.ready()
  change([up(0)])
  announcer.reloading()
  announcer.reloaded(null)
  announcer.stopping()
  assert.deepEqual([told, clock.alarms.size], [[], 0])
})
