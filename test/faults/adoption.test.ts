// The master is killed while nothing much happens: the next one takes the processes over as they are.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../src/api/client.ts'
import type { Happening } from '../../src/api/contract.ts'
import { madeOn, nextMaster, still, succeed } from '../helpers/adoption.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { lives } from '../helpers/proc.ts'
import { fixture, sceneOf, until, within } from '../helpers/scene.ts'

const worker = `import { SyncWorker } from 'processhandler/worker'
export default class Job extends SyncWorker {
  handleRequest() {
    return new Promise((done) => setTimeout(done, 10))
  }
}
`

/** From the first line of the next master's log to the one that says that all is taken over, in ms. */
async function adoptedAfter(master: Master): Promise<number> {
  const { time } = await master.logged('the adoption', (line) => line.msg.includes('taken over'))
  return Date.parse(time) - Date.parse(master.log[0]?.time ?? '')
}

test('row 1: killed while idle: the same processes, counters, counts and wishes; no line lost or doubled', async (t) => {
  const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n[down]\ncommand = sleep 600\n[talk]\ncommand = sh ${fixture('one-line-a-time.sh')}\n[broken]\ncommand = false\nstart_retries = 0\n`
  let master = await startMaster(t, ini)
  const { scene } = master
  await master.state('broken:0', 'FATAL')
  await master.call('wait', { target: ['web', 'down', 'talk'], state: 'RUNNING' })
  await master.call('stop', { target: ['down'] })
  await master.call('scale', { program: 'web', workers: 3 })
  process.kill((await master.process('web:1')).pid ?? 0, 'SIGKILL')
  await until('a restart', async () => {
    const { restarts, state } = await master.process('web:1')
    return restarts === 1 && state === 'RUNNING'
  })
  const before = still(await master.call('status', {}))
  const made = madeOn(scene)
  let quickest = Number.POSITIVE_INFINITY
  for (let round = 0; round < 3; round++) {
    master = await succeed(t, master, ini)
    quickest = Math.min(quickest, await adoptedAfter(master))
    assert.deepEqual(still(await master.call('status', {})), before)
    assert.deepEqual(madeOn(scene), made)
    const printed = master.lines('talk.log').length
    await until('more lines', () => master.lines('talk.log').length > printed)
  }
  assert.ok(quickest < 1000, `${quickest} ms`)
  assert.equal((await master.process('web:0')).reason, null)
  assert.ok(((await master.process('web:0')).uptime ?? 0) > 0.1, 'counted from its own start')
  await master.stop()
  master.lines('talk.log').forEach((line, n) => {
    assert.equal(line, `line ${n + 1}`)
  })
})

test('row 1: the event master.adopted says how many', async (t) => {
  const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n[once]\ncommand = sleep 600\nautorestart = never\n`
  const first = await startMaster(t, ini)
  await first.call('wait', { target: 'all', state: 'RUNNING' })
  const once = await first.process('once:0')
  await first.murder()
  process.kill(once.pid ?? 0, 'SIGKILL')
  await until('its end', () => !lives(once.pid ?? 0))
  const master = await nextMaster(t, ini)
  const client = await connect(master.socket)
  t.after(() => client.close())
  const events = client.events({ since: 0, topics: ['master.adopted'] })
  const heard: Happening[] = []
  await within(
    'the event',
    (async () => {
      for await (const one of events) {
        if ('topic' in one) heard.push(one)
        if (heard.at(-1)?.topic === 'master.adopted') return
      }
    })(),
  )
  const { from, programs, processes, ended } = heard.at(-1) as unknown as Record<string, unknown>
  assert.deepEqual({ from, programs, processes, ended }, { from: 'record', programs: 2, processes: 2, ended: 1 })
})

test('row 1: SDK workers come back by themselves: RUNNING throughout, and their counters return', async (t) => {
  const scene = sceneOf(t)
  scene.write('job.mjs', worker)
  const ini = '[job]\nworker = job.mjs\nnumber_workers = 2\nworker_timeout = 1\n'
  const first = await startMaster(t, ini)
  await first.call('wait', { target: 'job', state: 'RUNNING' })
  const pids = madeOn(scene)
  const worked = await until('some work', async () => {
    const { requests } = await first.process('job:0')
    return (requests ?? 0) > 10 && requests
  })
  const master = await succeed(t, first, ini)
  const { state, ready } = await master.process('job:0')
  assert.deepEqual({ state, ready }, { state: 'RUNNING', ready: true })
  await until('its counter', async () => ((await master.process('job:0')).requests ?? 0) > worked)
  // Longer than the timeout: who is not heard would be killed now.
  await until('150 more', async () => ((await master.process('job:1')).requests ?? 0) > worked + 150)
  assert.deepEqual(madeOn(scene), pids)
  assert.deepEqual(
    master.log.filter((line) => line.msg === 'state'),
    [],
  )
  await master.call('stop', { target: 'job' })
  assert.deepEqual((await master.process('job:0')).exit?.code, 0, 'it ends as a worker ends that knows its master')
})

test('row 1: a start that was under way goes on: who says ready now is RUNNING, who does not is late', async (t) => {
  const scene = sceneOf(t)
  scene.write(
    'slow.mjs',
    worker.replace(
      '{\n  handle',
      '{\n  async setup() {\n    await new Promise((done) => setTimeout(done, 4000))\n  }\n  handle',
    ),
  )
  const ini = `[DEFAULT]\nstart_seconds = 4s\n[slow]\nworker = slow.mjs\n[plain]\ncommand = sleep 600\n`
  const first = await startMaster(t, ini)
  await until('both', () => madeOn(scene).length === 2)
  const pids = madeOn(scene)
  const master = await succeed(t, first, ini)
  assert.deepEqual(
    (await master.call('status', {})).map((p) => p.state),
    ['STARTING', 'STARTING'],
  )
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  assert.deepEqual(madeOn(scene), pids)
})
