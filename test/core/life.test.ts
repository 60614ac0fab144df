// Lives of one instance: what follows an end, when to give up, how to stop, and what is left behind.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Spec } from '../../src/core/spec.ts'
import { type Event, newInstance } from '../../src/core/state.ts'
import {
  beat,
  deadline,
  emptied,
  exited,
  kill,
  names,
  path,
  play,
  ready,
  recycleLater,
  restart,
  said,
  spawned,
  spawnFailed,
  specOf,
  start,
  stop,
  untold,
  workerSpec,
} from '../helpers/specs.ts'

type Script = (readonly [number, Event])[]
const starting: Script = [
  [0, start],
  [0, spawned(7)],
]
const running: Script = [...starting, [1000, deadline]]

// after an end -------------------------------------------------------------------------------------

const ends: readonly [
  autorestart: Spec['autorestart'],
  phase: 'starting' | 'running',
  how: number | string | null,
  at: string,
  expected: boolean,
][] = [
  ['always', 'running', 0, 'backoff', true],
  ['always', 'running', 2, 'backoff', true],
  ['always', 'running', 1, 'backoff', false],
  ['always', 'running', 'SIGKILL', 'backoff', false],
  ['always', 'starting', 0, 'backoff', true],
  ['always', 'starting', 1, 'backoff', false],
  ['on-failure', 'running', 0, 'exited', true],
  ['on-failure', 'running', 2, 'exited', true],
  ['on-failure', 'running', 1, 'backoff', false],
  ['on-failure', 'running', 'SIGTERM', 'backoff', false],
  ['on-failure', 'running', null, 'backoff', false],
  ['on-failure', 'starting', 0, 'exited', true],
  ['on-failure', 'starting', 1, 'backoff', false],
  ['on-failure', 'starting', 'SIGSEGV', 'backoff', false],
  ['never', 'running', 0, 'exited', true],
  ['never', 'running', 1, 'exited', false],
  ['never', 'running', 'SIGKILL', 'exited', false],
  ['never', 'starting', 1, 'exited', false],
  ['never', 'starting', 'SIGKILL', 'exited', false],
]

for (const [autorestart, phase, how, at, expected] of ends) {
  test(`${autorestart}: an end in ${phase} with ${how} is ${at}`, () => {
    const script = phase === 'running' ? running : starting
    const { last } = play({ autorestart, exitCodes: [0, 2] }, [...script, [1500, exited(how)]])
    assert.deepEqual([last.state.at, last.exit?.expected, last.wanted], [at, expected, 'up'])
    assert.deepEqual(
      [last.exit?.code, last.exit?.signal],
      [typeof how === 'number' ? how : null, typeof how === 'string' ? how : null],
    )
    assert.equal(
      last.failures,
      phase === 'starting' && at === 'backoff' ? 1 : 0,
      'only a start that the policy would repeat can fail',
    )
  })
}

test('the reason says how it ended, and what the worker itself said', () => {
  const after = (...script: Script): string | null => play(workerSpec(), script).last.reason
  assert.equal(after(...starting, [5, exited(3)]), 'exit 3')
  assert.equal(after(...starting, [5, exited('SIGSEGV')]), 'killed by SIGSEGV')
  assert.equal(after(...starting, [5, exited(null)]), 'ended, exit unknown')
  assert.equal(after(...starting, [4, said('no such table')], [5, exited(3)]), 'exit 3: no such table')
})

// giving up ----------------------------------------------------------------------------------------

/** Fails its start again and again until FATAL, at most 50 times; returns how often. */
function startsUntilFatal(startRetries: number): number {
  let i = newInstance(specOf({ startRetries }), 0, 1, 'down')
  for (let starts = 1; starts <= 50; starts++) {
    i = play(i, [
      [0, starts === 1 ? start : deadline],
      [0, spawned(starts)],
      [1, exited(1)],
    ]).last
    if (i.state.at === 'fatal') return starts
  }
  return Number.POSITIVE_INFINITY
}

test('FATAL after N+1 failed starts in a row', () => {
  assert.deepEqual([0, 1, 3, 10, -1].map(startsUntilFatal), [1, 2, 4, 11, Number.POSITIVE_INFINITY])
})

