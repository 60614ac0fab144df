// Hooks by the table: what each waits for, what its failure is, and that one that has had its time is killed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HookName, Spec } from '../../src/core/spec.ts'
import { deadlineOf, type Event, isReady, owedOf, pidOf } from '../../src/core/state.ts'
import * as say from '../helpers/specs.ts'
import { names, path, play } from '../helpers/specs.ts'

type Script = readonly (readonly [number, Event])[]
const having = (...hooks: HookName[]): Partial<Spec> => ({
  startMs: 0,
  hooks: { commands: Object.fromEntries(hooks.map((name) => [name, [name]])), timeoutMs: 5_000 },
})
const up: Script = [
  [0, say.start],
  [0, say.spawned(7)],
  [0, say.deadline],
]

test('pre_start: the process is made when it has exited 0', () => {
  const { states, done } = play(having('pre_start'), [
    [0, say.start],
    [1, say.hookSpawned(6)],
    [900, say.hookEnded(0)],
    [901, say.spawned(7)],
  ])
  assert.deepEqual(names(done), ['spawn', 'spawn'])
  assert.deepEqual(states.map(owedOf), ['hook', null, 'process', null])
  assert.deepEqual(states.map(pidOf), [null, null, null, 7])
  assert.deepEqual(states.map(deadlineOf), [null, 5_001, null, 901])
})

test('pre_start: anything else is a failed start, and counts', () => {
  const begun: Script = [
    [0, say.start],
    [0, say.hookSpawned(6)],
  ]
  const spec = { ...having('pre_start'), startRetries: 0 }
  const ends = (event: Event) => play(spec, [...begun, [100, event]]).last
  assert.equal(ends(say.hookEnded(1)).reason, 'pre_start exited 1; the first start failed')
  assert.equal(ends(say.hookEnded('SIGSEGV')).reason, 'pre_start was killed by SIGSEGV; the first start failed')
  assert.equal(
    ends(say.hookFailed('ENOENT: x')).reason,
    'pre_start could not be started: ENOENT: x; the first start failed',
  )
  const denied = play({ ...spec, startRetries: 10 }, [...begun, [100, say.hookFailed('no such user', true)]]).last
  assert.deepEqual([denied.state.at, denied.reason], ['fatal', 'pre_start could not be started: no such user'])
  const { last, done } = play(spec, [...begun, [5_000, say.deadline], [5_001, say.exited('SIGKILL')]])
  assert.deepEqual(names(done), ['spawn', '-SIGKILL', 'complain'])
  assert.deepEqual(
    [last.state.at, last.reason, last.exit],
    ['fatal', 'pre_start did not end within 5 s; the first start failed', null],
  )
  const unknown = play(spec, [...begun, [100, say.hookEnded(null)]]).last
  assert.deepEqual([unknown.state.at, owedOf(unknown), unknown.failures], ['starting', 'hook', 0], 'begun anew')
})

test('pre_start: stop and restart end it first', () => {
  const begun: Script = [
    [0, say.start],
    [0, say.hookSpawned(6)],
  ]
  const spec = having('pre_start', 'pre_stop', 'post_stop')
  const stopped = play(spec, [...begun, [100, say.stop], [10_100, say.deadline], [10_101, say.exited('SIGKILL')]])
  assert.deepEqual(names(stopped.done), ['spawn', '-SIGTERM', '-SIGCONT', '-SIGKILL', 'look'])
  assert.deepEqual(path(stopped).slice(-3), ['stopping', 'stopping', 'stopped'])
  const restarted = play(spec, [...begun, [100, say.restart], [101, say.exited('SIGTERM')]])
  assert.deepEqual([restarted.last.state.at, owedOf(restarted.last)], ['starting', 'hook'])
  const left = play(spec, [...begun, [100, say.stop], [101, say.exited('SIGTERM', true)], [102, say.emptied]])
  assert.deepEqual([names(left.done).slice(-2), left.last.state.at], [['-SIGTERM', '-SIGCONT'], 'stopped'])
  assert.equal(
    play(spec, [
      [0, say.start],
      [1, say.stop],
    ]).last.state.at,
    'stopped',
    'not made yet',
  )
})

