// depends_on, groups and exit_when with real processes: who starts when, who ends when, and what is said of it.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { succeed } from '../helpers/adoption.ts'
import { type LogLine, type Master, quick, startDaemon, startMaster } from '../helpers/master.ts'
import { lives } from '../helpers/proc.ts'
import { runPhd } from '../helpers/programs.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

const sleeps = (name: string, more = ''): string => `[${name}]\ncommand = sleep 600\n${more}\n`
const states = async (master: Master): Promise<string> =>
  (await master.call('status', {})).map((p) => `${p.program} ${p.state}`).join(', ')
const reasonOf = async (master: Master, name: string): Promise<string | null> => (await master.process(name)).reason
const pidOf = async (master: Master, name: string): Promise<number> => (await master.process(name)).pid ?? 0

/** Transitions in the log, `web:0 RUNNING`, from the `from`th line on. */
const path = (log: readonly LogLine[], to: readonly string[], from = 0): string[] =>
  log.slice(from).flatMap((one) => (one.msg === 'state' && to.includes(one.to ?? '') ? [`${one.name} ${one.to}`] : []))

test('waves of starting, what is said meanwhile, and what start and stop say of others', async (t) => {
  const scene = sceneOf(t)
  const master = await startMaster(
    t,
    quick +
      sleeps('web', 'depends_on = back') +
      sleeps('api', 'depends_on = db, migrate:completed\nnumber_workers = 2') +
      `[migrate]\ncommand = true\nautorestart = never\ndepends_on = db\n` +
      sleeps('db', `ready = exec:test -e ${scene.path('go')}\nautostart = false`) +
      '[group:back]\nprograms = api, db\n',
  )
  assert.equal(await states(master), 'web STARTING, api STARTING, migrate STARTING, db STARTING')
  const api = await master.process('api:1')
  assert.deepEqual(
    [api.state, api.pid, api.wanted, api.reason],
    ['STARTING', null, 'up', 'waiting for db:0 (STARTING), migrate:0 (STARTING)'],
  )
  scene.write('go', '')
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  assert.deepEqual(path(master.log, ['RUNNING', 'EXITED']), [
    'db:0 RUNNING',
    'migrate:0 EXITED',
    'api:0 RUNNING',
    'api:1 RUNNING',
    'web:0 RUNNING',
  ])

  const stopped = await master.phctl('stop', 'db')
  assert.match(stopped.stdout, /^db:0 +STOPPED +web, api depend on it and go on\n$/)
  const inVain = await master.call('restart', { target: 'api:0' })
  assert.deepEqual(
    inVain.results.map((r) => [r.name, r.ok, r.state, r.error]),
    [['api:0', false, 'STARTING', 'waiting for db (STOPPED)']],
  )
  const kept = await pidOf(master, 'api:1')
  const reload = await master.call('reload', { target: 'api:1' })
  assert.deepEqual([reload.ok, reload.results[0]?.error], [false, 'waiting for db (STOPPED)'])
  assert.equal(await pidOf(master, 'api:1'), kept)
  const pulled = await master.call('start', { target: ['api'] })
  assert.deepEqual(
    pulled.results.map((r) => [r.name, r.ok, r.state]),
    [
      ['db:0', true, 'RUNNING'],
      ['api:0', true, 'RUNNING'],
      ['api:1', true, 'RUNNING'],
    ],
  )

  const group = await master.call('status', { target: 'back' })
  assert.deepEqual(
    group.map((p) => [p.program, p.groups]),
    [
      ['api', ['back']],
      ['db', ['back']],
    ],
  )
  const graph = await master.phctl('graph')
  assert.equal(
    graph.stdout.replaceAll(/ +/g, ' '),
    '1 db RUNNING\n2 migrate EXITED after db\n3 api RUNNING after db, migrate:completed\n4 web RUNNING after api, db\n\nback = db, api\n',
  )
  assert.match((await master.phctl('graph', '--mermaid')).stdout, /^flowchart LR\n[\s\S]*-->\|completed\|/)
  const from = master.log.length
  await master.call('stop', { target: 'all' })
  const ends = path(master.log, ['STOPPING', 'STOPPED'], from)
  assert.deepEqual(
    ends.filter((one) => /^(web|api:0|db)/.test(one)),
    ['web:0 STOPPING', 'web:0 STOPPED', 'api:0 STOPPING', 'api:0 STOPPED', 'db:0 STOPPING', 'db:0 STOPPED'],
  )
})

const deaf = (name: string, more: string): string => `[${name}]\ncommand = sh ${fixture('ignore-term.sh')}\n${more}\n`

test('TERM: in reverse order, though one ignores it; the next level follows its SIGKILL', async (t) => {
  const master = await startMaster(
    t,
    quick +
      sleeps('db') +
      deaf('api', 'depends_on = db\ngraceful_timeout = 300ms') +
      sleeps('web', 'depends_on = api') +
      sleeps('alone'),
  )
  await until('its trap', () => master.lines('api.log').length === 1)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const from = master.log.length
  master.kill('SIGTERM')
  assert.deepEqual(await master.ended, { code: 0, signal: null })
  const ends = path(master.log, ['STOPPING', 'STOPPED'], from).filter((one) => !one.startsWith('alone'))
  assert.deepEqual(ends, [
    'web:0 STOPPING',
    'web:0 STOPPED',
    'api:0 STOPPING',
    'api:0 STOPPED',
    'db:0 STOPPING',
    'db:0 STOPPED',
  ])
  const at = (name: string, to: string): number =>
    Date.parse(master.log.slice(from).find((line) => line.name === name && line.to === to)?.time ?? '')
  assert.ok(at('api:0', 'STOPPED') - at('api:0', 'STOPPING') >= 290, 'it has had its grace')
  assert.ok(at('alone:0', 'STOPPED') < at('api:0', 'STOPPED'), 'what nothing waits for ends at once')
})

