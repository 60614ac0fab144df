// What the instances of a program add up to: its state, its slots, and what is too few or too many.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backoffMs } from '../../src/core/backoff.ts'
import {
  foldState,
  forgettable,
  nameOf,
  type Program,
  reconcile,
  slotOf,
  slotsOf,
  wordOf,
} from '../../src/core/program.ts'
import { type Instance, newInstance, type State } from '../../src/core/state.ts'
import { specOf } from '../helpers/specs.ts'

const spec = specOf()
const life = { since: 0, startedAt: 0 }
const states = {
  stopped: { at: 'stopped' },
  waiting: { at: 'waiting', since: 0, stuck: false },
  starting: { at: 'starting', pid: 7, ...life, deadline: 9, said: null },
  running: { at: 'running', pid: 7, ...life, heartbeatBy: null, recycleAt: null },
  stopping: {
    at: 'stopping',
    pid: 7,
    group: 7,
    ...life,
    deadline: 9,
    kills: 0,
    cause: { kind: 'asked' },
    from: 'running',
  },
  backoff: { at: 'backoff', until: 9, left: null },
  exited: { at: 'exited', left: null },
  fatal: { at: 'fatal', left: null },
  standby: { at: 'standby', of: 'blue' },
} as const satisfies Record<State['at'], State>
type At = keyof typeof states

/** `running`, or `-stopping` for one that is wanted down. */
type Word = At | `-${At}`

function instance(word: Word, slot = 0, generation = 1): Instance {
  const wanted = word.startsWith('-') ? 'down' : 'up'
  const at = word.replace('-', '') as At
  return { ...newInstance(spec, slot, generation, wanted), state: states[at] }
}

const program = (instances: readonly Instance[], more: Partial<Program> = {}): Program => ({
  name: 'web',
  spec,
  lingersUntil: null,
  generation: 3,
  desired: new Set(instances.map((i) => i.slot)).size,
  removed: false,
  wanted: 'up',
  instances,
  ...more,
})

test('words and names', () => {
  const words = (Object.keys(states) as At[]).map((at) => wordOf(instance(at)))
  assert.deepEqual(words, [
    'STOPPED',
    'STARTING',
    'STARTING',
    'RUNNING',
    'STOPPING',
    'BACKOFF',
    'EXITED',
    'FATAL',
    'STANDBY',
  ])
  assert.equal(nameOf('web', 12), 'web:12')
})

const folds: readonly [processes: Word[], state: string][] = [
  [[], 'STOPPED'],
  [['running'], 'RUNNING'],
  [['running', 'running'], 'RUNNING'],
  [['running', '-stopped'], 'RUNNING'],
  [['running', '-stopping'], 'RUNNING'],
  [['running', 'starting'], 'DEGRADED'],
  [['running', 'backoff'], 'DEGRADED'],
  [['standby', 'exited'], 'STANDBY'],
  [['standby', 'stopping'], 'STOPPING'],
  [['running', 'standby'], 'DEGRADED'],
  [['running', 'fatal'], 'DEGRADED'],
  [['running', 'exited'], 'DEGRADED'],
  [['running', 'stopping'], 'DEGRADED'],
  [['fatal', 'backoff', 'starting', 'stopping', 'exited'], 'FATAL'],
  [['exited', 'stopping', 'starting', 'backoff'], 'BACKOFF'],
  [['exited', 'stopping', 'starting'], 'STARTING'],
  [['exited', 'stopping'], 'STOPPING'],
  [['exited', 'exited'], 'EXITED'],
  [['exited', '-stopped'], 'EXITED'],
  [['-stopped'], 'STOPPED'],
  [['-stopped', '-stopped'], 'STOPPED'],
  [['-stopped', '-stopping'], 'STOPPING'],
  [['fatal', '-stopping'], 'FATAL'],
]

test('the state of a program is folded over the processes wanted up', () => {
  for (const [words, state] of folds) {
    const slots = slotsOf(program(words.map((word, slot) => instance(word, slot))))
    assert.equal(foldState(slots), state, words.join())
  }
})

/** Which of two in one slot users see: the older, or the newer; and whether the newer is shown as a replacement. */
const pairs: readonly [older: Word, newer: Word, seen: 'older' | 'newer'][] = [
  ['running', 'starting', 'older'],
  ['running', 'backoff', 'older'],
  ['running', '-stopping', 'older'],
  ['running', '-stopped', 'older'],
  ['running', 'running', 'newer'],
  ['-stopping', 'running', 'newer'],
  ['-stopping', 'starting', 'newer'],
  ['-stopping', 'backoff', 'newer'],
  ['backoff', 'starting', 'newer'],
  ['fatal', 'starting', 'newer'],
  ['-stopped', 'starting', 'newer'],
  // One that leaves does not speak for a slot in which another stays.
  ['backoff', '-stopping', 'older'],
  ['starting', '-stopping', 'older'],
  ['starting', '-stopped', 'older'],
  ['stopping', '-stopping', 'older'],
  // Both leave: whoever is still there.
  ['-stopping', '-stopped', 'older'],
  ['-stopping', '-stopping', 'newer'],
]