test('pre_start: after what it depends on, and once more where that goes before the process is made', () => {
  const spec: Partial<Spec> = {
    ...having('pre_start'),
    dependsOn: [{ program: 'db', condition: 'ready' }],
  }
  const gone = say.waits('waiting for db', true)
  const begun = play(spec, [
    [0, say.start],
    [1, gone],
    [2, say.depsOk],
  ])
  assert.deepEqual([path(begun), names(begun.done)], [['waiting', 'waiting', 'starting'], ['spawn']])
  assert.equal(owedOf(begun.last), 'hook')
  assert.equal(play(begun.last, [[3, gone]]).last.state.at, 'waiting', 'not begun')
  const runs = play(begun.last, [
    [3, say.hookSpawned(6)],
    [4, gone],
  ])
  assert.deepEqual([runs.last.state.at, owedOf(runs.last)], ['starting', null], 'what runs goes on')
  const again = play(runs.last, [
    [5, say.hookEnded(0)],
    [5, gone],
    [9, say.depsOk],
  ])
  assert.deepEqual([path(again), owedOf(again.last)], [['starting', 'waiting', 'starting'], 'hook'])
})

test('a run by schedule is over after its post_stop, also when it was restarted', () => {
  const spec: Partial<Spec> = {
    ...having('post_stop'),
    autorestart: 'never',
    schedule: { cron: '* * * * *', timezone: null },
  }
  const begun: Script = [[0, say.run], ...up.slice(1), [100, say.restart], [200, say.exited('SIGTERM')]]
  const { last, done } = play(spec, [...begun, [201, say.hookSpawned(8)], [300, say.hookEnded(0)]])
  assert.deepEqual([last.state.at, last.wanted], ['stopped', 'down'])
  assert.deepEqual(names(done), ['spawn', 'SIGTERM', 'SIGCONT', 'spawn'])
  const { exit } = last
  assert.deepEqual([exit?.at, exit?.startedAt], [say.WALL + 200, say.WALL])
})

test('an end for want of memory is said as such, also after post_stop or while it was being stopped', () => {
  const oom = { type: 'exited', code: null, signal: 'SIGKILL', left: false, oom: true } as const
  for (const spec of [having(), having('post_stop')]) {
    for (const before of [[], [[400, say.hangs]]] satisfies Script[]) {
      const { last } = play(spec, [...up, ...before, [500, oom], [501, say.hookSpawned(8)], [600, say.hookEnded(0)]])
      assert.deepEqual(
        [last.state.at, last.reason, last.exit?.oom],
        ['backoff', 'killed by SIGKILL: out of memory', true],
      )
    }
  }
})

test('post_start: beside a process that is RUNNING and ready; given up at its timeout or at a stop', () => {
  const { last, done } = play(having('post_start'), [...up, [1, say.hookSpawned(8)]])
  assert.deepEqual(
    [last.state.at, isReady(last), deadlineOf(last), names(done)],
    ['running', true, 5_001, ['spawn', 'spawn']],
  )
  const late = play(last, [[5_001, say.deadline]])
  assert.deepEqual([late.last.state.at, names(late.done)], ['running', ['-SIGKILL', 'complain']])
  assert.deepEqual(names(play(last, [[2, say.stop]]).done), ['-SIGKILL', 'SIGTERM', 'SIGCONT'])
  assert.deepEqual(names(play(last, [[2, say.hookEnded(1)]]).done), ['complain'])
})

test('pre_stop: the signal and its grace come after it, however it ends', () => {
  const stopping: Script = [...up, [100, say.stop], [101, say.hookSpawned(8)]]
  const spec = having('pre_stop')
  for (const [end, complains] of [
    [say.hookEnded(0), false],
    [say.hookEnded(3), true],
    [say.hookFailed('x'), true],
  ] as const) {
    const { last, done } = play(spec, [...stopping, [4_000, end]])
    assert.deepEqual(names(done).slice(2), [...(complains ? ['complain'] : []), 'SIGTERM', 'SIGCONT'])
    assert.equal(deadlineOf(last), 14_000)
  }
  const late = play(spec, [...stopping, [5_101, say.deadline]])
  assert.deepEqual(names(late.done).slice(2), ['-SIGKILL', 'complain', 'SIGTERM', 'SIGCONT'])
  const now = play({ ...spec, stopMs: 0 }, [...stopping, [200, say.hookEnded(0)]])
  assert.deepEqual(names(now.done).slice(2), ['-SIGKILL'])
  const killed = play(spec, [...stopping, [200, say.kill], [201, say.exited('SIGKILL')]])
  assert.deepEqual([names(killed.done).slice(2), killed.last.state.at], [['-SIGKILL', '-SIGKILL', 'look'], 'stopped'])
})

