// Faults beside the writing of logs: somebody who follows one and stalls, names that are taken, a clock that goes back.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { residentBytes } from '../helpers/proc.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

const MB = 1024 * 1024

/** The library that makes a program see another wall clock. */
const fakeTime = (existsSync('/usr/lib') ? readdirSync('/usr/lib') : [])
  .map((name) => `/usr/lib/${name}/faketime/libfaketimeMT.so.1`)
  .find((file) => existsSync(file))

test('row 53: a reader of logs -f stalls: its queue is bounded, it is told what it missed, and nobody else waits', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[flood]\ncommand = sh ${fixture('floods-numbers.sh')} %(here)s/enough\nlog_max_size = 2MB\nlog_backups = 2\n`,
  )
  await master.state('flood:0', 'RUNNING')
  const stalled = await rawSocket(master.socket)
  await stalled.call('logs', { target: 'flood', lines: 1, follow: true })
  stalled.socket.pause()
  const before = residentBytes(master.pid)
  // Far more than it may be behind.
  let turned = 0
  let size = 0
  await until('30 MB of log', async () => {
    assert.equal(await master.call('ping', {}), 'pong')
    const now = master.scene.read('flood.log').length
    if (now < size) turned++
    size = now
    return turned * 2 + size / MB > 30
  })
  assert.ok(residentBytes(master.pid) - before < 80 * MB, `${(residentBytes(master.pid) - before) / MB} MB more`)
  assert.equal((await master.process('flood:0')).restarts, 0)
  stalled.socket.resume()
  const missed = await until('the notice', async () => {
    const { params } = JSON.parse(await stalled.line()) as { params?: { missed?: number } }
    return params?.missed
  })
  assert.ok(missed > 0)
  assert.equal(
    (await stalled.call('unsubscribe', { subscription: 1 }).catch(() => ({ error: null }))).error ?? null,
    null,
  )
  stalled.socket.destroy()
})

test('row 54: names of archives that are taken, and a wall clock that goes back: nothing is overwritten', {
  skip: fakeTime === undefined && 'needs libfaketime',
}, async (t) => {
  const scene = sceneOf(t)
  const foreign = ['one', 'two', 'three'].map((text) => `${text} was here before\n`)
  foreign.forEach((text, at) => void scene.write(`flood.log.${at + 1}`, text))
  mkdirSync(scene.path('flood.log.5')) // no archive, and in the way all the same
  scene.write('clock', '+0')
  const master = await startMaster(
    t,
    `${quick}[flood]\ncommand = sh ${fixture('floods-numbers.sh')} %(here)s/enough\nlog_max_size = 256KB\nlog_backups = 1000\n`,
    {
      env: {
        LD_PRELOAD: fakeTime ?? '',
        FAKETIME_TIMESTAMP_FILE: scene.path('clock'),
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      },
    },
  )
  const archives = (): string[] => readdirSync(scene.dir).filter((name) => /^flood\.log\.\d+$/.test(name))
  await until('two rotations', () => archives().length >= 6)
  scene.write('clock', '-400d')
  await until('more of them', () => archives().length >= 10)
  scene.write('enough', '')
  await until('the end', () => /end/.test(scene.lines('flood.log').at(-1) ?? ''))
  await master.stop()
  const files = archives()
    .filter((name) => statSync(scene.path(name)).isFile())
    .sort((a, b) => Number(b.slice(10)) - Number(a.slice(10)))
  assert.deepEqual(
    files.slice(0, 3).map((name) => scene.read(name)),
    foreign.toReversed(),
  )
  const lines = [...files.slice(3), 'flood.log'].flatMap((name) => scene.lines(name))
  assert.equal(
    lines.findIndex((line, at) => Number(/^0:(?:end )?(\d+)/.exec(line)?.[1]) !== at + 1),
    -1,
  )
})