test('a start that got to RUNNING begins the row of failures anew, however short it ran', () => {
  const spec = { startRetries: 1 }
  const crash: Script = [
    [0, start],
    [0, spawned(7)],
    [1, exited(1)],
    [1, deadline],
    [1, spawned(8)],
  ]
  assert.equal(play(spec, [...crash, [2, exited(1)]]).last.state.at, 'fatal')
  const ran: Script = [
    ...crash,
    [1001, deadline],
    [1002, exited(1)],
    [1200, deadline],
    [1200, spawned(9)],
    [1201, exited(1)],
  ]
  assert.deepEqual([play(spec, ran).last.state.at, play(spec, ran).last.failures], ['backoff', 1])
})

test('crashes of a running process never end in FATAL', () => {
  let i = newInstance(specOf({ startRetries: 0, startMs: 0 }), 0, 1, 'down')
  for (let n = 0; n < 30; n++)
    i = play(i, [
      [0, n ? deadline : start],
      [0, spawned(n + 1)],
      [0, deadline],
      [1, exited(1)],
    ]).last
  assert.deepEqual([i.state.at, i.failures, i.restarts], ['backoff', 0, 29])
})

test('a spawn that fails counts as a failed start; one that can never succeed is FATAL at once', () => {
  assert.deepEqual(
    path(
      play({ startRetries: 1 }, [
        [0, start],
        [0, spawnFailed('EAGAIN')],
        [0, deadline],
        [0, spawnFailed('EAGAIN')],
      ]),
    ),
    ['starting', 'backoff', 'starting', 'fatal'],
  )
  const permanent = play({ startRetries: -1 }, [
    [0, start],
    [0, spawnFailed('E2BIG', true)],
  ]).last
  assert.deepEqual([permanent.state.at, permanent.reason, permanent.exit], ['fatal', 'E2BIG', null])
  assert.equal(
    play({ autorestart: 'never' }, [
      [0, start],
      [0, spawnFailed('ENOENT')],
    ]).last.state.at,
    'fatal',
  )
})

test('the words of FATAL count the failed starts', () => {
  const one = play({ startRetries: 0 }, [...starting, [1, exited(1)]]).last
  assert.equal(one.reason, 'exit 1; the first start failed')
  const two = play({ startRetries: 1 }, [
    ...starting,
    [1, exited(1)],
    [1, deadline],
    [1, spawned(8)],
    [2, exited(1)],
  ]).last
  assert.equal(two.reason, 'exit 1; 2 starts in a row failed')
})

test('a start by hand clears the counters in BACKOFF, EXITED and FATAL', () => {
  for (const autorestart of ['always', 'never'] as const) {
    for (const startRetries of [0, 5]) {
      const { last } = play({ autorestart, startRetries }, [...starting, [1, exited(1)], [2, start]])
      assert.deepEqual(
        [last.state.at, last.row, last.failures, last.restarts, last.reason],
        ['starting', 0, 0, 0, null],
      )
    }
  }
})

// backoff ------------------------------------------------------------------------------------------

test('the row of short runs: at once, then doubling; a long run clears it', () => {
  const waits: number[] = []
  let i = newInstance(specOf({ startMs: 0, backoffMaxMs: 500 }), 0, 1, 'down')
  let now = 0
  for (const ranMs of [1, 1, 1, 1, 1, 9_999, 10_000, 1]) {
    i = play(i, [
      [now, waits.length ? deadline : start],
      [now, spawned(waits.length + 1)],
      [now, deadline],
    ]).last
    now += ranMs
    i = play(i, [[now, exited(1)]]).last
    assert.ok(i.state.at === 'backoff')
    waits.push(i.state.until - now)
    now = i.state.until
  }
  assert.deepEqual(waits, [0, 100, 200, 400, 500, 500, 0, 0])
})

test('jitter is up to a tenth more', () => {
  const { last } = play(
    {},
    [
      [0, start],
      [0, spawnFailed('x')],
      [0, deadline],
      [0, spawnFailed('x')],
    ],
    1,
  )
  assert.ok(last.state.at === 'backoff' && Math.abs(last.state.until - 110) < 0.001)
})

// stop ---------------------------------------------------------------------------------------------

