// The way to systemd: what is sent arrives whole and in order, also when nobody takes it for a while, and never waits.

import assert from 'node:assert/strict'
import { closeSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { bindDatagrams, receive } from '../../src/os/libc-notify.ts'
import { notifierOf } from '../../src/os/notifier.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { sceneOf } from '../helpers/scene.ts'

function made(env: Readonly<Record<string, string>>) {
  const clock = new FakeClock()
  const noted: string[] = []
  const notifier = notifierOf({ env, pid: 7, clock, noted: (_facts, text) => noted.push(text) })
  return { clock, noted, notifier }
}

function ear(t: TestContext, path: string): () => string[] {
  const fd = bindDatagrams(path)
  t.after(() => closeSync(fd))
  return () => {
    const texts: string[] = []
    for (let one = receive(fd); one; one = receive(fd)) texts.push(one.text)
    return texts
  }
}

test('no NOTIFY_SOCKET, or one of another kind: nobody to tell', () => {
  assert.deepEqual([made({}).notifier, made({ NOTIFY_SOCKET: '' }).notifier], [null, null])
  const { notifier, noted } = made({ NOTIFY_SOCKET: 'vsock:2:1' })
  assert.deepEqual([notifier, noted], [null, ['cannot use NOTIFY_SOCKET: wanted a path, or a name behind an @']])
})

test('one datagram a call; while its queue is full all waits its turn, and nothing is lost', (t) => {
  const path = sceneOf(t).path('notify')
  const hear = ear(t, path)
  const { notifier, clock } = made({ NOTIFY_SOCKET: path })
  notifier?.tell('READY=1', 'STATUS=größer')
  assert.deepEqual(hear(), ['READY=1\nSTATUS=größer'])
  const texts = Array.from({ length: 1_000 }, (_none, n) => `STATUS=${n}`)
  for (const text of texts) notifier?.tell(text)
  assert.equal(clock.alarms.size, 1, 'the queue was full')
  const heard = hear()
  assert.ok(heard.length < texts.length)
  while (clock.alarms.size > 0) {
    clock.time += 100
    clock.fireDue()
    heard.push(...hear())
  }
  assert.deepEqual(heard, texts)
})

test('a socket that is gone is said once, and again when it was there in between', (t) => {
  const path = sceneOf(t).path('notify')
  const { notifier, noted } = made({ NOTIFY_SOCKET: path })
  for (let n = 0; n < 3; n++) notifier?.tell('WATCHDOG=1')
  assert.deepEqual(noted, ['cannot tell the service manager'])
  const hear = ear(t, path)
  notifier?.tell('WATCHDOG=1')
  assert.deepEqual([hear(), noted.length], [['WATCHDOG=1'], 1])
})

for (const [usec, pid, ms] of [
  ['30000000', undefined, 30_000],
  ['500', '7', 0.5],
  ['500', '8', null],
  ['0', '7', null],
  ['soon', '7', null],
  ['', undefined, null],
] as const) {
  test(`WATCHDOG_USEC=${usec} WATCHDOG_PID=${pid}: ${ms} ms`, () => {
    const env = { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: usec, ...(pid === undefined ? {} : { WATCHDOG_PID: pid }) }
    assert.equal(made(env).notifier?.watchdogMs, ms)
  })
}
