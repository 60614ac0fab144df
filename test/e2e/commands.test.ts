// start, stop, restart, scale, signal, wait, show, shutdown and the rest, over the socket and by phctl.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PhError } from '../../src/errors.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { lives } from '../helpers/proc.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

const web = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`

test('stop and start: settled when they answer, a line per process', async (t) => {
  const master = await startMaster(t, `${web}[other]\ncommand = sleep 600\n`)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const pid = (await master.process('web:1')).pid ?? 0
  const stopped = await master.phctl('stop', 'web:1')
  assert.deepEqual([stopped.code, stopped.stdout.trim()], [0, 'web:1  STOPPED'])
  assert.ok(!lives(pid))
  const [program, other] = await master.call('status', {})
  assert.deepEqual(
    program?.processes.map((p) => [p.state, p.wanted]),
    [
      ['RUNNING', 'up'],
      ['STOPPED', 'down'],
    ],
  )
  assert.deepEqual([program?.state, program?.desired, program?.running, other?.state], ['RUNNING', 2, 1, 'RUNNING'])
  assert.equal((await master.phctl('status')).code, 0, 'down and STOPPED is as wanted')

  const started = await master.phctl('start', 'web')
  assert.equal(started.code, 0, started.stderr)
  assert.match(started.stdout, /^web:0 +RUNNING +pid \d+\nweb:1 +RUNNING +pid \d+\n$/)
  const restarted = await master.call('restart', { target: 'web' })
  assert.ok(restarted.ok)
  assert.notEqual(restarted.results[0]?.pid, program?.processes[0]?.pid)
  assert.equal((await master.process('web:0')).restarts, 0, 'asked for')
})

test('an unknown name: nothing is done for any target, exit 1, the nearest name', async (t) => {
  const master = await startMaster(t, web)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const ran = await master.phctl('stop', 'web:0', 'wbe')
  assert.equal(ran.code, 1)
  assert.match(ran.stderr, /cannot find "wbe": no such program; did you mean "web"\?/)
  for (const target of ['web:2', 'api-*', '*:7']) {
    await assert.rejects(master.call('stop', { target }), (e: PhError) => e.code === 'PH_NOT_FOUND')
  }
  assert.equal((await master.process('web:0')).state, 'RUNNING')
})

test('globs, lists and all', async (t) => {
  const program = (name: string): string => `[${name}]\ncommand = sleep 600\nautostart = false\n`
  const master = await startMaster(t, quick + ['web-a', 'web-b', 'db'].map(program).join(''))
  const names = async (target: string | string[]): Promise<string[]> =>
    (await master.call('start', { target })).results.map((one) => one.name)
  assert.deepEqual(await names('web-*'), ['web-a:0', 'web-b:0'])
  assert.deepEqual(await names(['db', 'web-a:0']), ['web-a:0', 'db:0'])
  assert.deepEqual(await names('all'), ['web-a:0', 'web-b:0', 'db:0'])
})

test('all without programs is an empty success', async (t) => {
  const master = await startMaster(t, '[DEFAULT]\n')
  for (const command of ['start', 'stop', 'restart', 'reload']) {
    const ran = await master.phctl(command, 'all')
    assert.deepEqual([ran.code, ran.stdout], [0, 'no processes: nothing to do\n'], command)
  }
  assert.equal((await master.phctl('status')).code, 0)
})

test('scale: absolute, up, down, to 0 and back; the highest slots go', async (t) => {
  const master = await startMaster(t, web)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const first = (await master.process('web:0')).pid
  const up = await master.phctl('scale', 'web', '4')
  assert.equal(up.code, 0, up.stderr)
  assert.match(up.stdout, /^web: 2 -> 4 processes\nweb:2 +RUNNING +pid \d+\nweb:3 +RUNNING/)
  const more = await master.call('scale', { program: 'web', delta: 1 })
  assert.deepEqual([more.from, more.to, more.ok], [4, 5, true])
  const down = await master.phctl('scale', 'web', '-4')
  assert.equal(down.code, 0, down.stderr)
  assert.equal((await master.process('web:0')).pid, first)
  await assert.rejects(master.process('web:1'), /cannot find "web:1"/)
  const none = await master.call('scale', { program: 'web', workers: 0 })
  assert.deepEqual([none.ok, none.to], [true, 0])
  assert.deepEqual((await master.call('status', {}))[0]?.processes, [])
  const back = await master.call('scale', { program: 'web', workers: 1 })
  assert.ok(back.ok && back.results[0]?.pid)
  assert.equal((await master.phctl('scale', 'web', '-5')).code, 2, 'below 0')
  assert.equal((await master.phctl('scale', 'web', 'many')).code, 2)
})

test('scale of a stopped program: the new slots stay down, and the answer says so', async (t) => {
  const master = await startMaster(t, web)
  await master.call('stop', { target: 'web' })
  const ran = await master.phctl('scale', 'web', '3')
  assert.equal(ran.code, 0)
  assert.match(ran.stdout, /"web" is stopped: the new processes stay down until it is started/)
  assert.equal((await master.process('web:2')).state, 'STOPPED')
  const { results } = await master.call('start', { target: 'web' })
  assert.equal(results.length, 3)
})

test('signal: to processes that run; none is a conflict', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sh -c 'trap "echo USR1" USR1; echo set; while :; do sleep 0.02; done'\n`,
  )
  await until('the trap', () => master.lines('web.log').includes('set'))
  assert.equal((await master.phctl('signal', 'usr1', 'web')).code, 0)
  assert.equal((await master.phctl('signal', '10', 'web:0')).code, 0)
  await until('two signals', () => master.lines('web.log').filter((line) => line === 'USR1').length === 2)
  assert.equal((await master.phctl('signal', 'NOPE', 'web')).code, 2)
  await master.call('stop', { target: 'web' })
  const ran = await master.phctl('signal', 'USR1', 'web')
  assert.equal(ran.code, 1)
  assert.match(ran.stderr, /cannot send SIGUSR1: no process runs there/)
})