test('stop: the signal and CONT, then SIGKILL to the group at the deadline, and again at each look', () => {
  const { done, last } = play({}, [
    ...running,
    [2000, stop],
    [12_000, deadline],
    [13_000, deadline],
    [15_000, deadline],
  ])
  assert.deepEqual(names(done), [
    'spawn',
    'SIGTERM',
    'SIGCONT',
    '-SIGKILL',
    'look',
    '-SIGKILL',
    'look',
    '-SIGKILL',
    'look',
  ])
  assert.ok(last.state.at === 'stopping' && last.state.deadline === 19_000 && last.state.kills === 3)
  const later = play(last, [[19_000, deadline]]).last
  assert.equal(later.reason, 'unkillable: SIGKILL does not end it')
  let i = later
  for (let n = 0; n < 12; n++) i = play(i, [[20_000, deadline]]).last
  assert.ok(i.state.at === 'stopping' && i.state.deadline === 80_000, 'at most a minute between looks')
})

test('stop: its own end is STOPPED, expected, and forced only by SIGKILL', () => {
  const polite = play({}, [...running, [2000, stop], [2500, exited(143)]]).last
  assert.deepEqual(
    [polite.state.at, polite.exit?.expected, polite.exit?.forced, polite.reason],
    ['stopped', true, false, null],
  )
  const forced = play({}, [...running, [2000, stop], [12_000, deadline], [12_001, exited('SIGKILL')]]).last
  assert.deepEqual([forced.state.at, forced.exit?.forced], ['stopped', true])
  const early = play({}, [...running, [2000, stop], [2001, exited('SIGKILL')]]).last
  assert.equal(early.exit?.forced, false, 'somebody else killed it')
})

test('stop_seconds 0 kills at once; stop_group signals the group; kill is SIGKILL now', () => {
  assert.deepEqual(names(play({ stopMs: 0 }, [...running, [2000, stop]]).done), ['spawn', '-SIGKILL'])
  assert.deepEqual(names(play({ stopGroup: true, stopSignal: 'SIGINT' }, [...running, [2000, stop]]).done), [
    'spawn',
    '-SIGINT',
    '-SIGCONT',
  ])
  assert.deepEqual(names(play({}, [...running, [2000, kill]]).done), ['spawn', '-SIGKILL'])
  assert.deepEqual(names(play({}, [...running, [2000, stop], [2001, kill]]).done), [
    'spawn',
    'SIGTERM',
    'SIGCONT',
    '-SIGKILL',
    'look',
  ])
})

test('a second stop does not move the deadline', () => {
  const { last } = play({}, [...running, [2000, stop], [9000, stop]])
  assert.ok(last.state.at === 'stopping' && last.state.deadline === 12_000)
})

test('stop before the spawn has happened is STOPPED, and its late outcome changes nothing', () => {
  assert.deepEqual(
    path(
      play({}, [
        [0, start],
        [0, stop],
        [0, spawned(7)],
        [0, spawnFailed('x')],
      ]),
    ),
    ['starting', 'stopped', 'stopped', 'stopped'],
  )
})

// leftovers ----------------------------------------------------------------------------------------

test('stop: what is left of the group gets the same signal, and SIGKILL at the same deadline', () => {
  const { done, states, last } = play({}, [
    ...running,
    [2000, stop],
    [3000, exited(0, true)],
    [12_000, deadline],
    [12_001, emptied],
  ])
  assert.deepEqual(names(done).slice(3), ['-SIGTERM', '-SIGCONT', '-SIGKILL', 'look'])
  assert.deepEqual(states.map((i) => ('pid' in i.state ? i.state.pid : '')).slice(3), [7, null, null, ''])
  assert.deepEqual([last.state.at, last.exit?.code, last.exit?.forced], ['stopped', 0, false])
})

test('stop: leftovers of a process that had to be killed are killed', () => {
  const { done } = play({}, [...running, [2000, stop], [12_000, deadline], [12_001, exited('SIGKILL', true)]])
  assert.deepEqual(names(done).slice(-3), ['-SIGKILL', 'look', '-SIGKILL'])
})

