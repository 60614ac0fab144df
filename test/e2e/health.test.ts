// health_check: what people see of a process that is not well, what follows, and that a next master goes on asking.

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { nextMaster } from '../helpers/adoption.ts'
import { happenings } from '../helpers/happenings.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { commandOf, mentioning } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'

const often = `${quick}health_interval = 60ms\nhealth_failures = 2\ngraceful_timeout = 1\n`

const health = async (master: Master, name: string) => (await master.process(name)).health
/** The first line of the log that says so of the process. */
const said = (master: Master, name: string, word: 'passing' | 'failing', from = 0) =>
  master.logged(`${name} is ${word}`, (line) => line.name === name && line.health === word, from)

test('a check that fails takes ready away, one that passes gives it back; in the slot that it is of', async (t) => {
  const sick = new Set<string>()
  const server = createServer((request, response) => {
    response.writeHead(sick.has(request.url ?? '') ? 503 : 204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/%(slot)s`
  const master = await startMaster(
    t,
    `${often}health_action = none\n[web]\ncommand = sleep 600\nnumber_workers = 2\nhealth_check = ${url}\n`,
  )
  await said(master, 'web:1', 'passing')
  await said(master, 'web:0', 'passing')
  sick.add('/1')
  const { reason } = await said(master, 'web:1', 'failing')
  const error = `${url.replace('%(slot)s', '1')} answered 503`
  assert.equal(reason, error)
  const row = await master.process('web:1')
  assert.deepEqual([row.state, row.ready, row.reason], ['RUNNING', false, `unhealthy: ${error}, 2 of 2`])
  const { at, failures, ...rest } = row.health ?? {}
  assert.deepEqual(rest, { state: 'failing', check: url.replace('%(slot)s', '1'), limit: 2, lastError: error })
  assert.ok((failures ?? 0) >= 2 && Math.abs(Date.parse(at ?? '') - Date.now()) < 5_000, `${failures} ${at}`)
  assert.deepEqual([(await master.process('web:0')).ready, (await master.call('status', {}))[0]?.ready], [true, 1])
  assert.match((await master.phctl('status')).stdout, / {2}unhealthy: http:.* answered 503, 2 of 2/)
  sick.clear()
  const { log } = master
  await said(
    master,
    'web:1',
    'passing',
    log.findIndex((line) => line.health === 'failing'),
  )
  const well = await master.process('web:1')
  assert.deepEqual([well.ready, well.reason, well.health?.lastError, well.restarts], [true, null, null, 0])
  const events = (await happenings(master, ['process.health', 'process.ready'])).filter((e) => e.name === 'web:1')
  assert.deepEqual(
    events.map((e) => e.state ?? e.ready),
    [true, 'passing', 'failing', false, 'passing', true],
  )
})

test('restart, signal, log-silence, a command that hangs: each does what it says, once', async (t) => {
  const scene = sceneOf(t)
  for (const name of ['restarts', 'signals']) scene.write(`${name}-sick`, '')
  const check = (name: string): string => `health_check = exec:sh -c "test ! -e ${name}-sick"\n`
  const master = await startMaster(
    t,
    [
      often,
      `[restarts]\ncommand = sleep 600\n${check('restarts')}`,
      `[signals]\ncommand = sh -c "trap 'echo heard' USR1; while :; do sleep 0.02; done"\n${check('signals')}`,
      'health_action = signal:usr1\n',
      '[quiet]\ncommand = sh -c "echo begun; exec sleep 600"\nhealth_check = log-silence:200ms\nautorestart = never\n',
      '[talks]\ncommand = sh -c "while :; do printf .; sleep 0.05; done"\nhealth_check = log-silence:1s\n',
      '[hangs]\ncommand = sleep 600\nhealth_check = exec:sh -c "sleep 607 & exec sleep 608"\nhealth_timeout = 100ms\nhealth_action = none\n',
      '[absent]\ncommand = sleep 600\nhealth_check = tcp:127.0.0.1:1\nhealth_action = none\n',
    ].join(''),
  )
  const restarted = await master.state('restarts:0', 'BACKOFF')
  rmSync(scene.path('restarts-sick'))
  const why = 'unhealthy: exec:sh -c test ! -e restarts-sick: exit 1, 2 of 2'
  assert.equal(restarted.reason, `killed by SIGTERM: ${why}`)
  await until('its new process', async () => (await health(master, 'restarts:0'))?.state === 'passing')
  const { restarts, exit } = await master.process('restarts:0')
  assert.ok(restarts >= 1 && exit?.signal === 'SIGTERM' && !exit.expected)

  assert.equal((await master.state('quiet:0', 'EXITED')).reason, 'killed by SIGTERM: unhealthy: no output for 0.2 s')
  assert.equal((await said(master, 'hangs:0', 'failing')).reason?.slice(-22), 'no answer within 0.1 s')
  assert.equal((await said(master, 'absent:0', 'failing')).reason, 'tcp:127.0.0.1:1: ECONNREFUSED')
  await master.call('stop', { target: 'hangs' })
  await until('no check is left', () => !mentioning(master.dir).some((pid) => /sleep 60[78]/.test(commandOf(pid))))

  await until('the signal', () => scene.read('signals.log') === 'heard\n')
  const failed = await health(master, 'signals:0')
  await until('more checks', async () => ((await health(master, 'signals:0'))?.failures ?? 0) > (failed?.failures ?? 0))
  assert.equal(scene.read('signals.log'), 'heard\n')
  const talks = await master.process('talks:0')
  assert.deepEqual([talks.restarts, talks.health?.state], [0, 'passing'])
})

test('a next master goes on asking, and what is live is live', async (t) => {
  const scene = sceneOf(t)
  scene.write('sick', '')
  const section = (action: string): string =>
    `${often}[web]\ncommand = sleep 600\nhealth_check = exec:test ! -e sick\nhealth_action = ${action}\n`
  const first = await startMaster(t, section('none'))
  await said(first, 'web:0', 'failing')
  const { pid } = await first.process('web:0')
  await first.murder()
  const second = await nextMaster(t, section('none'))
  const { ready, health: found } = await second.process('web:0')
  assert.deepEqual([ready, found?.state], [false, 'failing'])
  rmSync(scene.path('sick'))
  await said(second, 'web:0', 'passing')
  assert.equal((await second.process('web:0')).pid, pid)
  scene.write('config.ini', `${often}[web]\ncommand = sleep 600\nhealth_check = exec:false\nhealth_failures = 1\n`)
  const { diff } = await second.call('update', { wait: true })
  assert.deepEqual(
    diff.changed.map(({ effect }) => effect),
    ['live'],
  )
  await second.state('web:0', 'STOPPING')
})
