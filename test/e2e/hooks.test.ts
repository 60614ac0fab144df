// pre_start, post_start, pre_stop, post_stop: their order and facts, what their failures do, and that none is
// left running or run twice, whatever becomes of the master.

import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { nextMaster } from '../helpers/adoption.ts'
import { happenings } from '../helpers/happenings.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { commandOf, mentioning } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'

const words = (name: string, rest = ''): string => `${name} = sh -c 'echo $PHD_HOOK $PHD_NAME ${rest}'\n`
const running = (master: Master, text: string) => mentioning(master.dir).filter((pid) => commandOf(pid).includes(text))

test('in their order, in its folder, with its environment and facts of their own; output in its log', async (t) => {
  const scene = sceneOf(t)
  const master = await startMaster(
    t,
    [
      `${quick}graceful_timeout = 1\n[web]\nenv.A = b\ncommand = sh -c 'trap "echo term; exit 3" TERM; echo main; while :; do sleep 0.01; done'\n`,
      words('pre_start', '$A $(pwd)'),
      words('post_start', 'of $PHD_PID'),
      words('pre_stop', 'of $PHD_PID; sleep 0.1'),
      words('post_stop', 'of $PHD_PID $PHD_EXIT_CODE$PHD_EXIT_SIGNAL'),
    ].join(''),
  )
  await until('post_start', () => master.lines('web.log').length >= 3)
  const { pid } = await master.process('web:0')
  const stopped = await master.call('stop', { target: 'web' })
  assert.equal(stopped.ok, true)
  assert.deepEqual(master.lines('web.log'), [
    `pre_start web:0 b ${scene.dir}`,
    'main',
    `post_start web:0 of ${pid}`,
    `pre_stop web:0 of ${pid}`,
    'term',
    `post_stop web:0 of ${pid} 3`,
  ])
  await master.call('start', { target: 'web' })
  const next = (await master.process('web:0')).pid
  const from = master.log.length
  process.kill(next ?? 0, 'SIGKILL')
  await master.state('web:0', 'BACKOFF', from)
  const ended = master.log.filter((line, at) => at >= from && line.msg === 'state').map((line) => line.to)
  assert.deepEqual(ended.slice(0, 2), ['STOPPING', 'BACKOFF'])
  await until('post_stop', () => master.lines('web.log').includes(`post_stop web:0 of ${next} SIGKILL`))
  assert.equal((await master.process('web:0')).exit?.signal, 'SIGKILL')
})

test('what fails: pre_start a start, the others only a word; at the timeout all of a hook is killed', async (t) => {
  const master = await startMaster(
    t,
    [
      `${quick}start_retries = 1\nhook_timeout = 300ms\ngraceful_timeout = 1\n`,
      '[bad]\ncommand = sleep 600\npre_start = sh -c "exit 7"\n',
      '[gone]\ncommand = sleep 600\npre_start = no-such-program\n',
      '[slow]\ncommand = sleep 600\npre_start = sh -c "trap \'\' TERM; sleep 611 & sleep 612"\nstart_retries = 0\n',
      '[fine]\ncommand = sleep 600\npost_start = false\npre_stop = sleep 613\npost_stop = no-such-program\n',
      '[leaves]\ncommand = sleep 600\npre_start = sh -c "sleep 614 & setsid sleep 615 &"\n',
    ].join(''),
  )
  const reason = async (name: string) => (await master.state(name, 'FATAL')).reason
  assert.equal(await reason('bad:0'), 'pre_start exited 7; 2 starts in a row failed')
  assert.equal(
    await reason('gone:0'),
    'pre_start could not be started: ENOENT: no program "no-such-program" in its PATH; 2 starts in a row failed',
  )
  assert.equal(await reason('slow:0'), 'pre_start did not end within 0.3 s; the first start failed')
  assert.deepEqual((await master.process('slow:0')).exit, null)
  await master.state('leaves:0', 'RUNNING')
  await until('nothing of the hooks', () => running(master, 'sleep 61').length === 0)
  await master.state('fine:0', 'RUNNING')
  await master.logged('post_start', (line) => line.hook === 'post_start')
  await master.call('stop', { target: 'fine' })
  const told = master.log.filter((line) => line.msg === 'a hook failed' && line.name === 'fine:0')
  assert.deepEqual(
    told.map((line) => line.reason),
    [
      'post_start exited 1',
      'pre_stop did not end within 0.3 s',
      'post_stop could not be started: ENOENT: no program "no-such-program" in its PATH',
    ],
  )
  const events = (await happenings(master, ['process.hook'])).filter((e) => e.name === 'fine:0')
  assert.deepEqual([events[0]?.hook, events[0]?.error, events.length], ['post_start', 'post_start exited 1', 3])
})