test('a stop of which the process never heard: told by the next master, and its grace begins then', () => {
  const { done, last } = play({}, [...running, [2000, stop], [9000, untold]])
  assert.deepEqual(names(done).slice(1), ['SIGTERM', 'SIGCONT', 'SIGTERM', 'SIGCONT'])
  assert.ok(last.state.at === 'stopping' && last.state.deadline === 19_000)
  const late = play({}, [...running, [2000, stop], [12_000, deadline], [12_500, untold]])
  assert.deepEqual(names(late.done).slice(3), ['-SIGKILL', 'look'], 'SIGKILL needs no second word')
  const silent = play(workerSpec({ workerTimeoutMs: 3000 }), [
    [0, start],
    [0, spawned(7)],
    [10, ready],
    [3010, deadline],
    [3020, untold],
  ])
  assert.deepEqual(names(silent.done).slice(1), ['SIGABRT', 'SIGCONT', 'SIGABRT', 'SIGCONT'])
})

test('an end of its own: the state changes at once, leftovers go before the slot starts anew', () => {
  const script: Script = [...running, [2000, exited(1, true)]]
  const { done, last } = play({}, script)
  assert.deepEqual(names(done), ['spawn', '-SIGTERM', '-SIGCONT'])
  assert.ok(last.state.at === 'backoff' && last.state.until === 2000 && last.state.left?.deadline === 12_000)
  assert.deepEqual(path(play({}, [...script, [3000, emptied], [3000, deadline]])).slice(-2), ['backoff', 'starting'])
  const killed = play({}, [...script, [12_000, deadline], [12_001, emptied], [12_001, deadline]])
  assert.deepEqual(names(killed.done).slice(3), ['-SIGKILL', 'look', 'spawn'])
  assert.equal(names(play({ stopMs: 0 }, script).done)[1], '-SIGKILL', 'stop_seconds 0')
})

test('EXITED and FATAL with leftovers: stop waits for them, start too', () => {
  for (const spec of [{ autorestart: 'never' }, { startRetries: 0 }] as const) {
    const script: Script = [...starting, [500, exited(1, true)]]
    assert.deepEqual(path(play(spec, [...script, [600, stop], [700, emptied]])).slice(-2), ['stopping', 'stopped'])
    const started = play(spec, [...script, [600, start], [700, emptied], [700, deadline]])
    assert.deepEqual(path(started).slice(-3), ['backoff', 'backoff', 'starting'])
    assert.equal(started.last.restarts, 0, 'asked for, so no restart of ours')
    assert.deepEqual(names(play(spec, [...script, [10_500, deadline], [10_501, emptied]]).done).slice(3), [
      '-SIGKILL',
      'look',
    ])
  }
})

// restart ------------------------------------------------------------------------------------------

test('restart in each state: one stop, one start, counters cleared', () => {
  assert.deepEqual(path(play({}, [[0, restart]])), ['starting'])
  for (const before of [starting, running]) {
    const { done, last } = play({}, [...before, [2000, restart], [2500, exited(0)]])
    assert.deepEqual(names(done), ['spawn', 'SIGTERM', 'SIGCONT', 'spawn'])
    assert.deepEqual([last.state.at, last.wanted, last.restarts, last.row], ['starting', 'up', 0, 0])
  }
  const stopping = play({}, [...running, [2000, stop], [2001, restart], [2500, exited(0)]])
  assert.deepEqual([stopping.last.state.at, names(stopping.done).at(-1)], ['starting', 'spawn'])
  const backoff = play({}, [...starting, [5, exited(1)], [6, restart]]).last
  assert.deepEqual([backoff.state.at, backoff.failures, backoff.restarts], ['starting', 0, 0])
})

test('start and stop while it stops: the last word counts', () => {
  const at = (...words: Event[]): string =>
    play({}, [...running, [2000, stop], ...words.map((w) => [2001, w] as const), [2500, exited(0)]]).last.state.at
  assert.equal(at(start), 'starting')
  assert.equal(at(start, stop), 'stopped')
  assert.equal(at(start, stop, restart), 'starting')
  assert.equal(at(), 'stopped')
})