test('wait: answers when the state has been seen', async (t) => {
  const master = await startMaster(t, `${quick}[job]\ncommand = sh -c "sleep 0.3; exit 0"\nautorestart = on-failure\n`)
  const ran = await master.phctl('wait', 'job', '--state', 'exited')
  assert.equal(ran.code, 0, ran.stderr)
  assert.match(ran.stdout, /^job:0 +EXITED/)
  const late = await master.phctl('--timeout', '200ms', 'wait', 'job', '--state', 'RUNNING')
  assert.equal(late.code, 7)
})

test('a timeout: -32004 with the results so far, exit 7, and the operation goes on', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[quick]\ncommand = sleep 600\n[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 1\n`,
  )
  await until('its trap', () => master.lines('deaf.log').length > 0)
  await assert.rejects(master.call('stop', { target: 'all', timeout: 0.3 }), (e: PhError) => {
    const results = e.data.results as { name: string; ok: boolean; state: string }[]
    assert.equal(e.code, 'PH_TIMEOUT')
    assert.equal(e.data.rpc, -32004)
    assert.deepEqual(
      results.map(({ name, ok, state }) => [name, ok, state]),
      [
        ['quick:0', true, 'STOPPED'],
        ['deaf:0', false, 'STOPPING'],
      ],
    )
    return true
  })
  await master.state('deaf:0', 'STOPPED')

  await master.call('start', { target: 'deaf' })
  await until('its trap', () => master.lines('deaf.log').length > 1)
  const from = master.log.length
  const ran = await master.phctl('stop', 'deaf', '--timeout', '0.3')
  assert.equal(ran.code, 7)
  assert.match(ran.stdout + ran.stderr, /deaf:0 +STOPPING/)
  await master.state('deaf:0', 'STOPPED', from)
})

test('wait = false and --no-wait answer at once', async (t) => {
  const master = await startMaster(t, `${quick}start_seconds_ = 1\n[web]\ncommand = sleep 600\nstart_seconds = 1\n`)
  await master.call('stop', { target: 'web' })
  const answer = await master.call('start', { target: 'web', wait: false })
  assert.equal(answer.results[0]?.state, 'STARTING')
  assert.equal((await master.phctl('stop', 'web', '--no-wait')).code, 0)
  await master.call('wait', { target: 'web', state: 'STOPPED' })
})

test('stop overtakes a start; two clients are each told the final state', async (t) => {
  const master = await startMaster(t, `${quick}[slow]\ncommand = sleep 600\nstart_seconds = 5\nautostart = false\n`)
  const started = master.call('start', { target: 'slow' })
  const refused = assert.rejects(
    started,
    (e: PhError) => e.code === 'PH_CONFLICT' && /superseded by a stop/.test(e.message),
  )
  await master.state('slow:0', 'STARTING')
  const { ok } = await master.call('stop', { target: 'slow' })
  assert.ok(ok)
  await refused
  assert.equal((await master.process('slow:0')).state, 'STOPPED')
})

test('start of a process that is stopping: it starts after it has ended', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 500ms\n`,
  )
  await until('its trap', () => master.lines('deaf.log').length > 0)
  const old = (await master.process('deaf:0')).pid
  const stopped = master.call('stop', { target: 'deaf' })
  await master.state('deaf:0', 'STOPPING')
  const started = await master.call('start', { target: 'deaf' })
  assert.ok(started.ok)
  assert.notEqual(started.results[0]?.pid, old)
  await stopped.catch(() => undefined)
})

