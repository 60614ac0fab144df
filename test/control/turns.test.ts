// Turns of connections: one with much to do does not keep the others waiting, nor the loop.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { turnsOf } from '../../src/control/turns.ts'
import { systemClock } from '../../src/os/clock.ts'

/** Works for a while without giving the loop back. */
function busy(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

const many = (count: number, work: (n: number) => void): (() => Promise<void>)[] =>
  Array.from({ length: count }, (_none, n) => async () => work(n))

test('a connection with a hundred calls does not keep another with one waiting, nor the loop', async () => {
  const turns = turnsOf(systemClock())
  const [greedy, modest] = [turns.place(), turns.place()]
  const order: string[] = []
  let rounds = 0
  const counting = setInterval(() => rounds++, 1)
  const done = new Promise<void>((resolve) => {
    for (const work of many(100, (n) => {
      busy(1)
      order.push(`greedy ${n}`)
      if (n === 99) resolve()
    })) {
      greedy.add(work)
    }
    modest.add(async () => void order.push('modest'))
  })
  assert.ok(greedy.waiting >= 99)
  await done
  clearInterval(counting)
  assert.ok(order.indexOf('modest') <= 2, order.slice(0, 5).join())
  assert.deepEqual(
    order.filter((one) => one !== 'modest'),
    many(100, () => undefined).map((_work, n) => `greedy ${n}`),
    'the calls of one keep their order',
  )
  assert.ok(rounds >= 8, `the loop went round ${rounds} times in 100 ms`)
})

test('parts of what was begun come before what waits behind it; what waits for something is not waited for', async () => {
  const place = turnsOf(systemClock()).place()
  const order: string[] = []
  await new Promise<void>((resolve) => {
    place.add(async () => {
      place.addFirst(many(3, (n) => order.push(`part ${n}`)))
      await new Promise(() => undefined)
    })
    place.add(async () => {
      order.push('next')
      resolve()
    })
  })
  assert.deepEqual(order, ['part 0', 'part 1', 'part 2', 'next'])
})

test('a place that may not begin waits until it is woken, and keeps nobody waiting', async () => {
  const turns = turnsOf(systemClock())
  const order: string[] = []
  let may = false
  const held = turns.place(() => may)
  const free = turns.place()
  for (const n of [1, 2]) held.add(async () => void order.push(`held ${n}`))
  await new Promise<void>((resolve) => {
    free.add(async () => {
      order.push('free')
      resolve()
    })
  })
  held.wake()
  assert.deepEqual([order, held.waiting], [['free'], 2])
  may = true
  held.wake()
  await new Promise<void>((resolve) => free.add(async () => resolve()))
  assert.deepEqual(order, ['free', 'held 1'])
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(order, ['free', 'held 1', 'held 2'])
})
