// Schedules and tasks on real processes: the time comes, a run is skipped, phctl run, and what a next master and an
// upgraded one know of a run that goes on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../src/api/client.ts'
import type { Program } from '../../src/api/contract.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { lives } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'

const status = async (master: Master, target: string): Promise<Program> => {
  const [program] = await master.call('status', { target })
  assert.ok(program)
  return program
}

test('each second a run, skipped while the last one is under way; stop ends it, start takes it up; all is said', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[tick]\ncommand = sh -c 'echo run; exit 3'\nschedule = * * * * * *\n` +
      `[long]\ncommand = sleep 600\nschedule = * * * * * *\n[far]\ncommand = true\nschedule = 0 0 29 2 *\n`,
  )
  const before = await master.phctl('status', 'far')
  assert.match(before.stdout, /far:0 +STOPPED +next run in \d+d/)
  assert.equal(before.code, 0, 'waiting for its time is as wanted')
  await master.logged('a skipped run', (line) => line.program === 'long' && /skipped/.test(line.msg))
  await until('two runs', () => master.lines('tick.log').length >= 2)
  const long = await status(master, 'long')
  assert.deepEqual([long.state, (long.skippedRuns ?? 0) > 0, long.missedRuns], ['RUNNING', true, 0])

  const stop = await master.phctl('stop', 'tick', 'long')
  assert.equal(stop.code, 0, stop.stderr)
  const rests = await status(master, 'tick')
  assert.deepEqual([rests.state, rests.nextRunAt], ['STOPPED', null])
  assert.equal(rests.lastRun?.ok, false)
  assert.equal(rests.lastRun?.exit?.code, 3)
  assert.ok(rests.lastRun?.startedAt && rests.lastRun.endedAt && rests.lastRun.startedAt <= rests.lastRun.endedAt)

  const start = await master.phctl('start', 'tick')
  assert.deepEqual([start.code, /tick:0 +STOPPED +waits for its next run/.test(start.stdout)], [0, true])
  const runs = master.lines('tick.log').length
  await until('a run again', () => master.lines('tick.log').length > runs)
  const { stdout, code } = await master.phctl('status', 'tick')
  assert.match(stdout, /tick:0 +(?:EXITED +exit 3, \ds ago; next run in|STARTING|RUNNING)/)
  assert.ok(code === 3, 'a run that failed is not as wanted')
  const scale = await master.phctl('scale', 'tick', '2')
  assert.match(scale.stderr, /cannot scale "tick": it runs by schedule/)
  const client = await connect(master.socket)
  const said = new Set<unknown>()
  for await (const event of client.events({ since: 0, topics: ['program.schedule'] })) {
    if ('topic' in event) said.add(event.what)
    if (said.size === 3) break
  }
  client.close()
  assert.deepEqual(said, new Set(['set', 'due', 'skipped']))
})

test('phctl run: the result of a run, now; refused while it runs; --no-wait; of a task, too', async (t) => {
  const scene = sceneOf(t)
  const waits = (file: string, more: string): string =>
    `command = sh -c 'while [ ! -e ${scene.path(file)} ]; do sleep 0.02; done; exit 2'\n${more}`
  const master = await startMaster(
    t,
    `${quick}[far]\n${waits('far', 'schedule = 0 0 29 2 *\n')}[task]\ncommand = true\nautorestart = never\nautostart = false\n` +
      `[bad]\ncommand = ./no-such\nautorestart = never\nautostart = false\n[web]\ncommand = sleep 600\n`,
  )
  const task = await master.phctl('run', 'task')
  assert.match(task.stdout, /^task:0 +EXITED +exit 0 after 0\.\ds\n$/)
  assert.equal(task.code, 0)
  const bad = await master.phctl('run', 'bad')
  assert.match(bad.stdout, /^bad:0 +FATAL +ENOENT/)
  assert.equal(bad.code, 1)
  const web = await master.phctl('run', 'web')
  assert.match(web.stderr, /cannot run "web": it does not end by itself \(autorestart = always\); start it instead/)

  const far = master.phctl('run', 'far', '--json')
  await master.state('far:0', 'RUNNING')
  const second = await master.phctl('run', 'far')
  assert.match(second.stderr, /cannot run "far": a run is under way \(pid \d+\)/)
  assert.equal(second.code, 1)
  // It waits for hours maybe; others do not wait for it.
  assert.equal((await master.phctl('start', 'far')).code, 0)
  scene.write('far', '')
  const { code, stdout } = await far
  const { ok, results, run } = JSON.parse(stdout)
  assert.deepEqual([code, ok, results[0].state, run.ok, run.exit.code], [1, false, 'EXITED', false, 2])
  assert.ok(run.startedAt && run.endedAt)
  const last = await status(master, 'far')
  assert.deepEqual(last.lastRun, run)
  const quickly = await master.phctl('run', 'far', '--no-wait')
  assert.deepEqual([quickly.code, /far:0 +STARTING/.test(quickly.stdout)], [0, true])
})

test('a run goes on over a kill -9 and an upgrade; the last result and the counts are kept, and no time is lost', async (t) => {
  const scene = sceneOf(t)
  const ini =
    `${quick}[job]\ncommand = sh -c 'while [ ! -e ${scene.path('end')} ]; do sleep 0.02; done; exit 5'\nschedule = * * * * * *\n` +
    `[done]\ncommand = sh -c 'exit 4'\nautorestart = never\n`
  const first = await startMaster(t, ini)
  await first.state('job:0', 'RUNNING')
  await first.state('done:0', 'EXITED')
  await first.logged('a skipped run', (line) => line.program === 'job' && /skipped/.test(line.msg))
  const { pid } = await first.process('job:0')
  const before = await status(first, 'done')
  await first.murder()

  const master = await startMaster(t, ini)
  const job = await status(master, 'job')
  assert.equal(job.processes[0]?.pid, pid)
  assert.ok((job.skippedRuns ?? 0) > 0)
  assert.deepEqual((await status(master, 'done')).lastRun, before.lastRun)
  assert.equal((await master.phctl('upgrade')).code, 0)
  const after = await status(master, 'job')
  assert.deepEqual([after.processes[0]?.pid, after.nextRunAt !== null], [pid, true])
  scene.write('end', '')
  await until('the end of the run', () => !lives(pid ?? 0))
  await until('the next run', async () => (await status(master, 'job')).lastRun !== null)
  await master.phctl('stop', 'job')
})

test('update: what ran always gets a schedule and waits; a changed one counts at once', async (t) => {
  const daemon = `${quick}[job]\ncommand = sleep 600\n`
  const master = await startMaster(t, daemon)
  await master.state('job:0', 'RUNNING')
  master.scene.write('config.ini', `${daemon}schedule = 0 0 29 2 *\n`)
  const update = await master.call('update', {})
  assert.deepEqual(update.diff.changed, [{ program: 'job', keys: ['autorestart', 'schedule'], effect: 'live' }])
  await until('the end of what ran', async () => (await status(master, 'job')).state === 'STOPPED')
  const far = (await status(master, 'job')).nextRunAt
  assert.match(far ?? '', /-02-29T|-02-28T/)
  master.scene.write('config.ini', `${daemon}schedule = * * * * * *\n`)
  await master.call('update', {})
  await master.state('job:0', 'RUNNING', master.log.length)
  master.scene.write('config.ini', `${daemon}schedule = 61 * * * *\n`)
  const wrong = await master.phctl('update')
  assert.match(wrong.stderr, /config\.ini:5: \[job\] schedule: cannot be "61 \* \* \* \*"/)
  assert.equal(wrong.code, 6)
})
