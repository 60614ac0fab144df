// What a program waits for, by tables: conditions, words, and who is older than what it depends on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hindranceOf, isOutdated, meets } from '../../src/core/dependencies.ts'
import type { Exit } from '../../src/core/ends.ts'
import type { Program } from '../../src/core/program.ts'
import type { Condition, Health } from '../../src/core/spec.ts'
import { type Instance, newInstance, type State } from '../../src/core/state.ts'
import { specOf } from '../helpers/specs.ts'

const exit = (code: number | null, expected: boolean): Exit => ({
  code,
  signal: code === null ? 'SIGKILL' : null,
  at: 0,
  expected,
  forced: false,
})
const running: State = { at: 'running', pid: 7, since: 50, startedAt: 0, heartbeatBy: null, recycleAt: null }
const starting: State = { at: 'starting', pid: 7, since: 50, startedAt: 0, deadline: 9, said: null }
const stopping: State = {
  at: 'stopping',
  pid: 7,
  group: 7,
  since: 0,
  startedAt: 0,
  deadline: 9,
  kills: 0,
  cause: { kind: 'asked' },
  from: 'running',
}

const db = (state: State, more: Partial<Instance> = {}, slot = 0): Instance => ({
  ...newInstance(specOf({ program: 'db' }), slot, 1, 'up'),
  state,
  ...more,
})

/** A state, what it meets, and what is said by `db`, `db:completed` where that differs; * = stuck. */
const cases: readonly [Instance, Condition[], string | null, string?][] = [
  [db({ at: 'stopped' }, { wanted: 'down' }), [], '*db (STOPPED)'],
  [db({ at: 'waiting', since: 0, stuck: false }), [], 'db:0 (STARTING)'],
  [db({ at: 'waiting', since: 0, stuck: true }), [], '*db:0 (STARTING, waiting itself)'],
  [db({ ...starting, pid: null }), [], 'db:0 (STARTING)'],
  [db(starting), ['started'], 'db:0 (STARTING)'],
  [db(running), ['started', 'running', 'ready', 'healthy'], null, 'db:0 (RUNNING, not ended yet)'],
  [
    db({ ...running, health: 'failing' }),
    ['started', 'running'],
    'db:0 (RUNNING, not healthy)',
    'db:0 (RUNNING, not ended yet)',
  ],
  [
    db({ ...running, withdrawn: 'reloading' }),
    ['started', 'running'],
    'db:0 (RUNNING, not ready)',
    'db:0 (RUNNING, not ended yet)',
  ],
  [db(stopping), [], 'db:0 (STOPPING)'],
  [db(stopping, { wanted: 'down' }), [], '*db (STOPPED)'],
  [db({ at: 'backoff', until: 9, left: null }, { exit: exit(1, false) }), [], 'db:0 (BACKOFF, exit 1)'],
  [
    db({ at: 'backoff', until: 9, left: null }, { failures: 1, exit: exit(null, false) }),
    [],
    '*db:0 (BACKOFF, killed by SIGKILL)',
  ],
  [db({ at: 'fatal', left: null }, { reason: 'ENOENT' }), [], '*db:0 (FATAL, ENOENT)'],
  [db({ at: 'exited', left: null }, { exit: exit(3, false) }), [], '*db:0 (EXITED, exit 3)'],
]

const program = (instances: readonly Instance[], more: Partial<Program> = {}): Program => ({
  name: 'db',
  spec: specOf({ program: 'db' }),
  generation: 1,
  desired: instances.length,
  removed: false,
  lingersUntil: null,
  wanted: 'up',
  instances,
  ...more,
})

function said(condition: Condition, found: Program | null): string | null {
  const on = { dependsOn: [{ program: 'db', condition }] }
  const hindrance = hindranceOf(on, new Map(found ? [['db', found]] : []))
  return hindrance?.text.replace('waiting for ', hindrance.stuck ? '*' : '') ?? null
}

test('each state: which conditions it meets, and what is said of it', () => {
  const all: readonly Condition[] = ['started', 'running', 'ready', 'healthy', 'completed']
  for (const [i, met, ready, completed = ready] of cases) {
    assert.deepEqual(
      all.filter((condition) => meets(i, condition)),
      met,
      JSON.stringify(i.state),
    )
    assert.deepEqual([said('ready', program([i])), said('completed', program([i]))], [ready, completed])
  }
  const done = db({ at: 'exited', left: null }, { exit: exit(0, true) })
  assert.deepEqual([said('completed', program([done])), said('started', program([done]))], [null, null])
  assert.equal(said('ready', program([done])), '*db:0 (EXITED, exit 0)')
})

test('healthy: a check has passed, where there is one; else as ready', () => {
  const check = { kind: 'tcp', address: '127.0.0.1:1', own: false } as const
  const health: Health = { check, intervalMs: 1, timeoutMs: 1, failures: 1, action: 'none' }
  const spec = specOf({ program: 'db', health })
  const checked = (state: Partial<State>) => said('healthy', program([db({ ...running, ...state } as State, { spec })]))
  assert.deepEqual(
    [checked({}), checked({ health: 'failing' }), checked({ health: 'passing' })],
    ['db:0 (RUNNING, not checked yet)', 'db:0 (RUNNING, not healthy)', null],
  )
  assert.equal(checked({ health: 'passing', withdrawn: 'reloading' }), 'db:0 (RUNNING, not ready)')
  assert.equal(said('healthy', program([db(running)])), null)
})

test('all slots that are wanted up must meet it; what is not there yet is waited for', () => {
  const up = db(running)
  const down = db({ at: 'stopped' }, { wanted: 'down' }, 1)
  const slow = db(starting, {}, 1)
  const table: readonly [Program | null, string | null][] = [
    [null, '*db (no such program)'],
    [program([up], { removed: true }), '*db (no such program)'],
    [program([], { desired: 0 }), null],
    [program([], { desired: 1 }), 'db (STARTING)'],
    [program([up, down]), null],
    [program([up, slow]), 'db:1 (STARTING)'],
    // A replacement that is not there yet takes nothing away.
    [program([up, db(starting, { generation: 2 })], { desired: 1 }), null],
  ]
  for (const [found, words] of table) assert.equal(said('ready', found), words)
})

test('many are named up to three, and one that is stuck is enough', () => {
  const dependsOn = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ program: name, condition: 'ready' as const }))
  const hindrance = hindranceOf({ dependsOn }, new Map([['a', program([db(starting)])]]))
  assert.deepEqual(hindrance, {
    text: 'waiting for db:0 (STARTING), b (no such program), c (no such program) and 2 more',
    stuck: true,
  })
})

test('outdated: older than what took the place of another process', () => {
  const web = { ...newInstance(specOf(), 0, 1, 'up'), state: { ...running, since: 100 } }
  const of = (other: Instance, condition: Condition = 'ready', me: Instance = web): boolean =>
    isOutdated(me, { dependsOn: [{ program: 'db', condition }] }, new Map([['db', program([other])]]))
  const young: State = { ...running, since: 200 }
  const came = { exit: exit(1, false) }
  assert.equal(of(db(young, came)), true)
  assert.equal(of(db(young, { replaces: true })), true)
  assert.equal(of(db(young)), false, 'a new slot replaces nothing')
  assert.equal(of(db({ ...running, since: 100 }, came)), false)
  assert.equal(of(db(young, came), 'completed'), false)
  assert.equal(of(db(young, came), 'ready', { ...web, state: stopping }), false, 'it is ending already')
  assert.equal(of(db({ at: 'backoff', until: 300, left: null }, came)), false)
})
