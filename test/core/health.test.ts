// The checks of a running process by the table: their pace, what failures in a row do, when nobody is asked.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withSpec } from '../../src/core/checking.ts'
import { rowOf } from '../../src/core/record.ts'
import type { Health, Spec } from '../../src/core/spec.ts'
import { deadlineOf, type Event, type Instance, isReady } from '../../src/core/state.ts'
import * as say from '../helpers/specs.ts'
import { names, type Played, play, specOf } from '../helpers/specs.ts'

const health: Health = {
  check: { kind: 'http', url: 'http://a/\0slot:d\0', own: false },
  intervalMs: 10_000,
  timeoutMs: 3_000,
  failures: 3,
  action: 'restart',
}
const asked = (over: Partial<Health> = {}, more: Partial<Spec> = {}): Partial<Spec> => ({
  health: { ...health, ...over },
  ...more,
})
type Script = readonly (readonly [number, Event])[]
/** RUNNING at 1000. */
const up: Script = [
  [0, say.start],
  [0, say.spawned(7)],
  [1_000, say.deadline],
]
/** A whole check at that moment. */
const look = (at: number, finding: string | null): Script => [
  [at, say.deadline],
  [at, say.checking],
  [at, say.checked(finding)],
]
const running = ({ last }: Pick<Played, 'last'>) => {
  assert.equal(last.state.at, 'running')
  return last.state as Extract<Instance['state'], { at: 'running' }>
}

test('the first check after the interval; then each an interval after the last has ended, one at a time', () => {
  const { states, done } = play(asked(), [
    ...up,
    [11_000, say.deadline],
    [11_000, say.deadline], // it is owed already
    [11_005, say.checking],
    [11_900, say.checked()],
  ])
  assert.deepEqual(states.map(deadlineOf).slice(2), [11_000, null, null, 14_005, 21_900])
  assert.deepEqual(names(done), ['spawn', 'check'])
  const jittered = play(asked(), up, 1).last
  assert.equal(deadlineOf(jittered), 10_000)
})

test('too many failures in a row: not ready, then what health_action says', () => {
  const twice: Script = [...up, ...look(11_000, 'answered 503'), ...look(21_000, 'ECONNREFUSED')]
  const before = play(asked(), twice)
  assert.deepEqual([isReady(before.last), running(before).check?.failures], [true, 2])
  assert.equal(running(before).check?.error, 'http://a/0: ECONNREFUSED')
  assert.equal(running(play(asked(), [...twice, ...look(31_000, null)])).check?.failures, 0)

  const script: Script = [...twice, ...look(31_000, 'answered 503')]
  const reason = 'unhealthy: http://a/0 answered 503, 3 of 3'
  const restarted = play(asked(), [...script, [31_500, say.exited('SIGTERM')]])
  assert.deepEqual(names(restarted.done).slice(-2), ['SIGTERM', 'SIGCONT'])
  assert.deepEqual([restarted.last.state.at, restarted.last.reason], ['backoff', `killed by SIGTERM: ${reason}`])
  assert.equal(restarted.last.exit?.expected, false)
  const exits = (how: number, more: Partial<Spec>) => play(asked({}, more), [...script, [31_500, say.exited(how)]]).last
  assert.equal(exits(0, { autorestart: 'on-failure' }).state.at, 'backoff', 'an exit 0 was not its own')
  assert.equal(exits(0, { autorestart: 'never' }).state.at, 'exited', 'the policy has the last word')

  const none = play(asked({ action: 'none' }), script)
  assert.deepEqual([isReady(none.last), running(none).health, names(none.done).at(-1)], [false, 'failing', 'check'])
  const back = play(asked({ action: 'none' }), [...script, ...look(41_000, null)])
  assert.deepEqual([isReady(back.last), running(back).health], [true, 'passing'])

  const signal = { signal: 'SIGUSR2' }
  const more: Script = [...script, ...look(41_000, 'x'), ...look(51_000, 'x'), ...look(61_000, 'x')]
  const told = play(asked({ action: signal }), more).done.filter(({ effect }) => effect.do === 'tell')
  assert.deepEqual(told, [{ at: 31_000, effect: { do: 'tell', pid: 7, signal: 'SIGUSR2' } }], 'once')
})

test('a check without an answer has failed at its deadline, and a late answer says nothing', () => {
  const late = play(asked(), [...up, [11_000, say.deadline], [11_000, say.checking], [14_000, say.deadline]])
  assert.equal(running(late).check?.error, 'http://a/0: no answer within 3 s')
  const { last } = play(late.last, [[14_001, say.checked()]])
  assert.equal(last, late.last)
})

test('log-silence: one is enough, and it is looked for again when it can be long enough', () => {
  const silence = asked({ check: { kind: 'silence', ms: 4_000 }, action: 'none' })
  const begun: Script = [...up, [5_000, say.deadline], [5_000, say.checking]]
  assert.equal(deadlineOf(play(silence, up).last), 5_000)
  assert.equal(deadlineOf(play(silence, [...begun, [5_000, say.checked(null, 1_500)]]).last), 6_500)
  const quiet = play(silence, [...begun, [5_000, say.checked('no output for 4 s')]])
  assert.deepEqual([running(quiet).health, running(quiet).check?.error], ['failing', 'no output for 4 s'])
})

test('who reads its settings anew, or is on its way out, is not asked', () => {
  for (const why of ['reloading', 'stopping'] as const) {
    const { done } = play(asked({ failures: 1 }), [...up, [1_500, say.withdrew(why)], [11_000, say.deadline]])
    assert.deepEqual(names(done), ['spawn'])
  }
  const asking: Script = [...up, [11_000, say.deadline], [11_000, say.checking], [11_100, say.withdrew('reloading')]]
  const { last, done } = play(asked({ failures: 1 }), [...asking, [11_200, say.checked('answered 503')]])
  assert.deepEqual([running({ last }).check?.failures, names(done).at(-1)], [0, 'check'])
})

test('a row of the record does not change with each check that finds the same', () => {
  const row = (script: Script) => rowOf(play(asked(), script).last, specOf()).state
  const once: Script = [...up, ...look(11_000, null)]
  assert.deepEqual(row([...once, ...look(21_000, null)]), row(once))
  assert.deepEqual(row([...once, [21_000, say.deadline]]), row(once))
})

test('changed settings: checks begin, begin anew, go on, or end', () => {
  const { last } = play(asked(), [...up, ...look(11_000, 'x')])
  const same = withSpec(last, specOf(asked()), 12_000)
  assert.deepEqual(same.state, last.state)
  const other = withSpec(last, specOf(asked({ intervalMs: 500 })), 12_000)
  assert.deepEqual([deadlineOf(other), running({ last: other }).check?.failures], [12_500, 0])
  const none = withSpec(last, specOf(), 12_000)
  assert.deepEqual([deadlineOf(none), 'check' in none.state, 'health' in none.state], [null, false, false])
  assert.equal(deadlineOf(withSpec(none, specOf(asked()), 12_000)), 22_000)
})
