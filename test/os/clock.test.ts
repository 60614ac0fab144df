// The one clock: order of alarms, cancelling, and what happens after a stall.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/os/clock.ts'
import { until } from '../helpers/scene.ts'

test('alarms fire in the order of their times, whatever the order of their making', async () => {
  const clock = systemClock()
  const fired: number[] = []
  const now = clock.now()
  for (const ms of [60, 10, 40, 10, 0, 25]) clock.alarm(now + ms, () => fired.push(ms))
  await until('all', () => fired.length === 6)
  assert.deepEqual(fired, [0, 10, 10, 25, 40, 60])
})

test('never early: at its time or after', async () => {
  const clock = systemClock()
  const early: number[] = []
  let open = 50
  for (let n = 0; n < 50; n++) {
    const at = clock.now() + n * 0.7
    clock.alarm(at, () => {
      if (clock.now() < at) early.push(at - clock.now())
      open--
    })
  }
  await until('all', () => open === 0)
  assert.deepEqual(early, [])
})

test('a cancelled alarm does not fire; the others do; cancelling twice is nothing', async () => {
  const clock = systemClock()
  const fired: string[] = []
  const now = clock.now()
  const cancel = clock.alarm(now + 5, () => fired.push('cancelled'))
  clock.alarm(now + 20, () => fired.push('kept'))
  const later = clock.alarm(now + 10, () => {
    fired.push('canceller')
    cancelLast()
  })
  const cancelLast = clock.alarm(now + 10.1, () => fired.push('cancelled by another'))
  cancel()
  cancel()
  await until('the last', () => fired.includes('kept'))
  later()
  assert.deepEqual(
    fired.filter((one) => one === 'cancelled'),
    [],
  )
  assert.deepEqual([fired[0], fired.at(-1)], ['canceller', 'kept'])
})

test('an alarm in the past fires soon, and not within the call', async () => {
  const clock = systemClock()
  let fired = false
  clock.alarm(clock.now() - 1000, () => {
    fired = true
  })
  assert.equal(fired, false)
  await until('it', () => fired)
})

test('an alarm that is further away than a timer can be set does not fire at once', async () => {
  const clock = systemClock()
  let fired = false
  const cancel = clock.alarm(clock.now() + 2 ** 32, () => {
    fired = true
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(fired, false)
  cancel()
  clock.alarm(clock.now(), () => undefined) // arms for the near one, so that nothing keeps the process
})

test('after a stall of the process, what came in meanwhile is heard before an overdue alarm', async () => {
  const clock = systemClock()
  const { port1, port2 } = new MessageChannel()
  const order: string[] = []
  port2.on('message', () => order.push('message'))
  clock.alarm(clock.now() + 20, () => order.push('alarm'))
  port1.postMessage('said during the stall')
  // Blocks the loop for longer than the alarm and a second, as SIGSTOP would.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_200)
  await until('both', () => order.length === 2)
  port1.close()
  assert.deepEqual(order, ['message', 'alarm'])
})

test('the monotonic clock and the wall clock are what they say', () => {
  const clock = systemClock()
  const [one, two] = [clock.now(), clock.now()]
  assert.ok(two >= one)
  assert.ok(Math.abs(clock.wall() - Date.now()) < 1000)
})
