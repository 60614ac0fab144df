// The table of a lease: what each happening makes of it. Storms over it stand in supervisor/lease-storm.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leaseTransition } from '../../src/core/lease.ts'
import {
  isHeld,
  killAt,
  type Lease,
  type LeaseEffect,
  type LeaseEvent,
  leaseDeadline,
  MARGIN_MS,
  noLease,
  stopAt,
} from '../../src/core/lease-state.ts'

const STOP_MS = 2_000
/** Of a lease of 10 s whose grant was sent at 0: 9900 less 1000. */
const KILL = 8_900
const STOP = KILL - STOP_MS
const EVERY = STOP / 3

function play(events: readonly (readonly [at: number, event: LeaseEvent])[], awaited = true, from = noLease) {
  let lease: Lease = from
  const done: string[] = []
  for (const [now, event] of events) {
    const step = leaseTransition(lease, event, { now, stopMs: STOP_MS, awaited })
    lease = step.next
    done.push(...step.effects.map((effect) => `${now} ${wordsOf(effect)}`))
  }
  return { lease, done, due: leaseDeadline(lease, STOP_MS) }
}

function wordsOf(effect: LeaseEffect): string {
  switch (effect.do) {
    case 'ask':
      return effect.call.do
    case 'arm':
      return `arm ${killAt(effect.hold)}`
    case 'standBy':
      return `standBy: ${effect.why}`
    case 'lost':
      return effect.now ? 'lost now' : 'lost'
    default:
      return effect.do
  }
}

const deadline: LeaseEvent = { type: 'deadline' }
const want: LeaseEvent = { type: 'want' }
const failed = (n: number, why = 'no way'): LeaseEvent => ({ type: 'failed', n, why })
const renewed = (n: number): LeaseEvent => ({ type: 'renewed', n })

const taking = [
  [0, want],
  [0, { type: 'free', n: 1 }],
  [30, { type: 'granted', n: 2, lease: '77', ttlMs: 10_000 }],
  [60, { type: 'created', n: 3, fence: '5' }],
] as const

test('it is taken: nobody has it, a lease, the key; time counts from when the grant was asked for', () => {
  const { lease, done, due } = play(taking)
  assert.deepEqual(done, ['0 look', '0 grant', '30 create', `60 arm ${KILL}`, '60 got'])
  assert.deepEqual([lease.state.at, due], ['held', EVERY])
  assert.ok(isHeld(lease, { now: STOP - 1, stopMs: STOP_MS }))
  assert.ok(
    !isHeld(lease, { now: STOP, stopMs: STOP_MS }),
    'by the clock, whether or not anybody has heard the deadline',
  )
})

test('another has it: looked at again four times a second, and at once for who asks; an older answer means nothing', () => {
  const taken: LeaseEvent = { type: 'taken', n: 1, by: 'b (pid 2)' }
  const { done, due } = play([
    [0, want],
    [10, taken],
    [10, taken],
  ])
  assert.deepEqual([done, due], [['0 look', '10 standBy: b (pid 2) runs it'], 260])
  assert.deepEqual(
    play([
      [0, want],
      [10, taken],
      [260, deadline],
      [270, { type: 'free', n: 1 }],
    ]).done.at(-1),
    '260 look',
  )
  assert.deepEqual(
    play([
      [0, want],
      [10, taken],
      [20, want],
    ]).done.at(-1),
    '20 look',
  )
  const late = play([
    [0, want],
    [3_000, deadline],
  ])
  assert.deepEqual([late.done.at(-1), late.due], ['3000 standBy: etcd has not answered within 3 s', 3_500])
})

test('a key of which nobody knows whether it was made is let go with its lease', () => {
  const before = taking.slice(0, 3)
  assert.deepEqual(play([...before, [60, failed(3)]]).done.slice(-2), ['60 revoke', '60 standBy: no way'])
  assert.deepEqual(play([...before, [3_030, deadline]]).done.slice(-2), [
    '3030 revoke',
    '3030 standBy: etcd has not answered within 3 s',
  ])
  assert.deepEqual(play([...before, [60, { type: 'release' }]]).done.at(-1), '60 revoke')
  const slow = play([...before, [STOP, { type: 'created', n: 3, fence: '5' }]])
  assert.deepEqual(slow.done.slice(-2), [
    `${STOP} revoke`,
    `${STOP} standBy: etcd answers too slowly for a lease as short as this`,
  ])
})

test('renewed: three times in the time there is; what is answered counts from when it was sent', () => {
  const { done, due, lease } = play([...taking, [EVERY, deadline], [EVERY + 400, renewed(4)]])
  assert.deepEqual(done.slice(-2), [`${EVERY} renew`, `${EVERY + 400} arm ${EVERY + KILL}`])
  assert.deepEqual([due, lease.state.at], [2 * EVERY, 'held'])
  // No answer: asked again a little later, again and again, until there is no time left.
  const away = play([...taking, [EVERY, deadline], [2 * EVERY, deadline]])
  assert.deepEqual([away.due, away.done.at(-1)], [2 * EVERY + 500, `${EVERY} renew`])
})

test('it cannot be renewed: lost in time for graceful_timeout, and tried anew when nothing can live any more', () => {
  const lost = play([...taking, [EVERY, deadline], [EVERY + 1, failed(4)], [STOP, deadline]])
  assert.deepEqual([lost.done.at(-1), lost.lease.state.at, lost.due], [`${STOP} lost`, 'losing', KILL + MARGIN_MS])
  const { state } = lost.lease
  assert.equal(state.at === 'losing' && state.why, 'the lease could not be renewed: no way')
  const ends = [`${KILL + MARGIN_MS} revoke`, `${KILL + MARGIN_MS} disarm`]
  assert.deepEqual(play([[KILL + MARGIN_MS, deadline]], true, lost.lease).done, [...ends, `${KILL + MARGIN_MS} look`])
  assert.deepEqual(play([[KILL + MARGIN_MS, deadline]], false, lost.lease).done, ends)
  assert.deepEqual(
    play(
      [
        [STOP + 1, want],
        [STOP + 1, renewed(4)],
      ],
      true,
      lost.lease,
    ).done,
    [],
    'no way back',
  )
  // Heard too late, or the key is another's: at once.
  assert.equal(play([...taking, [KILL, deadline]]).done.at(-1), `${KILL} lost now`)
  const gone = play([...taking, [EVERY, deadline], [EVERY, { type: 'gone', n: 4, why: 'deleted' }]])
  assert.deepEqual([gone.done.at(-1), gone.due], [`${EVERY} lost now`, EVERY + MARGIN_MS])
})

test('let go: key and guard go at once. Taken over: for as long as it may still last', () => {
  assert.deepEqual(play([...taking, [90, { type: 'release' }]]).done.slice(-2), ['90 revoke', '90 disarm'])
  const hold = { lease: '77', fence: '5', ttlMs: 10_000, renewed: 0 }
  const adopted = (at: number) => play([[at, { type: 'adopted', hold }]], false)
  assert.deepEqual([adopted(STOP - 1).done, adopted(STOP - 1).due], [[`${STOP - 1} arm ${KILL}`], STOP - 1])
  assert.deepEqual(adopted(STOP).done, [`${STOP} lost`])
  assert.deepEqual(adopted(KILL).done, [`${KILL} lost now`])
  assert.equal(stopAt(hold, STOP_MS), STOP)
})
