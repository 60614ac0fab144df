// The table: what each state makes of each event, every pair of them pinned; and the table as the
// documentation prints it.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Hook } from '../../src/core/hooks.ts'
import { rules } from '../../src/core/instance.ts'
import type { Health, HookName } from '../../src/core/spec.ts'
import { type At, deadlineOf, type Event, type Instance, newInstance, type State } from '../../src/core/state.ts'
import { packageFile } from '../../src/package.ts'
import * as say from '../helpers/specs.ts'
import { names, play, specOf, workerSpec } from '../helpers/specs.ts'
import { eventNames, stateTable } from '../helpers/state-table.ts'

const NOW = 50_000
const left = { group: 7, deadline: 60_000, kills: 0 }
const ran = { since: 40_000, startedAt: 1 }
const hookAt = (name: HookName, deadline = NOW): Hook => ({ name, argv: ['x'], timeoutMs: 1_000, pid: 8, deadline })

/** One instance of each state that differs in what it does. */
const places: Readonly<Record<string, State>> = {
  stopped: { at: 'stopped' },
  waiting: { at: 'waiting', since: 0, stuck: false },
  'starting, spawn owed': { at: 'starting', pid: null, ...ran, deadline: null, said: null },
  starting: { at: 'starting', pid: 7, ...ran, deadline: NOW, said: null },
  running: { at: 'running', pid: 7, ...ran, heartbeatBy: null, recycleAt: null },
  stopping: {
    at: 'stopping',
    pid: 7,
    group: 7,
    ...ran,
    deadline: NOW,
    kills: 0,
    cause: { kind: 'asked' },
    from: 'running',
  },
  'stopping, group left': {
    at: 'stopping',
    pid: null,
    group: 7,
    ...ran,
    deadline: NOW,
    kills: 0,
    cause: { kind: 'asked' },
    from: 'running',
  },
  'starting, pre_start runs': {
    at: 'starting',
    pid: null,
    ...ran,
    deadline: null,
    said: null,
    hook: hookAt('pre_start'),
  },
  'running, post_start and a check run': {
    at: 'running',
    pid: 7,
    ...ran,
    heartbeatBy: null,
    recycleAt: null,
    check: { phase: 'asks', due: NOW, failures: 0, error: null, at: null },
    hook: hookAt('post_start', NOW + 1),
  },
  'stopping, pre_stop runs': {
    at: 'stopping',
    pid: 7,
    group: 7,
    ...ran,
    deadline: NOW - 1,
    kills: 0,
    cause: { kind: 'asked' },
    from: 'running',
    hook: hookAt('pre_stop'),
  },
  'stopping, post_stop runs': {
    at: 'stopping',
    pid: null,
    group: 7,
    ...ran,
    deadline: NOW - 1,
    kills: 0,
    cause: { kind: 'ended', end: { code: 1, signal: null, left: false }, ranMs: 100 },
    from: 'running',
    hook: hookAt('post_stop'),
  },
  backoff: { at: 'backoff', until: NOW, left: null },
  'backoff, leftovers': { at: 'backoff', until: NOW, left },
  exited: { at: 'exited', left: null },
  'exited, leftovers': { at: 'exited', left },
  standby: { at: 'standby', of: 'blue (pid 9)' },
  fatal: { at: 'fatal', left: null },
  'fatal, leftovers': { at: 'fatal', left },
}

const events: Readonly<Record<Event['type'], Event>> = {
  start: say.start,
  run: say.run,
  stop: say.stop,
  restart: say.restart,
  kill: say.kill,
  spawned: say.spawned(8),
  spawnFailed: say.spawnFailed('EAGAIN'),
  ready: say.ready,
  said: say.said('boom'),
  beat: say.beat,
  exited: say.exited(1),
  emptied: say.emptied,
  untold: say.untold,
  deadline: say.deadline,
  recycleLater: say.recycleLater(99_000),
  missed: say.missed('ECONNREFUSED'),
  withdrew: say.withdrew('reloading'),
  status: say.status('at work'),
  extend: say.extend(5_000),
  hangs: say.hangs,
  depsOk: say.depsOk,
  waits: say.waits('waiting for db', true),
  lockGot: say.lockGot,
  lockTaken: say.lockTaken('green (pid 10)'),
  lockLost: say.lockLost('etcd is away', true),
  checking: say.checking,
  checked: say.checked('answered 503'),
  hookSpawned: say.hookSpawned(9),
  hookFailed: say.hookFailed('ENOENT'),
  hookEnded: say.hookEnded(0),
}

