// What instances need of the lock of their program, and what is left of a record when another master has it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type InstanceRow, instanceKey, type Kept, type ProgramRow } from '../../src/core/record.ts'
import { leftToOthers, lockNeed, singlesIn } from '../../src/core/standby.ts'
import { type Instance, newInstance, type State } from '../../src/core/state.ts'
import { specOf } from '../helpers/specs.ts'

const single = specOf({ singleInstance: true })
const running: State = { at: 'running', pid: 7, since: 1, startedAt: 2, heartbeatBy: null, recycleAt: null }
const standby: State = { at: 'standby', of: null }

function one(state: State, wanted: 'up' | 'down' = 'up', generation = 1, spec = single): Instance {
  return { ...newInstance(spec, 0, generation, wanted), state }
}

test('the lock is needed from the wish to the end of the last process, whatever comes between', () => {
  const needs = (...instances: Instance[]): unknown => lockNeed(instances)
  assert.equal(needs(), null)
  assert.equal(needs(one({ at: 'stopped' }, 'down')), null)
  assert.equal(needs(one({ at: 'stopped' })), 'lock')
  assert.equal(needs(one(running)), 'lock')
  assert.equal(needs(one(running, 'down'), one({ at: 'stopped' }, 'down')), 'lock')
  for (const at of ['exited', 'fatal'] as const) assert.equal(needs(one({ at, left: null })), 'lock', at)
  assert.equal(needs(one({ at: 'backoff', until: 1, left: null })), 'lock')
  assert.equal(needs(one(running), one(standby)), 'news')
  assert.equal(needs(one(running, 'up', 1, specOf())), null, 'of another program nothing is asked')
})

function keptOf(...instances: readonly Instance[]): Kept {
  const program: ProgramRow = {
    generation: 3,
    desired: 1,
    removed: false,
    wanted: 'up',
    spec: single,
    rollout: { kind: 'reload', slots: [0], plan: {} as never },
    owesUpdate: false,
  }
  const rows = instances.map((i): InstanceRow => ({ ...i, spec: i.spec === single ? null : i.spec }))
  const empty = { stream: new Map(), file: new Map(), listener: new Map(), settings: new Map(), master: new Map() }
  return {
    ...empty,
    program: new Map([['web', program]]),
    instance: new Map(rows.map((row) => [instanceKey(row), row])),
    process: new Map(rows.map((row) => [instanceKey(row), { token: 't', pid: 7, start: 1 }])),
  }
}

test('a record names the programs that had their lock', () => {
  assert.deepEqual([...singlesIn(keptOf(one(running)))], ['web'])
  assert.deepEqual([...singlesIn(keptOf(one(running, 'down')))], ['web'])
  assert.deepEqual([...singlesIn(keptOf(one({ at: 'stopped' }, 'down'), one(standby, 'up', 2)))], [])
  assert.deepEqual([...singlesIn(keptOf(one(running, 'up', 1, specOf())))], [])
})

const left: readonly [was: Instance[], is: unknown[]][] = [
  [[one(running)], [[1, 'up', 'standby']]],
  [[one(running, 'down')], [[1, 'down', 'stopped']]],
  [[one(running), one({ at: 'stopped' }, 'up', 2)], [[2, 'up', 'standby']]],
  [[one(running), one(running, 'down', 2)], [[1, 'up', 'standby']]],
  [[one(running, 'down'), one(running, 'down', 2)], [[2, 'down', 'stopped']]],
]

test('what another master has is no process of ours: one instance a slot is left, without a plan', () => {
  for (const [was, is] of left) {
    const kept = leftToOthers(keptOf(...was), new Set(['web']))
    const rows = [...kept.instance.values()]
    assert.deepEqual(
      rows.map(({ generation, wanted, state }) => [generation, wanted, state.at]),
      is,
    )
    assert.deepEqual([kept.process.size, kept.program.get('web')?.rollout], [0, null])
  }
  const other = keptOf(one(running))
  assert.equal(leftToOthers(other, new Set()), other)
  assert.equal(leftToOthers(other, new Set(['job'])).process.size, 1)
})
