// From the core's words to the wire's: units, nulls, and which of two processes of a slot is shown.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { programStatus, type StatusFacts } from '../../src/control/status.ts'
import type { Program } from '../../src/core/program.ts'
import { type Instance, newInstance, type State } from '../../src/core/state.ts'
import { FakeClock } from '../helpers/fake-os.ts'
import { specOf, WALL } from '../helpers/specs.ts'

const spec = specOf({ startRetries: 3 })
const clock = new FakeClock()
clock.time = 100_000
const facts: StatusFacts = {
  clock,
  usage: (pid) => (pid === 7 ? { cpu: 12.5, memory: 4096 } : { cpu: null, memory: null }),
  counters: (pid) =>
    pid === 7 ? { requests: 99, errors: 3, inFlight: 2, latency: { p50Ms: 1.5, p95Ms: 20, p99Ms: 300 } } : null,
  left: (leader) => (leader === 8 ? 2 : 0),
}
const iso = (ms: number): string => new Date(WALL + ms).toISOString()
const life = { since: 98_766.6, startedAt: WALL + 98_000 }

function status(instances: readonly Instance[], only: ReadonlySet<number> | null = null) {
  const program: Program = {
    name: 'web',
    spec,
    generation: 1,
    desired: 2,
    removed: false,
    lingersUntil: null,
    wanted: 'up',
    instances,
  }
  return programStatus(program, only, facts)
}

const one = (state: State, more: Partial<Instance> = {}) => {
  const wanted = state.at === 'stopped' ? 'down' : 'up'
  const [process] = status([{ ...newInstance(spec, 0, 1, wanted), state, ...more }]).processes
  assert.ok(process)
  return process
}

test('a running process in full', () => {
  const state: State = { at: 'running', pid: 7, ...life, heartbeatBy: null, recycleAt: null }
  assert.deepEqual(one(state, { restarts: 2, recycles: 1, generation: 4 }), {
    name: 'web:0',
    slot: 0,
    generation: 4,
    state: 'RUNNING',
    wanted: 'up',
    ready: true,
    pid: 7,
    startedAt: iso(98_000),
    uptime: 1.233,
    restarts: 2,
    recycles: 1,
    requests: 99,
    errors: 3,
    inFlight: 2,
    latency: { p50: 0.0015, p95: 0.02, p99: 0.3 },
    cpu: 12.5,
    memory: 4096,
    reason: null,
    statusText: null,
    health: null,
    leftovers: null,
    replacement: null,
    standbyOf: null,
    exit: null,
    nextAttemptAt: null,
    deadlineAt: null,
  })
})

test('without a process what belongs to one is null', () => {
  const states: State[] = [
    { at: 'stopped' },
    { at: 'starting', pid: null, ...life, deadline: null, said: null },
    { at: 'backoff', until: 101_500, left: null },
    { at: 'exited', left: null },
    { at: 'fatal', left: null },
    { at: 'stopping', pid: null, group: 7, ...life, deadline: 0, kills: 0, cause: { kind: 'asked' }, from: 'running' },
  ]
  for (const state of states) {
    const { ready, pid, startedAt, uptime, requests, cpu, memory } = one(state)
    assert.deepEqual(
      [ready, pid, startedAt, uptime, requests, cpu, memory],
      [false, null, null, null, null, null, null],
      state.at,
    )
  }
})

test('BACKOFF says when it tries again, and how often it has', () => {
  const state: State = { at: 'backoff', until: 101_500, left: null }
  const { nextAttemptAt, reason } = one(state, { failures: 2, reason: 'exit 1' })
  assert.deepEqual([nextAttemptAt, reason], [iso(101_500), 'exit 1; failed start 2 of 4'])
  assert.equal(one(state, { reason: 'exit 1' }).reason, 'exit 1', 'it had been running')
  assert.equal(one({ at: 'backoff', until: 5, left: null }).nextAttemptAt, iso(100_000), 'never in the past')
})

test('a worker whose boot fails says why while it still starts', () => {
  const state: State = { at: 'starting', pid: 8, ...life, deadline: 1, said: 'no such table' }
  assert.equal(one(state, { reason: null }).reason, 'no such table')
})

test('the last exit', () => {
  const exit = { code: null, signal: 'SIGKILL', at: WALL + 5, expected: false, forced: true }
  assert.deepEqual(one({ at: 'exited', left: null }, { exit }).exit, {
    code: null,
    signal: 'SIGKILL',
    at: iso(5),
    expected: false,
    oom: null,
    forced: true,
  })
})

test('during a replacement the slot shows the serving process, and the new one beside it', () => {
  const older: Instance = {
    ...newInstance(spec, 0, 1, 'up'),
    state: { at: 'running', pid: 7, ...life, heartbeatBy: null, recycleAt: null },
  }
  const newer: Instance = {
    ...newInstance(spec, 0, 2, 'up'),
    state: { at: 'starting', pid: 8, since: 99_000, startedAt: WALL + 99_000, deadline: 1, said: null },
  }
  const whole = status([older, newer])
  assert.deepEqual([whole.state, whole.running, whole.ready, whole.processes.length], ['RUNNING', 1, 1, 1])
  assert.deepEqual(
    [whole.processes[0]?.pid, whole.processes[0]?.replacement],
    [7, { pid: 8, state: 'STARTING', startedAt: iso(99_000) }],
  )
  const owed: Instance = { ...newer, state: { at: 'starting', pid: null, ...life, deadline: null, said: null } }
  assert.deepEqual(status([older, owed]).processes[0]?.replacement, { pid: null, state: 'STARTING', startedAt: null })
})

test('slots that are not asked for are not shown, and the program still counts them', () => {
  const at = (slot: number, state: State): Instance => ({ ...newInstance(spec, slot, 1, 'up'), state })
  const running: State = { at: 'running', pid: 7, ...life, heartbeatBy: null, recycleAt: null }
  const {
    state,
    desired,
    running: count,
    processes,
  } = status([at(0, running), at(1, { at: 'fatal', left: null })], new Set([1]))
  assert.deepEqual([state, desired, count, processes.map((p) => p.name)], ['DEGRADED', 2, 1, ['web:1']])
})
