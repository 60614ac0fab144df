// ready = notify: what a process says of itself on its NOTIFY_SOCKET, and what becomes of that; with its own
// words, with systemd's client, under a next master and through an upgrade.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, readdirSync, statSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { connect } from '../../src/api/client.ts'
import { nextMaster } from '../helpers/adoption.ts'
import { type Master, startMaster } from '../helpers/master.ts'
import { environmentOf } from '../helpers/proc.ts'
import { fixture, missing, type Scene, sceneOf, until } from '../helpers/scene.ts'

const skip = missing('python3')

/** A program that says what is told to it. */
function talker(scene: Scene, more = ''): { readonly ini: string; say(...lines: readonly string[]): void } {
  const file = scene.path('words')
  const ini = `[web]\ncommand = python3 ${fixture('says.py')} ${file}\nready = notify\ngraceful_timeout = 1\n${more}`
  return { ini, say: (...lines) => appendFileSync(file, lines.map((line) => `${line}\n`).join('')) }
}

async function started(t: TestContext, more = ''): Promise<{ master: Master; say: (...lines: string[]) => void }> {
  const { ini, say } = talker(sceneOf(t), more)
  return { master: await startMaster(t, ini), say }
}

const shows = (master: Master, what: string, fits: (p: Awaited<ReturnType<Master['process']>>) => boolean) =>
  until(what, async () => {
    const one = await master.process('web:0').catch(() => null)
    return one !== null && fits(one) && one
  })

test('RUNNING comes with READY=1, and STATUS is shown; the socket is its own', { skip }, async (t) => {
  const { master, say } = await started(t, 'worker_timeout = 20\n')
  say('STATUS=loading\u0007 maps')
  const waits = await shows(master, 'its status', (p) => p.statusText !== null)
  assert.deepEqual(
    [waits.state, waits.ready, waits.reason, waits.statusText],
    ['STARTING', false, 'waits for READY=1 on NOTIFY_SOCKET', 'loading  maps'],
  )
  const env = environmentOf(waits.pid ?? 0)
  assert.equal(env.WATCHDOG_USEC, '20000000')
  const socket = env.NOTIFY_SOCKET ?? ''
  assert.ok(socket.startsWith(`${master.dir}/.phd/n/`), socket)
  assert.equal(statSync(socket).mode & 0o777, 0o600)
  say('X_OWN=1|READY=0|nothing', 'READY=1|STATUS=at work')
  await master.state('web:0', 'RUNNING')
  const runs = await master.process('web:0')
  assert.deepEqual([runs.pid, runs.ready, runs.reason, runs.statusText], [waits.pid, true, null, 'at work'])
  assert.match((await master.phctl('status')).stdout, /at work/)
  const from = master.log.length
  await master.call('restart', { target: 'web' }) // says all of its file again
  await master.state('web:0', 'RUNNING', from)
  assert.equal(readdirSync(master.scene.path('.phd/n')).length, 1, 'the socket of the old process is gone')
})

test('without READY=1 the start fails, and says what it waited for; EXTEND_TIMEOUT_USEC gives it more time', {
  skip,
}, async (t) => {
  const { master, say } = await started(t, 'start_timeout = 3\nstart_retries = 0\n')
  say('EXTEND_TIMEOUT_USEC=4500000')
  const { reason, time } = await master.state('web:0', 'STOPPING')
  assert.match(reason ?? '', /^not ready after \d+ s: waited for READY=1 on NOTIFY_SOCKET$/)
  const born = await master.state('web:0', 'STARTING')
  assert.ok(Date.parse(time) - Date.parse(born.time) >= 4_500)
  assert.match((await master.state('web:0', 'FATAL')).reason ?? '', /waited for READY=1 on NOTIFY_SOCKET/)
})

test('RELOADING=1 withdraws readiness until READY=1; both are events', { skip }, async (t) => {
  const { master, say } = await started(t)
  say('READY=1')
  await master.state('web:0', 'RUNNING')
  const client = await connect(master.socket)
  t.after(() => client.close())
  const stream = client.events({ topics: ['process.ready'] })
  await stream.begun
  say('RELOADING=1')
  const away = await shows(master, 'readiness withdrawn', (p) => !p.ready)
  assert.equal(away.state, 'RUNNING')
  assert.equal((await master.call('status', {}))[0]?.ready, 0)
  assert.match((await master.phctl('status')).stdout, /not ready/)
  say('READY=1')
  await shows(master, 'readiness', (p) => p.ready)
  const told: unknown[] = []
  for await (const one of stream) if (told.push('ready' in one && one.ready) === 2) break
  assert.deepEqual(told, [false, true])
})

test('STOPPING=1: not ready any more, and ended hard when it does not end in time', { skip }, async (t) => {
  const { master, say } = await started(t)
  say('READY=1')
  const { pid } = await master.state('web:0', 'RUNNING')
  say('STOPPING=1', 'READY=1', 'WATCHDOG=1')
  await shows(master, 'readiness withdrawn', (p) => !p.ready)
  const { reason } = await master.state('web:0', 'STOPPING')
  assert.equal(reason, 'did not end within 1 s after STOPPING=1')
  const ended = await master.logged(
    'its end',
    (line) => line.msg === 'state' && line.pid === pid && line.from === 'STOPPING',
  )
  assert.equal(ended.exit, 'SIGABRT')
})