test('with two instances in a slot, the one that stays and has something to show is seen', () => {
  for (const [olderWord, newerWord, seen] of pairs) {
    const older = instance(olderWord, 1, 1)
    const newer = instance(newerWord, 1, 2)
    const [, slot] = slotsOf(program([instance('running', 0), older, newer, instance('running', 2)]))
    const wanted =
      seen === 'newer'
        ? { slot: 1, serving: newer, replacement: null }
        : { slot: 1, serving: older, replacement: newer }
    assert.deepEqual(slot, wanted, `${olderWord} and ${newerWord}`)
    assert.deepEqual(slotOf(program([older, newer]), 1), wanted)
  }
  assert.equal(slotOf(program([instance('running')]), 5), null)
})

test('reconcile: missing slots are made, surplus ones dropped, and nothing else', () => {
  const orders = (words: Word[], more: Partial<Program>): string[] =>
    reconcile(
      program(
        words.map((word, slot) => instance(word, slot)),
        more,
      ),
    ).map((o) =>
      o.do === 'create'
        ? `create ${o.slot} ${o.wanted} ${o.generation}`
        : o.do === 'drop'
          ? `drop ${o.instance.slot}`
          : o.do,
    )
  assert.deepEqual(orders(['running'], { desired: 3 }), ['create 1 up 3', 'create 2 up 3'])
  assert.deepEqual(orders(['running', 'running', 'fatal'], { desired: 1 }), ['drop 1', 'drop 2'])
  assert.deepEqual(orders(['running', '-stopping'], { desired: 1 }), [], 'it leaves already')
  assert.deepEqual(orders(['-stopped'], { desired: 2 }), ['create 1 down 3'], 'all down: new ones stay down')
  assert.deepEqual(orders(['-stopped', 'fatal'], { desired: 3 }), ['create 2 up 3'])
  assert.deepEqual(orders(['-stopped', 'running'], { desired: 1 }), ['drop 1'])
  assert.deepEqual(orders([], { desired: 1, wanted: 'down' }), ['create 0 down 3'])
  assert.deepEqual(orders([], { desired: 1, wanted: 'up' }), ['create 0 up 3'])
  assert.deepEqual(orders(['running', 'exited'], { removed: true, desired: 2 }), ['drop 0', 'drop 1'])
  for (const word of ['exited', 'fatal', 'backoff', 'stopping', '-stopped', 'running'] as const) {
    assert.deepEqual(orders([word], { desired: 1 }), [], `${word} is left alone`)
  }
})

test('forgettable: stopped and of no use any more', () => {
  const gone = (instances: Instance[], more: Partial<Program> = {}): string[] =>
    forgettable(program(instances, more)).map((i) => `${i.slot}/${i.generation}`)
  assert.deepEqual(gone([instance('-stopped')]), [])
  assert.deepEqual(gone([instance('-stopped'), instance('-stopped', 1)], { desired: 1 }), ['1/1'])
  assert.deepEqual(gone([instance('-stopped'), instance('-stopping', 1)], { removed: true }), ['0/1'])
  assert.deepEqual(gone([instance('-stopped', 0, 1), instance('running', 0, 2)]), ['0/1'])
  assert.deepEqual(gone([instance('running', 0, 1), instance('-stopped', 0, 2)]), ['0/2'])
  assert.deepEqual(gone([instance('-stopped', 0, 1), instance('-stopped', 0, 2)]), ['0/1'], 'the newer one stays')
  assert.deepEqual(
    gone([instance('-stopping', 0, 1), instance('-stopped', 0, 2)]),
    [],
    'both leave: the newer settings stay',
  )
  assert.deepEqual(gone([instance('exited'), instance('fatal', 1)], { desired: 0 }), [], 'they are dropped first')
})

test('backoff: the first is at once, then it doubles, up to the limit and a tenth', () => {
  const waits = [0, 1, 2, 3, 4, 5, 10, 11, 12, 10_000].map((row) => backoffMs(spec, row, 0))
  assert.deepEqual(waits, [0, 0, 100, 200, 400, 800, 25_600, 30_000, 30_000, 30_000])
  assert.ok(Math.abs(backoffMs(spec, 3, 1) - 220) < 1e-9)
  fc.assert(
    fc.property(
      fc.nat(),
      fc.nat(1e9),
      fc.nat(1e9),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (row, initial, max, random) => {
        const wait = backoffMs({ backoffInitialMs: initial, backoffMaxMs: max }, row, random)
        return Number.isFinite(wait) && wait >= 0 && wait <= max * 1.1 + 1
      },
    ),
  )
})