test('pre_stop: a process that ends meanwhile has ended; what it leaves is ended after it', () => {
  const stopping: Script = [...up, [100, say.stop], [101, say.hookSpawned(8)]]
  const spec = having('pre_stop')
  const gone = play(spec, [...stopping, [200, say.exited(0)], [300, say.hookEnded(0)]])
  assert.deepEqual([path(gone).slice(-2), gone.last.exit?.expected], [['stopping', 'stopped'], true])
  const left = play(spec, [...stopping, [200, say.exited(0, true)], [300, say.hookEnded(0)], [301, say.emptied]])
  assert.deepEqual(
    [names(left.done).slice(2), path(left).slice(-2)],
    [
      ['-SIGTERM', '-SIGCONT'],
      ['stopping', 'stopped'],
    ],
  )
  const went = play(spec, [...stopping, [200, say.exited(0, true)], [250, say.emptied], [300, say.hookEnded(0)]])
  assert.deepEqual([names(went.done).slice(2), went.last.state.at], [[], 'stopped'])
})

test('pre_stop: not for one that is not RUNNING yet, hangs, or is killed', () => {
  const spec = { ...having('pre_stop'), startMs: 1_000 }
  const last = (script: Script): string[] => names(play(spec, script).done).slice(1)
  assert.deepEqual(last([...up.slice(0, 2), [1, say.stop]]), ['SIGTERM', 'SIGCONT'])
  const running: Script = [...up.slice(0, 2), [1_000, say.deadline]]
  assert.deepEqual(last([...running, [1_001, say.hangs]]), ['SIGABRT', 'SIGCONT'])
  assert.deepEqual(last([...running, [1_001, say.kill]]), ['-SIGKILL'])
})

test('post_stop: after every end, before the next start; what comes after it is what came before', () => {
  const spec = having('post_stop')
  const asked = play(spec, [
    ...up,
    [100, say.stop],
    [200, say.exited(0)],
    [201, say.hookSpawned(8)],
    [300, say.hookEnded(1)],
  ])
  assert.deepEqual(path(asked).slice(3), ['stopping', 'stopping', 'stopping', 'stopped'])
  assert.deepEqual(names(asked.done).slice(1), ['SIGTERM', 'SIGCONT', 'spawn', 'complain'])

  const own: Script = [...up, [20_000, say.exited(3)], [20_001, say.hookSpawned(8)]]
  const crashed = play(spec, [...own, [20_500, say.hookEnded(0)]])
  assert.deepEqual([path(crashed).slice(-2), crashed.last.reason], [['stopping', 'backoff'], 'exit 3'])
  assert.equal(crashed.last.exit?.at, say.WALL + 20_000, 'it was then, not now')
  assert.deepEqual(play(spec, own).last.reason, 'exit 3')
  const done = play({ ...spec, autorestart: 'on-failure' }, [...up, [500, say.exited(0)], [600, say.hookEnded(0)]])
  assert.equal(done.last.state.at, 'exited')
  const failed = play({ ...spec, startMs: 500, startRetries: 0 }, [
    ...up.slice(0, 2),
    [10, say.exited(1)],
    [20, say.hookEnded(0)],
  ])
  assert.deepEqual([failed.last.state.at, failed.last.failures], ['fatal', 1])

  assert.equal(play(spec, [...own, [20_100, say.stop], [20_500, say.hookEnded(0)]]).last.state.at, 'stopped')
  const restarted = play(spec, [...own, [20_100, say.restart], [20_500, say.hookEnded(0)]]).last
  assert.deepEqual([restarted.state.at, restarted.row], ['starting', 0])
  const late = play(spec, [...own, [25_001, say.deadline]])
  assert.deepEqual([names(late.done).slice(-2), late.last.state.at], [['-SIGKILL', 'complain'], 'backoff'])
})

test('post_stop: after what the process left is gone', () => {
  const { done, last } = play(having('post_stop'), [
    ...up,
    [500, say.exited(1, true)],
    [10_500, say.deadline],
    [10_501, say.emptied],
  ])
  assert.deepEqual(names(done).slice(1), ['-SIGTERM', '-SIGCONT', '-SIGKILL', 'look', 'spawn'])
  assert.equal(owedOf(last), 'hook')
})