test('a heartbeat that stops, or WATCHDOG=trigger, ends it with SIGABRT', { skip }, async (t) => {
  const { master, say } = await started(t, 'worker_timeout = 700ms\n')
  say('READY=1')
  const { time } = await master.state('web:0', 'RUNNING')
  for (let n = 0; n < 6; n++) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    say('WATCHDOG=1')
  }
  const silent = await master.state('web:0', 'STOPPING')
  assert.equal(silent.reason, 'no heartbeat for 0.7 s')
  assert.ok(Date.parse(silent.time) - Date.parse(time) >= 1_500, 'the beats counted')
  const from = master.log.length
  await master.state('web:0', 'RUNNING', from)
  say('WATCHDOG=trigger')
  assert.equal((await master.state('web:0', 'STOPPING', from)).reason, 'it said WATCHDOG=trigger')
})

test("systemd's own client, as a child of the process: READY, STATUS, and its barrier is answered", {
  skip: missing('systemd-notify'),
}, async (t) => {
  const words = 'systemd-notify --ready --status=from-systemd && echo told; exec sleep 600'
  const master = await startMaster(t, `[web]\ncommand = sh -c "${words}"\nready = notify\n`)
  await master.state('web:0', 'RUNNING')
  await until('the end of systemd-notify', () => master.lines('web.log').includes('told'))
  assert.equal((await master.process('web:0')).statusText, 'from-systemd')
})

test('a program linked with libsystemd: READY, STATUS, MAINPID, WATCHDOG, RELOADING, STOPPING, and each barrier is answered', {
  skip: missing('cc') || (existsSync('/usr/include/systemd/sd-daemon.h') ? false : 'needs libsystemd-dev'),
}, async (t) => {
  const program = sceneOf(t).path('notifies')
  execFileSync('cc', ['-O1', '-Wall', '-o', program, fixture('notifies.c'), '-lsystemd'])
  const master = await startMaster(
    t,
    `[web]\ncommand = ${program}\nready = notify\nworker_timeout = 600ms\nreload_strategy = signal\n`,
  )
  const { time } = await master.state('web:0', 'RUNNING')
  const { pid, statusText } = await master.process('web:0')
  assert.equal(statusText, 'a sign of life every 300 ms')
  const client = await connect(master.socket)
  t.after(() => client.close())
  const stream = client.events({ topics: ['process.ready'] })
  await stream.begun
  assert.ok((await master.call('reload', { target: 'web' })).ok)
  const told: unknown[] = []
  for await (const one of stream) if (told.push('ready' in one && one.ready) === 2) break
  assert.deepEqual(told, [false, true])
  await until('twice the time of its watchdog', () => Date.now() - Date.parse(time) > 1_200)
  const lives = await master.process('web:0')
  assert.deepEqual([lives.pid, lives.state, lives.ready], [pid, 'RUNNING', true])
  assert.ok((await master.call('stop', { target: 'web' })).ok)
  assert.deepEqual((await master.process('web:0')).exit?.code, 0)
  assert.deepEqual(master.lines('web.log'), ['READY=1 1 1', 'RELOADING=1 1 1', 'READY=1 1 1', 'STOPPING=1 1 1'])
})

const SEND =
  'import os,socket,time\nsocket.socket(socket.AF_UNIX,socket.SOCK_DGRAM).sendto(b"READY=1\\nMAINPID=1",os.environ["NOTIFY_SOCKET"])\ntime.sleep(1)'

test('a stranger is not heard; MAINPID of no descendant is ignored', { skip }, async (t) => {
  const { master, say } = await started(t)
  const { pid } = await shows(master, 'its process', (p) => p.pid !== null)
  const env = { PATH: process.env.PATH ?? '', NOTIFY_SOCKET: environmentOf(pid ?? 0).NOTIFY_SOCKET ?? '' }
  assert.equal(spawnSync('python3', ['-c', SEND], { env }).status, 0)
  await master.logged('the stranger', (line) => line.msg.startsWith('a stranger writes'))
  assert.equal((await master.process('web:0')).state, 'STARTING')
  say('READY=1|MAINPID=1')
  await master.logged('MAINPID', (line) => line.msg.startsWith('MAINPID ignored') && line.mainPid === 1)
  await master.state('web:0', 'RUNNING')
})

test('a next master hears on the same socket: a start goes on, readiness and status stand', { skip }, async (t) => {
  const { ini, say } = talker(sceneOf(t))
  const first = await startMaster(t, ini)
  say('STATUS=one')
  const { pid } = await shows(first, 'its status', (p) => p.statusText === 'one')
  await first.murder()
  const second = await nextMaster(t, ini)
  assert.deepEqual(await second.process('web:0').then((p) => [p.pid, p.state, p.statusText]), [pid, 'STARTING', 'one'])
  say('READY=1', 'RELOADING=1')
  await shows(second, 'readiness withdrawn', (p) => p.state === 'RUNNING' && !p.ready)
  await second.murder()
  const third = await nextMaster(t, ini)
  assert.deepEqual(await third.process('web:0').then((p) => [p.pid, p.state, p.ready]), [pid, 'RUNNING', false])
  say('READY=1')
  await shows(third, 'readiness', (p) => p.ready)
})

test('an upgrade in place loses no word', { skip }, async (t) => {
  const { master, say } = await started(t, 'worker_timeout = 10\n')
  const { pid } = await shows(master, 'its process', (p) => p.pid !== null)
  let over = false
  const talking = (async () => {
    for (let n = 0; !over; n++) {
      say(`STATUS=${n}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })()
  for (let n = 1; n <= 2; n++) assert.equal((await master.phctl('upgrade')).code, 0)
  over = true
  await talking
  say('STATUS=last|READY=1')
  const one = await shows(master, 'its last word', (p) => p.statusText === 'last')
  assert.deepEqual([one.pid, one.state, one.ready], [pid, 'RUNNING', true])
  assert.deepEqual(master.lines('web.log'), [], 'every word found an open ear')
})
