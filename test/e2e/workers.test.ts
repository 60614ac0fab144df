// SDK workers under a real master: readiness, recycling, the end of a request, the heartbeat.

import assert from 'node:assert/strict'
import { copyFileSync, unlinkSync } from 'node:fs'
import { test } from 'node:test'
import { type Master, startMaster } from '../helpers/master.ts'
import { commandOf, lives } from '../helpers/proc.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

/** A program `job` that runs a worker of the fixtures. */
async function startWorker(t: Parameters<typeof sceneOf>[0], worker: string, more = ''): Promise<Master> {
  copyFileSync(fixture(worker), sceneOf(t).path('job.mjs'))
  return startMaster(t, `[job]\nworker = job.mjs\n${more}`)
}

test('requests are counted in the status; the worker is called by its proc_name', async (t) => {
  const master = await startWorker(t, 'counts.js', 'proc_name = counter\n')
  const { pid } = await master.state('job:0', 'RUNNING')
  assert.equal(commandOf(pid ?? 0), 'worker: counter')
  const first = await until('a count', async () => (await master.process('job:0')).requests)
  await until('a higher one', async () => ((await master.process('job:0')).requests ?? 0) > first)
})

test('max_requests recycles, one slot at a time and start-first; restarts stay 0', async (t) => {
  const master = await startWorker(t, 'counts.js', 'number_workers = 2\nmax_requests = 40\n')
  await until('two recycles each', async () =>
    (await master.call('status', {}))[0]?.processes.every((p) => p.recycles >= 2 && p.state === 'RUNNING'),
  )
  const processes = (await master.call('status', {}))[0]?.processes ?? []
  assert.deepEqual(
    processes.map((p) => p.restarts),
    [0, 0],
  )
  let running = 0
  const counts = master.log.flatMap((line) => {
    if (line.msg !== 'state') return []
    running += (line.to === 'RUNNING' ? 1 : 0) - (line.from === 'RUNNING' ? 1 : 0)
    return [running]
  })
  const full = counts.indexOf(2)
  assert.ok(full > 0 && counts.slice(full).every((count) => count >= 2), `capacity never falls: ${counts.join(' ')}`)
})

test('kill_interval recycles too', async (t) => {
  const master = await startWorker(t, 'counts.js', 'kill_interval = 300ms\nmax_age_jitter = 0\n')
  await until('a recycle', async () => {
    const job = await master.process('job:0')
    return job.recycles >= 1 && job.restarts === 0
  })
})

test('TERM in the middle of a request finishes it, then stop() runs', async (t) => {
  const master = await startWorker(t, 'slow-drain.js', 'x_request_ms = 400\n')
  await until('a request', () => master.lines('job.log').includes('begun'))
  const { ok } = await master.call('stop', { target: 'job' })
  assert.ok(ok)
  await until('its last word', () => master.lines('job.log').includes('stopped'))
  const lines = master.lines('job.log')
  assert.deepEqual(lines.slice(-2), ['through', 'stopped'])
  assert.equal(lines.filter((line) => line === 'begun').length, lines.filter((line) => line === 'through').length)
  assert.deepEqual((await master.process('job:0')).exit?.code, 0)
})

test('INT ends it at once', async (t) => {
  const master = await startWorker(t, 'slow-drain.js', 'x_request_ms = 5000\n')
  await until('a request', () => master.lines('job.log').includes('begun'))
  const from = master.log.length
  await master.call('signal', { target: 'job', signal: 'INT' })
  await master.logged('its end', (line) => line.name === 'job:0' && line.exit === 'SIGINT', from)
})

test('signals that workers ignore leave them alone', async (t) => {
  const master = await startWorker(t, 'counts.js')
  const { pid } = await master.state('job:0', 'RUNNING')
  for (const signal of ['HUP', 'USR1', 'USR2', 'WINCH', 'TTIN', 'TTOU']) {
    await master.call('signal', { target: 'job', signal })
  }
  const before = (await master.process('job:0')).requests ?? 0
  await until('work after them', async () => ((await master.process('job:0')).requests ?? 0) > before)
  assert.equal((await master.process('job:0')).pid, pid)
})

test('worker_timeout: a worker whose loop blocks gets SIGABRT, and its successor a reason', async (t) => {
  const scene = sceneOf(t)
  const master = await startWorker(t, 'blocks.js', `worker_timeout = 700ms\nx_block_when = ${scene.path('block')}\n`)
  const { pid } = await master.state('job:0', 'RUNNING')
  scene.write('block', '')
  const abort = await master.state('job:0', 'STOPPING')
  assert.match(String(abort.reason), /no heartbeat for 0\.7 s/)
  unlinkSync(scene.path('block'))
  const after = await until('its successor', async () => {
    const job = await master.process('job:0')
    return job.state === 'RUNNING' && job.pid !== pid && job
  })
  assert.equal(after.exit?.signal, 'SIGABRT')
  assert.equal(after.restarts, 1)
  assert.ok(!lives(pid ?? 0))
})

test('a boot that fails exits 3, with the reason in the status and the log', async (t) => {
  const master = await startWorker(t, 'throws-in-setup.js', 'start_retries = 1\nbackoff_initial = 10ms\n')
  const fatal = await master.state('job:0', 'FATAL')
  assert.match(String(fatal.reason), /^exit 3: setup\(\) threw: no database today; 2 starts in a row failed$/)
  assert.equal((await master.process('job:0')).exit?.code, 3)
  await until('its log', () => master.lines('job.log').some((line) => line.includes('no database today')))
  const status = await master.phctl('status')
  assert.match(status.stdout, /no database today/)
})

test('a worker that is not ready in start_timeout is a failed start', async (t) => {
  const scene = sceneOf(t)
  scene.write(
    'job.mjs',
    "import { SyncWorker } from 'processhandler/worker'\nexport default class J extends SyncWorker { setup() { return new Promise(() => {}) } handleRequest() {} }\n",
  )
  const master = await startMaster(
    t,
    '[job]\nworker = job.mjs\nstart_timeout = 800ms\nstart_retries = 0\ngraceful_timeout = 300ms\n',
  )
  const fatal = await master.state('job:0', 'FATAL')
  assert.match(String(fatal.reason), /not ready after 0\.8 s/)
})

test('the settings of the section are in cfg, and what a worker throws does not end it', async (t) => {
  const scene = sceneOf(t)
  scene.write(
    'job.mjs',
    `import { SyncWorker } from 'processhandler/worker'
export default class J extends SyncWorker {
  handleRequest() {
    console.log(JSON.stringify({ own: this.cfg.x_own, slot: this.slot, nr: this.nr }))
    throw new Error('bad luck')
  }
}
`,
  )
  const master = await startMaster(t, '[job]\nworker = job.mjs\nx_own = %(slot)s of it\n')
  await until('two requests', () => master.lines('job.log').filter((line) => line.startsWith('{"own"')).length >= 2)
  const [first] = master.lines('job.log')
  assert.deepEqual(JSON.parse(first ?? ''), { own: '0 of it', slot: 0, nr: 0 })
  assert.ok(master.lines('job.log').some((line) => line.includes('bad luck')))
  assert.equal((await master.process('job:0')).restarts, 0)
})