/** What each pair does: the state that follows, then the effects. A pair that is not here changes nothing at all. */
const outcomes: Readonly<Record<string, Partial<Record<Event['type'], string>>>> = {
  stopped: { start: 'starting spawn', run: 'starting spawn', restart: 'starting spawn' },
  waiting: { stop: 'stopped', kill: 'stopped', depsOk: 'starting spawn', waits: 'waiting' },
  'starting, spawn owed': {
    lockGot: 'starting spawn',
    waits: 'waiting',
    stop: 'stopped',
    restart: 'starting',
    kill: 'stopped',
    spawned: 'starting',
    spawnFailed: 'backoff',
    said: 'starting',
    status: 'starting',
    exited: 'backoff',
    lockTaken: 'standby',
  },
  standby: {
    start: 'starting spawn',
    run: 'starting spawn',
    restart: 'starting spawn',
    stop: 'stopped',
    kill: 'stopped',
    lockGot: 'starting spawn',
    lockTaken: 'standby',
  },
  starting: {
    lockLost: 'stopping -SIGKILL',
    stop: 'stopping SIGTERM SIGCONT',
    restart: 'stopping SIGTERM SIGCONT',
    kill: 'stopping -SIGKILL',
    spawned: 'starting',
    said: 'starting',
    missed: 'starting',
    status: 'starting',
    hangs: 'stopping SIGABRT SIGCONT',
    exited: 'backoff',
    deadline: 'running',
  },
  running: {
    lockLost: 'stopping -SIGKILL',
    stop: 'stopping SIGTERM SIGCONT',
    restart: 'stopping SIGTERM SIGCONT',
    kill: 'stopping -SIGKILL',
    withdrew: 'running',
    status: 'running',
    hangs: 'stopping SIGABRT SIGCONT',
    exited: 'backoff',
  },
  stopping: {
    lockLost: 'stopping -SIGKILL look',
    start: 'stopping',
    stop: 'stopping',
    restart: 'stopping',
    kill: 'stopping -SIGKILL look',
    status: 'stopping',
    extend: 'stopping',
    exited: 'starting spawn',
    deadline: 'stopping -SIGKILL look',
    untold: 'stopping SIGTERM SIGCONT',
  },
  'stopping, group left': {
    lockLost: 'stopping -SIGKILL look',
    start: 'stopping',
    stop: 'stopping',
    restart: 'stopping',
    kill: 'stopping -SIGKILL look',
    status: 'stopping',
    exited: 'starting spawn',
    emptied: 'starting spawn',
    deadline: 'stopping -SIGKILL look',
  },
  'starting, pre_start runs': {
    lockLost: 'stopping -SIGKILL',
    stop: 'stopping -SIGTERM -SIGCONT',
    restart: 'stopping -SIGTERM -SIGCONT',
    kill: 'stopping -SIGKILL',
    said: 'starting',
    status: 'starting',
    exited: 'backoff -SIGKILL',
    deadline: 'stopping -SIGKILL',
    hookFailed: 'backoff complain',
    hookEnded: 'starting spawn',
  },
  'running, post_start and a check run': {
    lockLost: 'stopping -SIGKILL -SIGKILL',
    stop: 'stopping -SIGKILL SIGTERM SIGCONT',
    restart: 'stopping -SIGKILL SIGTERM SIGCONT',
    kill: 'stopping -SIGKILL -SIGKILL',
    withdrew: 'running',
    status: 'running',
    hangs: 'stopping -SIGKILL SIGABRT SIGCONT',
    exited: 'backoff -SIGKILL',
    deadline: 'running',
    checked: 'running',
    hookFailed: 'running complain',
    hookEnded: 'running',
  },
  'stopping, pre_stop runs': {
    lockLost: 'stopping -SIGKILL -SIGKILL look',
    start: 'stopping',
    stop: 'stopping',
    restart: 'stopping',
    kill: 'stopping -SIGKILL -SIGKILL look',
    status: 'stopping',
    exited: 'stopping',
    deadline: 'stopping -SIGKILL complain SIGTERM SIGCONT',
    hookFailed: 'stopping complain SIGTERM SIGCONT',
    hookEnded: 'stopping SIGTERM SIGCONT',
  },
  'stopping, post_stop runs': {
    lockLost: 'starting -SIGKILL spawn',
    start: 'stopping',
    stop: 'stopping',
    restart: 'stopping',
    kill: 'starting -SIGKILL spawn',
    status: 'stopping',
    deadline: 'backoff -SIGKILL complain',
    hookFailed: 'backoff complain',
    hookEnded: 'backoff',
  },
  backoff: {
    start: 'starting spawn',
    run: 'starting spawn',
    stop: 'stopped',
    restart: 'starting spawn',
    kill: 'stopped',
    emptied: 'backoff',
    deadline: 'starting spawn',
  },
  'backoff, leftovers': {
    start: 'backoff',
    run: 'backoff',
    stop: 'stopping',
    restart: 'backoff',
    kill: 'stopping',
    emptied: 'backoff',
    deadline: 'backoff -SIGKILL look',
  },
  exited: {
    start: 'starting spawn',
    run: 'starting spawn',
    stop: 'stopped',
    restart: 'starting spawn',
    kill: 'stopped',
    emptied: 'exited',
  },
  'exited, leftovers': {
    start: 'backoff',
    run: 'backoff',
    stop: 'stopping',
    restart: 'backoff',
    kill: 'stopping',
    emptied: 'exited',
    deadline: 'exited -SIGKILL look',
  },
  fatal: {
    start: 'starting spawn',
    run: 'starting spawn',
    stop: 'stopped',
    restart: 'starting spawn',
    kill: 'stopped',
    emptied: 'fatal',
  },
  'fatal, leftovers': {
    start: 'backoff',
    run: 'backoff',
    stop: 'stopping',
    restart: 'backoff',
    kill: 'stopping',
    emptied: 'fatal',
    deadline: 'fatal -SIGKILL look',
  },
}