test('stop ends a pre_start; a second TERM to the master all hooks', async (t) => {
  const master = await startMaster(
    t,
    [
      `${quick}graceful_timeout = 600\n`,
      '[begins]\ncommand = sleep 600\npre_start = sh -c "sleep 621 & wait"\n',
      '[ends]\ncommand = sleep 600\npre_stop = sh -c "trap \'\' TERM; while :; do sleep 0.1; done"\nhook_timeout = 600\n',
      '[ended]\ncommand = sleep 600\npost_stop = sh -c "trap \'\' TERM; sleep 622"\nhook_timeout = 600\n',
    ].join(''),
  )
  await until('pre_start', () => running(master, 'sleep 621').length >= 2)
  const { state, pid, reason } = await master.process('begins:0')
  assert.deepEqual([state, pid, reason], ['STARTING', null, 'pre_start is running'])
  assert.deepEqual((await master.call('stop', { target: 'begins' })).results[0]?.state, 'STOPPED')
  assert.equal(running(master, 'sleep 621').length, 0)
  await master.call('wait', { target: ['ends', 'ended'], state: 'RUNNING' })
  master.kill('SIGTERM')
  await until('both hooks', async () => {
    const reasons = (await master.call('status', {})).map((p) => p.processes[0]?.reason)
    return reasons.includes('pre_stop is running') && reasons.includes('post_stop is running')
  })
  await new Promise((resolve) => setTimeout(resolve, 600)) // sooner it would be the same wish
  master.kill('SIGTERM')
  await master.ended
  assert.deepEqual(mentioning(master.dir), [])
})

test('a master that is killed in the middle of a pre_start: the next one waits for it, and runs it no second time', async (t) => {
  const scene = sceneOf(t)
  const ini = [
    quick,
    '[web]\ncommand = sh -c "echo main; exec sleep 600"\n',
    `pre_start = sh -c "echo begun; while [ ! -e ${scene.path('go')} ]; do sleep 0.02; done; echo done"\n`,
    // Nobody hears how this one ends; where the kernel does not tell, it is begun anew.
    `[lost]\ncommand = sleep 600\npre_start = sh -c "echo begun; while [ ! -e ${scene.path('lost')} ]; do sleep 0.02; done"\n`,
  ].join('')
  const first = await startMaster(t, ini)
  await until('both', () => first.lines('web.log').length === 1 && first.lines('lost.log').length === 1)
  const [lost] = running(first, '/lost ')
  await first.murder()
  scene.write('lost', '')
  await until('its end', () => lost === undefined || !existsSync(`/proc/${lost}`))
  const second = await nextMaster(t, ini)
  const { state, reason } = await second.process('web:0')
  assert.deepEqual([state, reason], ['STARTING', 'pre_start is running'])
  await second.state('lost:0', 'RUNNING')
  await second.call('upgrade', {})
  await until('the upgraded master', async () => {
    try {
      return (await second.call('info', {})).upgrades === 1
    } catch {
      return false // its connection was closed: the next look makes a new one
    }
  })
  assert.equal((await second.process('web:0')).state, 'STARTING')
  scene.write('go', '')
  await until('its process', async () => (await second.process('web:0')).state === 'RUNNING')
  assert.deepEqual(second.lines('web.log'), ['begun', 'done', 'main'])
})

test('pre_start after a healthy dependency: a next master waits for the hook, and again where health is gone by then', async (t) => {
  const scene = sceneOf(t)
  const [well, go] = [scene.path('well'), scene.path('go')]
  const ini = [
    quick,
    `[db]\ncommand = sleep 600\nhealth_check = exec:test -e ${well}\nhealth_interval = 40ms\nhealth_failures = 1\nhealth_action = none\n`,
    '[web]\ncommand = sh -c "echo main; exec sleep 600"\ndepends_on = db:healthy\n',
    `pre_start = sh -c "echo begun; while [ ! -e ${go} ]; do sleep 0.02; done; echo done"\n`,
  ].join('')
  const first = await startMaster(t, ini)
  const unhealthy = 'waiting for db:0 (RUNNING, not healthy)'
  const says = (master: Master, wanted: string) =>
    until(wanted, async () => (await master.process('web:0')).reason === wanted)
  await says(first, unhealthy)
  scene.write('well', '')
  await says(first, 'pre_start is running')
  await until('its word', () => first.lines('web.log').length === 1)
  await first.murder()
  rmSync(well)
  const second = await nextMaster(t, ini)
  await second.logged('db:0 is failing', (line) => line.name === 'db:0' && line.health === 'failing')
  assert.equal((await second.process('web:0')).reason, 'pre_start is running', 'what runs goes on')
  scene.write('go', '')
  await says(second, unhealthy)
  assert.deepEqual([await startsOf(second), second.lines('web.log')], [0, ['begun', 'done']])
  scene.write('well', '')
  await second.state('web:0', 'RUNNING')
  assert.deepEqual([await startsOf(second), second.lines('web.log')], [0, ['begun', 'done', 'begun', 'done', 'main']])
})

/** Unplanned ones. */
const startsOf = async (master: Master): Promise<number> => (await master.process('web:0')).restarts
