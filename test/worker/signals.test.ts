// What signals do to a worker, at each time of its life.

import assert from 'node:assert/strict'
import test from 'node:test'
import { masterOf } from './master.ts'

for (const signal of ['SIGTERM', 'SIGQUIT'] as const) {
  test(`${signal} in the middle of a request: it is finished, stop() awaited, exit 0; a second one changes nothing`, async (t) => {
    const master = masterOf(t)
    const worker = master.spawn(master.welcomeOf('slow-request.js', { cfg: { request_ms: '300' } }))
    await worker.logged('begin')
    worker.child.kill(signal)
    worker.child.kill('SIGTERM')
    assert.deepEqual(await worker.exited(), { code: 0, signal: null })
    assert.deepEqual(
      worker.logs().map((log) => log.msg),
      ['begin', 'end', 'stopped'],
    )
    const last = worker.logs().at(-1)
    assert.deepEqual([last?.nr, last?.alive, last?.name], [1, false, 'slow'])
    assert.deepEqual(master.happenings.at(-1), { type: 'beat', pid: worker.pid, requests: 1, errors: 0 })
  })
}

for (const fixture of ['slow-request.js', 'spins-for-ever.js']) {
  test(`SIGINT ends ${fixture} at once, and is seen as what it is`, async (t) => {
    const master = masterOf(t)
    const worker = master.spawn(master.welcomeOf(fixture, { cfg: { request_ms: '60000' } }))
    await worker.logged('begin')
    worker.child.kill('SIGINT')
    assert.deepEqual(await worker.exited(), { code: null, signal: 'SIGINT' })
  })
}

test('HUP USR1 USR2 WINCH TTIN TTOU change nothing', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('slow-request.js', { cfg: { request_ms: '50' } }))
  await worker.logged('begin')
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGTTIN', 'SIGTTOU'] as const) {
    worker.child.kill(signal)
  }
  await worker.logged('end', 5)
  assert.equal(worker.stderr(), '', 'USR1 must not open the inspector')
  worker.child.kill('SIGTERM')
  assert.equal((await worker.exited()).code, 0)
})

test('SIGTERM while the module is still importing: exit 0 at once', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('slow-import.js'))
  await worker.logged('importing')
  worker.child.kill('SIGTERM')
  assert.deepEqual(await worker.exited(), { code: 0, signal: null })
  assert.deepEqual(master.happenings, [])
})

test('SIGTERM during setup(): it is finished, then stop(), exit 0, never ready', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('slow-setup.js'))
  await worker.logged('setup begins')
  worker.child.kill('SIGTERM')
  assert.deepEqual(await worker.exited(), { code: 0, signal: null })
  assert.deepEqual(
    worker.logs().map((log) => [log.msg, log.alive]),
    [
      ['setup begins', undefined],
      ['setup ends', undefined],
      ['stopped', false],
    ],
  )
  assert.deepEqual(master.happenings, [])
})

test('SIGTERM before there is a welcome: exit 0 at once', async (t) => {
  const master = masterOf(t)
  const welcome = master.welcomeOf('trivial.js')
  const worker = master.spawn(welcome)
  master.channel.forget('secret')
  await master.until('the refusal', () => master.happenings.some((one) => one.type === 'trouble'))
  worker.child.kill('SIGTERM')
  assert.deepEqual(await worker.exited(), { code: 0, signal: null })
})