test('a start by hand while a late or silent process is ended starts anew, whatever the policy', () => {
  const late: Script = [
    [0, start],
    [0, spawned(7)],
    [60_000, deadline],
  ]
  for (const autorestart of ['always', 'on-failure', 'never'] as const) {
    for (const word of [start, restart]) {
      const { last } = play(workerSpec({ autorestart }), [...late, [60_001, word], [60_100, exited(0)]])
      assert.deepEqual([last.state.at, last.failures], ['starting', 0])
    }
    const { last } = play(workerSpec({ autorestart }), [...late, [60_001, stop], [60_100, exited(0)]])
    assert.equal(last.state.at, 'stopped')
  }
})

// readiness, heartbeat, age ------------------------------------------------------------------------

test('not ready in time is a failed start, stopped with all patience, whatever it exits with', () => {
  const spec = workerSpec({ startRetries: 0, autorestart: 'on-failure' })
  const { done, last } = play(spec, [
    [0, start],
    [0, spawned(7)],
    [60_000, deadline],
    [60_500, exited(0)],
  ])
  assert.deepEqual(names(done), ['spawn', 'SIGTERM', 'SIGCONT'])
  assert.deepEqual([last.state.at, last.failures, last.exit?.expected], ['fatal', 1, false])
  assert.match(last.reason ?? '', /^exit 0: not ready after 60 s/)
})

test('a worker that is late with a word says it; a late ready is not heard', () => {
  const script: Script = [
    [0, start],
    [0, spawned(7)],
    [9, said('waits for the database')],
    [60_000, deadline],
    [60_001, ready],
  ]
  const { last } = play(workerSpec(), script)
  assert.deepEqual([last.state.at, last.reason], ['stopping', 'waits for the database'])
})

test('no heartbeat: SIGABRT, then SIGKILL; each beat moves the moment', () => {
  const spec = workerSpec({ workerTimeoutMs: 3000 })
  const up: Script = [
    [0, start],
    [0, spawned(7)],
    [1000, ready],
    [3000, beat],
    [5500, beat],
  ]
  const alive = play(spec, up).last
  assert.ok(alive.state.at === 'running' && alive.state.heartbeatBy === 8500)
  const { done, last } = play(spec, [...up, [8500, deadline], [18_500, deadline], [18_501, exited('SIGKILL')]])
  assert.deepEqual(names(done), ['spawn', 'SIGABRT', 'SIGCONT', '-SIGKILL', 'look'])
  assert.deepEqual([last.state.at, last.exit?.forced, last.failures], ['backoff', true, 0])
  assert.match(last.reason ?? '', /killed by SIGKILL: no heartbeat for 3 s/)
  assert.equal(play(workerSpec(), [...up, [6000, beat]]).last.state.at, 'running', 'no timeout: a beat is nothing')
})

test('silence after a long run does not lengthen the row of short runs', () => {
  const spec = workerSpec({ workerTimeoutMs: 3000 })
  const once = (ranMs: number): number =>
    play(spec, [
      [0, start],
      [0, spawned(7)],
      [0, ready],
      [ranMs, beat],
      [ranMs + 3000, deadline],
      [ranMs + 3001, exited('SIGABRT')],
    ]).last.row
  assert.deepEqual([once(1000), once(20_000)], [1, 0])
})

test('max_age asks once to be recycled; a failed one asks again', () => {
  const spec = specOf({ maxAgeMs: 5000, maxAgeJitter: { share: 0.1 } })
  const up: Script = [
    [0, start],
    [100, spawned(7)],
    [1100, deadline],
  ]
  const recycleAt = (random: number): unknown => {
    const { state } = play(spec, up, random).last
    return state.at === 'running' ? state.recycleAt : state
  }
  assert.deepEqual([recycleAt(0), recycleAt(1)], [5100, 5600])
  const asked = play(spec, [...up, [5100, deadline], [5100, deadline]])
  assert.deepEqual(names(asked.done), ['spawn', 'recycle'])
  const again = play(spec, [...up, [5100, deadline], [5200, recycleLater(9000)], [9000, deadline]])
  assert.deepEqual(names(again.done), ['spawn', 'recycle', 'recycle'])
  assert.equal(play({}, [...running, [2000, recycleLater(9000)]]).last.state.at, 'running')
  const own = play(spec, [...up, [2000, recycleLater(9000)]]).last
  assert.ok(own.state.at === 'running' && own.state.recycleAt === 5100, 'its own date stands')
})