test('stop in BACKOFF is STOPPED at once', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[bad]\ncommand = false\nbackoff_initial = 20\nbackoff_max = 20\nstart_retries = -1\n`,
  )
  await until('the long wait', async () => {
    const { state, nextAttemptAt } = await master.process('bad:0')
    return state === 'BACKOFF' && Date.parse(nextAttemptAt ?? '') > Date.now() + 10_000
  })
  const begun = performance.now()
  assert.ok((await master.call('stop', { target: 'bad' })).ok)
  assert.ok(performance.now() - begun < 2000)
})

test('show: each value with its origin, secrets hidden', async (t) => {
  const master = await startMaster(t, `${web}env.API_TOKEN = very-secret\nenv.PLAIN = seen\n`)
  const shown = await master.phctl('show', 'web')
  assert.equal(shown.code, 0)
  assert.match(shown.stdout, /number_workers +2 +\S+config\.ini:5/)
  assert.match(shown.stdout, /backoff_initial +\S+ +default/)
  assert.match(shown.stdout, /PLAIN=seen/)
  assert.ok(!shown.stdout.includes('very-secret'))
  const { stdout } = await master.phctl('status', '--json')
  assert.ok(!stdout.includes('very-secret') && !JSON.stringify(master.log).includes('very-secret'))
})

test('--json: the result as it is, failures as {"error"}, both on stdout', async (t) => {
  const master = await startMaster(t, web)
  const status = await master.phctl('status', '--json')
  const [program] = JSON.parse(status.stdout) as { program: string; processes: unknown[] }[]
  assert.deepEqual([program?.program, program?.processes.length], ['web', 2])
  const failed = await master.phctl('stop', 'nothing', '--json')
  const { error } = JSON.parse(failed.stdout) as { error: { code: number; message: string; data: { code: string } } }
  assert.deepEqual([failed.code, error.code, error.data.code], [1, -32001, 'PH_NOT_FOUND'])
})

test('info, ping, loglevel, call', async (t) => {
  const master = await startMaster(t, web)
  const info = await master.call('info', {})
  assert.equal(info.pid, master.pid)
  assert.equal(info.config, master.scene.path('config.ini'))
  assert.deepEqual([info.programs, info.processes, info.instance], [1, 2, null])
  assert.equal((await master.phctl('ping')).stdout, 'pong\n')
  assert.equal((await master.phctl('loglevel')).stdout, 'info\n')
  assert.equal((await master.phctl('loglevel', 'warn')).stdout, 'warn\n')
  const from = master.log.length
  await master.call('restart', { target: 'web' })
  assert.equal(master.log.length, from, 'nothing below warn is logged')
  assert.equal((await master.phctl('loglevel', 'loud')).code, 2)
  const called = await master.phctl('call', 'scale', '{"program":"web","workers":1}')
  assert.equal(JSON.parse(called.stdout).to, 1)
  const document = await master.phctl('call', 'rpc.discover')
  assert.equal(JSON.parse(document.stdout).openrpc.slice(0, 3), '1.3')
})

test('shutdown returns when the master is gone; then there is no master: exit 4', async (t) => {
  const scene = sceneOf(t)
  const master = await startMaster(t, web)
  const ran = await master.phctl('shutdown')
  assert.equal(ran.code, 0, ran.stderr)
  assert.ok(!lives(master.pid))
  assert.deepEqual(await master.ended, { code: 0, signal: null })
  assert.deepEqual(
    ['phd.sock', 'master.pid'].filter((file) => scene.lines(file).length > 0),
    [],
  )
  assert.equal((await master.phctl('status')).code, 4)
})

test('while the master shuts down: questions are answered, changes are -32007, a second shutdown waits too', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 800ms\n`,
  )
  await until('its trap', () => master.lines('deaf.log').length > 0)
  const down = master.call('shutdown', {})
  await master.state('deaf:0', 'STOPPING')
  assert.equal((await master.process('deaf:0')).state, 'STOPPING')
  for (const method of ['start', 'stop', 'restart', 'reload'] as const) {
    await assert.rejects(master.call(method, { target: 'deaf' }), (e: PhError) => e.code === 'PH_STOPPING', method)
  }
  await assert.rejects(master.call('scale', { program: 'deaf', workers: 3 }), (e: PhError) => e.code === 'PH_STOPPING')
  await assert.rejects(master.call('update', {}), (e: PhError) => e.code === 'PH_STOPPING')
  assert.deepEqual(await master.call('shutdown', {}), { ok: true })
  assert.deepEqual(await down, { ok: true })
  assert.deepEqual(await master.ended, { code: 0, signal: null })
})
