// phd under a service manager: what it tells on its own NOTIFY_SOCKET, to an ear that stands for systemd, from the
// start to the end, over HUP, an upgrade in place, and a kill -9.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { nextMaster } from '../helpers/adoption.ts'
import { quick, startDaemon, startMaster } from '../helpers/master.ts'
import { environmentOf } from '../helpers/proc.ts'
import { reading } from '../helpers/programs.ts'
import { fixture, missing, type Scene, sceneOf, until } from '../helpers/scene.ts'

const skip = missing('python3')

interface Told {
  readonly pid: number
  readonly lines: readonly string[]
  readonly at: number
}

interface Ear {
  /** The environment of a service. */
  readonly env: Readonly<Record<string, string>>
  /** All that came so far. */
  told(): Told[]
  /** The first message from the `from`th on that holds this line; waits for it. */
  hears(line: string | RegExp, from?: number): Promise<Told>
}

async function systemd(scene: Scene, more: Readonly<Record<string, string>> = {}, name?: string): Promise<Ear> {
  const socket = name ?? scene.path('notify')
  const child = spawn('python3', [fixture('hears.py'), socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  scene.after(async () => {
    child.kill()
    await once(child, 'exit')
  })
  const { stdout } = reading(child)
  const told = (): Told[] =>
    stdout()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Told)
  const fits = (line: string | RegExp) => (one: Told) =>
    one.lines.some((each) => (typeof line === 'string' ? each === line : line.test(each)))
  const hears: Ear['hears'] = (line, from = 0) =>
    until(`${line} in ${JSON.stringify(told().slice(from))}`, () => told().slice(from).find(fits(line)))
  await hears('listening')
  return { env: { NOTIFY_SOCKET: socket, ...more }, told, hears }
}

const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\nreload_strategy = stop-first\n`

/** How often a line came. */
const count = (ear: Ear, line: string): number => ear.told().filter((one) => one.lines.includes(line)).length

test('start, change, HUP, upgrade, end: each is told, by the process itself', { skip }, async (t) => {
  const scene = sceneOf(t)
  const ear = await systemd(scene)
  const master = await startMaster(t, ini, { env: ear.env })
  const ready = await ear.hears('READY=1')
  assert.deepEqual(ready, { ...ready, pid: master.pid, lines: ['READY=1', `MAINPID=${master.pid}`, ready.lines[2]] })
  await ear.hears('STATUS=2 of 2 running')
  assert.equal(count(ear, 'WATCHDOG=1'), 0, 'nobody asked for it')
  const [web] = await master.call('status', {})
  const env = environmentOf(web?.processes[0]?.pid ?? 0)
  assert.equal(env.NOTIFY_SOCKET, undefined, 'no process gets it')

  let from = ear.told().length
  master.kill('SIGHUP')
  const reloading = await ear.hears('RELOADING=1', from)
  const moment = Number(reloading.lines.find((line) => line.startsWith('MONOTONIC_USEC='))?.slice(15))
  assert.ok(reloading.at - moment >= 0 && reloading.at - moment < 10_000_000, `${moment} is not ${reloading.at}`)
  const reloaded = await ear.hears('READY=1', from)
  assert.ok(reloaded.at > reloading.at)
  const [after] = await master.call('status', {})
  assert.notEqual(after?.processes[0]?.pid, web?.processes[0]?.pid, 'READY=1 came when all was replaced')

  from = ear.told().length
  scene.write('config.ini', 'nonsense')
  master.kill('SIGHUP')
  const refused = await ear.hears('READY=1', from)
  assert.deepEqual(refused.lines, ['READY=1', 'STATUS=2 of 2 running; the last reload changed nothing (see the log)'])
  scene.write('config.ini', ini)

  from = ear.told().length
  assert.equal((await master.phctl('upgrade')).code, 0)
  const upgraded = await ear.hears('READY=1', from)
  assert.deepEqual([upgraded.pid, upgraded.lines[1]], [master.pid, `MAINPID=${master.pid}`])

  from = ear.told().length
  await master.stop()
  assert.equal((await ear.hears('STOPPING=1', from)).lines[1], 'STATUS=stopping: 2 left')
})

test('a sign of life at half of WATCHDOG_USEC, also after an upgrade; not where another process is meant', {
  skip,
}, async (t) => {
  const ear = await systemd(sceneOf(t), { WATCHDOG_USEC: '400000' }, `@phd-test-${process.pid}`)
  const master = await startMaster(t, ini, { env: ear.env })
  await until('three beats', () => count(ear, 'WATCHDOG=1') >= 3)
  const [one, , three] = ear.told().filter((each) => each.lines.includes('WATCHDOG=1'))
  // Two times 200 ms, of which a busy machine may have let the first one wait for its ear.
  assert.ok((three?.at ?? 0) - (one?.at ?? 0) >= 250_000, `${one?.at} ${three?.at}`)
  const from = ear.told().length
  assert.equal((await master.phctl('upgrade')).code, 0)
  await ear.hears('READY=1', from)
  await ear.hears('WATCHDOG=1', from)
  await master.stop()
})

test('in the background the new pid is told, and a next master tells its own', { skip }, async (t) => {
  const scene = sceneOf(t)
  const ear = await systemd(scene, { WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' })
  const daemon = await startDaemon(t, `[master]\ndaemonize = true\n${ini}`, { env: ear.env })
  assert.equal((await ear.hears('READY=1')).lines[1], `MAINPID=${daemon.pid}`)
  await ear.hears('STATUS=2 of 2 running')
  assert.equal(count(ear, 'WATCHDOG=1'), 0, 'WATCHDOG_PID is another process')
  await daemon.murder()
  const from = ear.told().length
  const next = await nextMaster(t, ini, { env: ear.env })
  const { pid, lines } = await ear.hears('READY=1', from)
  assert.deepEqual([pid, lines[2]], [next.pid, 'STATUS=2 of 2 running'])
})

test('nobody listens there: said once in the log, and everything goes on', async (t) => {
  const scene = sceneOf(t)
  const master = await startMaster(t, ini, { env: { NOTIFY_SOCKET: scene.path('gone') } })
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  await master.stop()
  const said = master.log.filter(({ msg }) => msg === 'cannot tell the service manager')
  assert.deepEqual(
    said.map(({ err }) => err),
    ['sendto: ENOENT'],
  )
})