test('TERM: a second one kills all at once, whoever has not had its turn', async (t) => {
  const master = await startMaster(t, quick + sleeps('db') + deaf('api', 'depends_on = db\ngraceful_timeout = 60'))
  await until('its trap', () => master.lines('api.log').length === 1)
  const db = await pidOf(master, 'db:0')
  master.kill('SIGTERM')
  await master.state('api:0', 'STOPPING')
  await new Promise((resolve) => setTimeout(resolve, 600)) // the half second is what is asked for
  assert.ok(lives(db))
  master.kill('SIGTERM')
  assert.deepEqual(await master.ended, { code: 0, signal: null })
  assert.ok(!lives(db))
})

test('kill -9 and an upgrade while one waits: the next master goes on waiting, and then starts it', async (t) => {
  const scene = sceneOf(t)
  const ini =
    quick +
    sleeps('db', `ready = exec:test -e ${scene.path('go')}\nstart_timeout = 60`) +
    sleeps('web', 'depends_on = db') +
    deaf('slow', 'graceful_timeout = 1\ndepends_on = base') +
    sleeps('base')
  let master = await startMaster(t, ini)
  await until('its trap', () => master.lines('slow.log').length === 1)
  const db = await pidOf(master, 'db:0')
  // A stop in order that loses its master ends all the same.
  await master.call('stop', { target: ['slow', 'base'], wait: false })
  assert.equal((await master.process('base:0')).state, 'RUNNING')
  master = await succeed(t, master, ini)
  assert.equal(await reasonOf(master, 'web:0'), 'waiting for db:0 (STARTING)')
  await master.call('wait', { target: ['slow', 'base'], state: 'STOPPED' })
  await master.call('upgrade', {})
  await until('the upgraded master', async () => {
    try {
      return (await master.call('info', {})).upgrades === 1
    } catch {
      return false // its connection was closed
    }
  })
  assert.equal(await reasonOf(master, 'web:0'), 'waiting for db:0 (STARTING)')
  scene.write('go', '')
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  assert.equal(await pidOf(master, 'db:0'), db)
})

test('a crash: who depends on it goes on, or with depends_restart follows; update changes what is waited for', async (t) => {
  const programs = (after: string): string =>
    quick +
    sleeps('db', 'backoff_initial = 10ms') +
    sleeps('stays', 'depends_on = db') +
    sleeps('follows', 'depends_on = db\ndepends_restart = true') +
    sleeps('off', 'autostart = false') +
    sleeps('late', `depends_on = ${after}\nautostart = false`)
  const master = await startMaster(t, programs('db, off'))
  await master.call('wait', { target: ['db', 'stays', 'follows'], state: 'RUNNING' })
  const [db, stays, follows] = [
    await pidOf(master, 'db:0'),
    await pidOf(master, 'stays:0'),
    await pidOf(master, 'follows:0'),
  ]
  process.kill(db, 'SIGKILL')
  const next = await until('its next process', async () => {
    const { pid, state } = await master.process('follows:0')
    return pid !== follows && state === 'RUNNING' ? pid : null
  })
  const first = master.log.findIndex((line) => line.name === 'db:0' && line.to === 'BACKOFF')
  const after = path(master.log, ['RUNNING', 'STOPPING'], first)
  assert.deepEqual(after, ['db:0 RUNNING', 'follows:0 STOPPING', 'follows:0 RUNNING'])
  assert.equal(await pidOf(master, 'stays:0'), stays)
  assert.equal((await master.process('follows:0')).restarts, 0)

  await master.call('start', { target: 'late' })
  await master.call('stop', { target: ['off'] })
  await master.call('restart', { target: 'late' })
  assert.equal(await reasonOf(master, 'late:0'), 'waiting for off (STOPPED)')
  master.scene.write('config.ini', programs('db'))
  const { diff } = await master.call('update', {})
  assert.deepEqual(diff.changed, [{ program: 'late', keys: ['depends_on'], effect: 'live' }])
  await master.call('wait', { target: 'late', state: 'RUNNING' })
  assert.equal(await pidOf(master, 'follows:0'), next)
})

test('exit_when: the exit code, in the foreground', async (t) => {
  const scene = sceneOf(t)
  const ran = async (when: string, programs: string): Promise<number | null> => {
    const file = scene.write('config.ini', `[master]\nexit_when = ${when}\n${quick}${programs}`)
    return (await runPhd(['-n', '-c', file])).code
  }
  const job = (name: string, code: number, more = ''): string =>
    `[${name}]\ncommand = sh -c 'exit ${code}'\nautorestart = never\n${more}\n`
  const after = job('two', 0, 'depends_on = one:completed') + sleeps('off', 'autostart = false')
  assert.equal(await ran('all_stopped', job('one', 0) + after), 0)
  assert.equal(await ran('all_stopped', job('one', 0) + job('bad', 4)), 1)
  const fatal = '[bad]\ncommand = false\nstart_retries = 0\n'
  assert.equal(await ran('any_fatal', sleeps('web') + fatal), 3)
})

test('exit_when in the background: it ends in order', async (t) => {
  const daemon = await startDaemon(
    t,
    `[master]\ndaemonize = true\nexit_when = any_fatal\n${quick}${sleeps('web')}[bad]\ncommand = sleep 0.2\nstart_seconds = 5\nstart_retries = 0\n`,
  )
  const line = await daemon.logged('why', (one) => one.msg === 'stopping')
  assert.match(String(line.why), /^exit_when = any_fatal: bad:0 is FATAL \(exit 0; the first start failed\)$/)
  await daemon.ended
  assert.ok(!existsSync(daemon.scene.path('master.pid')))
})