const health: Health = {
  check: { kind: 'exec', argv: ['x'] },
  intervalMs: 1_000,
  timeoutMs: 1_000,
  failures: 3,
  action: 'none',
}

const inState = (state: State, more: Partial<Instance> = {}): Instance => ({
  ...newInstance(specOf({ health }), 0, 1, 'up'),
  wanted: state.at === 'stopped' ? 'down' : 'up',
  state,
  ...more,
})

for (const [place, state] of Object.entries(places)) {
  test(`${place}: every event`, () => {
    for (const [type, event] of Object.entries(events) as [Event['type'], Event][]) {
      const before = inState(state)
      const { last, done } = play(before, [[NOW, event]])
      const wanted = outcomes[place]?.[type]
      if (wanted === undefined) assert.deepEqual([last, done], [before, []], `${type} must change nothing`)
      else assert.equal([last.state.at, ...names(done)].join(' '), wanted, type)
      if (!(type in rules[state.at]))
        assert.equal(last, before, `${type} is not in the table, and answers the same object`)
    }
  })
}

test('every state and every event of the table is pinned above', () => {
  assert.deepEqual([...new Set(Object.values(places).map((s) => s.at))].sort(), Object.keys(rules).sort())
  assert.deepEqual(Object.keys(events).sort(), eventNames().sort())
  assert.deepEqual(Object.keys(outcomes).sort(), Object.keys(places).sort())
})

test('a worker is RUNNING by its own word, and by no deadline', () => {
  const { states } = play(workerSpec(), [
    [0, say.start],
    [5, say.spawned(7)],
    [900, say.ready],
  ])
  assert.deepEqual(
    states.map((i) => [i.state.at, deadlineOf(i)]),
    [
      ['starting', null],
      ['starting', 60_005],
      ['running', null],
    ],
  )
  assert.equal(
    play(workerSpec(), [
      [0, say.start],
      [1, say.ready],
    ]).last.state.at,
    'starting',
    'before it has a pid',
  )
})

test('each state names the moment for which it waits', () => {
  const moments = Object.entries(places).map(([place, state]) => [place, deadlineOf(inState(state))])
  assert.deepEqual(Object.fromEntries(moments), {
    stopped: null,
    waiting: null,
    'starting, spawn owed': null,
    starting: NOW,
    running: null,
    stopping: NOW,
    'stopping, group left': NOW,
    'starting, pre_start runs': NOW,
    'running, post_start and a check run': NOW,
    'stopping, pre_stop runs': NOW,
    'stopping, post_stop runs': NOW,
    backoff: NOW,
    'backoff, leftovers': 60_000,
    exited: null,
    'exited, leftovers': 60_000,
    standby: null,
    fatal: null,
    'fatal, leftovers': 60_000,
  })
  const running = (heartbeatBy: number | null, recycleAt: number | null): number | null =>
    deadlineOf(inState({ at: 'running', pid: 7, ...ran, heartbeatBy, recycleAt }))
  assert.deepEqual([running(5, 9), running(9, 5), running(5, null), running(null, 5)], [5, 5, 5, 5])
})

const ARCHITECTURE = packageFile('docs/architecture.md')

test('docs/architecture.md prints this very table', { skip: !existsSync(ARCHITECTURE) }, () => {
  const text = readFileSync(ARCHITECTURE, 'utf8')
  const printed = /<!-- state table -->\n([\s\S]*?)<!-- \/state table -->/.exec(text)?.[1]?.trim()
  assert.equal(printed, stateTable())
})

test('the printed table has a row an event and a column a state', () => {
  const [head, , ...rows] = stateTable().split('\n')
  assert.equal(head, `| event | ${(Object.keys(rules) as At[]).join(' | ')} |`)
  assert.equal(rows.length, Object.keys(events).length)
  assert.ok(rows.every((row) => row.split('|').length === (head ?? '').split('|').length))
})
