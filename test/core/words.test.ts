// What a process says of itself: readiness by each form, given, withdrawn and given back; time that it asks for;
// heartbeats. As tables, and as what holds for any sequence of words.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { awaited } from '../../src/core/readiness.ts'
import type { Ready, Spec } from '../../src/core/spec.ts'
import { deadlineOf, type Event, isReady } from '../../src/core/state.ts'
import * as say from '../helpers/specs.ts'
import { names, path, play } from '../helpers/specs.ts'

const notify: Partial<Spec> = { ready: { kind: 'notify' } }
type Moments = readonly (readonly [number, Event])[]
const up: Moments = [
  [0, say.start],
  [10, say.spawned(7)],
  [100, say.ready],
]

const forms: readonly (readonly [Ready, string | null])[] = [
  [{ kind: 'worker' }, null],
  [{ kind: 'notify' }, 'READY=1 on NOTIFY_SOCKET'],
  [{ kind: 'fd', fd: 5 }, 'a newline on descriptor 5'],
  [{ kind: 'tcp', address: 'h:80', own: false }, 'a connection to h:80'],
  [{ kind: 'http', url: 'http://h/', own: false }, 'a 2xx answer from http://h/'],
  [{ kind: 'exec', argv: ['test', '-e', 'x'] }, 'exit 0 of test -e x'],
  [{ kind: 'log', pattern: 'up' }, 'a line that matches /up/ in its log'],
]

for (const [ready, words] of forms) {
  test(`${ready.kind}: RUNNING by a word, a failed start without one`, () => {
    assert.equal(awaited(ready, 0), words)
    assert.deepEqual(path(play({ ready }, up)), ['starting', 'starting', 'running'])
    const { last, done } = play({ ready }, [
      [0, say.start],
      [10, say.spawned(7)],
      [20, say.missed('EPERM')],
      [60_010, say.deadline],
    ])
    assert.deepEqual(names(done), ['spawn', 'SIGTERM', 'SIGCONT'])
    assert.equal(
      last.reason,
      ['not ready after 60 s', words && `waited for ${words}`, 'EPERM'].filter(Boolean).join(': '),
    )
  })
}

test('start_seconds alone: no word makes it RUNNING', () => {
  assert.deepEqual(path(play({}, [...up, [1010, say.deadline]])), ['starting', 'starting', 'starting', 'running'])
})

test('an answer at an address of its own counts when it has lived for start_seconds', () => {
  const ready: Ready = { kind: 'tcp', address: 'h:80', own: true }
  assert.deepEqual(path(play({ ready }, [...up, [1009, say.ready], [1010, say.ready]])).slice(2), [
    'starting',
    'starting',
    'running',
  ])
})

test('RELOADING=1 withdraws readiness, READY=1 gives it back; STOPPING=1 for good', () => {
  const { states } = play(notify, [
    ...up,
    [200, say.withdrew('reloading')],
    [300, say.ready],
    [400, say.withdrew('stopping')],
    [500, say.ready],
    [600, say.withdrew('reloading')],
  ])
  assert.deepEqual(states.slice(2).map(isReady), [true, false, true, false, false, false])
  assert.equal(new Set(states.slice(2).map((i) => i.state.at)).size, 1, 'RUNNING all the while')
})

test('STOPPING=1: it has graceful_timeout to end, beats or not; its own end is judged by the policy', () => {
  const leaving: Moments = [...up, [400, say.withdrew('stopping')], [500, say.beat]]
  const { last } = play({ ...notify, workerTimeoutMs: 3_000 }, leaving)
  assert.equal(deadlineOf(last), 10_400)
  const late = play(last, [[10_400, say.deadline]])
  assert.deepEqual(
    [...names(late.done), late.last.reason],
    ['SIGABRT', 'SIGCONT', 'did not end within 10 s after STOPPING=1'],
  )
  assert.equal(
    play({ ...notify, autorestart: 'on-failure' }, [...leaving, [900, say.exited(0)]]).last.state.at,
    'exited',
  )
})

test('more time: never less, only while it starts or stops, and not once it is being killed', () => {
  const at = (more: Moments, spec = notify): number | null => deadlineOf(play(spec, [...up.slice(0, 2), ...more]).last)
  assert.equal(at([]), 60_010)
  assert.equal(at([[50_000, say.extend(20_000)]]), 70_000)
  assert.equal(at([[50_000, say.extend(5)]]), 60_010)
  assert.equal(at([[500, say.extend(20_000)]], {}), 1_010, 'without readiness')
  assert.equal(
    at([
      [100, say.ready],
      [200, say.extend(5_000)],
    ]),
    null,
  )
  assert.equal(
    at([
      [100, say.stop],
      [5_000, say.extend(20_000)],
    ]),
    25_000,
  )
  assert.equal(
    at([
      [100, say.kill],
      [200, say.extend(20_000)],
    ]),
    1_100,
  )
})

test('a status is of one process, is cut, and an empty one is none', () => {
  const text = (more: Moments) => play(notify, [...up, ...more]).last.statusText
  assert.equal(text([[200, say.status('at work')]]), 'at work')
  assert.equal(
    text([
      [200, say.status('x')],
      [300, say.status('')],
    ]),
    null,
  )
  assert.equal(text([[200, say.status('x'.repeat(9_999))]])?.length, 500)
  assert.equal(
    text([
      [200, say.status('x')],
      [300, say.restart],
      [400, say.exited(0)],
    ]),
    null,
  )
})

test('whatever a process says: nothing is started, it is signalled at most once, and has a deadline while it is not RUNNING', () => {
  const word = fc.oneof(
    fc.constantFrom(say.ready, say.beat, say.withdrew('reloading'), say.withdrew('stopping'), say.hangs),
    fc.constantFrom(say.status('x'), say.missed('y'), say.said('z')),
    fc.nat(100_000).map(say.extend),
  )
  const moments = fc.array(fc.tuple(fc.nat(50), word), { maxLength: 30 })
  fc.assert(
    fc.property(
      fc.constantFrom<Partial<Spec>>(notify, { ...notify, workerTimeoutMs: 2_000 }, {}),
      moments,
      (spec, gaps) => {
        let at = 10
        const words = gaps.map(([gap, event]) => {
          at += gap
          return [at, event] as const
        })
        const { states, done } = play(spec, [...up.slice(0, 2), ...words])
        assert.deepEqual(names(done).slice(1), names(done).length > 1 ? ['SIGABRT', 'SIGCONT'] : [])
        for (const [n, i] of states.slice(1).entries()) {
          assert.ok('pid' in i.state && i.state.pid === 7)
          if (i.state.at !== 'running') assert.notEqual(deadlineOf(i), null)
          if (isReady(i)) assert.notEqual(spec.ready, undefined, `word ${n}`)
        }
      },
    ),
  )
})
