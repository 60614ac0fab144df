// Rolling replacement: start-first with SDK workers, stop-first and by signal with any program.

import assert from 'node:assert/strict'
import { copyFileSync, renameSync } from 'node:fs'
import { test } from 'node:test'
import type { PhError } from '../../src/errors.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { lives } from '../helpers/proc.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

test('start-first: the new one is ready before the old one is told to stop', async (t) => {
  const scene = sceneOf(t)
  copyFileSync(fixture('counts.js'), scene.path('job.mjs'))
  const master = await startMaster(t, `[job]\nworker = job.mjs\nnumber_workers = 2\n`)
  await master.call('wait', { target: 'job', state: 'RUNNING' })
  const before = (await master.call('status', {}))[0]?.processes.map((p) => p.pid)
  const from = master.log.length
  const ran = await master.phctl('reload', 'job')
  assert.equal(ran.code, 0, ran.stderr)
  const after = (await master.call('status', {}))[0]?.processes ?? []
  assert.deepEqual(
    after.map((p) => [p.state, p.generation, p.restarts, p.recycles]),
    [
      ['RUNNING', 2, 0, 0],
      ['RUNNING', 2, 0, 0],
    ],
  )
  const steps = master.log
    .slice(from)
    .filter((line) => line.msg === 'state')
    .map((line) => [line.name, before?.includes(line.pid ?? 0) ? 'old' : 'new', line.to])
  const ofSlot = (name: string) => [
    [name, 'new', 'STARTING'],
    [name, 'new', 'RUNNING'],
    [name, 'old', 'STOPPING'],
    [name, 'old', 'STOPPED'],
  ]
  assert.deepEqual(steps, [...ofSlot('job:0'), ...ofSlot('job:1')], 'one slot at a time')
})

test('start-first, and the new code fails its boot: the old one stays, exit 1, and why', async (t) => {
  const scene = sceneOf(t)
  copyFileSync(fixture('counts.js'), scene.path('job.mjs'))
  const master = await startMaster(t, `[job]\nworker = job.mjs\nnumber_workers = 2\n`)
  await master.call('wait', { target: 'job', state: 'RUNNING' })
  const before = (await master.call('status', {}))[0]?.processes.map((p) => p.pid)
  copyFileSync(fixture('throws-in-setup.js'), scene.path('job.mjs'))
  const ran = await master.phctl('reload', 'job')
  assert.equal(ran.code, 1)
  assert.match(ran.stdout, /job:0 .*exit 3: setup\(\) threw: no database today/)
  assert.match(ran.stdout, /job:1 .*not replaced/)
  const after = (await master.call('status', {}))[0]?.processes ?? []
  assert.deepEqual(
    after.map((p) => p.pid),
    before,
  )
  assert.deepEqual(
    after.map((p) => [p.state, p.replacement]),
    [
      ['RUNNING', null],
      ['RUNNING', null],
    ],
  )
  assert.equal((await master.phctl('status')).code, 0)
  copyFileSync(fixture('counts.js'), scene.path('job.mjs'))
  assert.equal((await master.phctl('reload', 'job')).code, 0, 'mended code goes in')
})

test('stop-first: each old one ends before its successor starts', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const from = master.log.length
  assert.equal((await master.phctl('reload', 'web')).code, 0)
  const steps = master.log.slice(from).filter((line) => line.msg === 'state')
  assert.deepEqual(
    steps.map((line) => `${line.name} ${line.to}`),
    ['web:0', 'web:1'].flatMap((name) => [`${name} STOPPING`, `${name} STARTING`, `${name} RUNNING`]),
  )
})

test('stop-first, and the new one fails: the reload ends there, exit 1', async (t) => {
  const scene = sceneOf(t)
  scene.write('run', '#!/bin/sh\nexec sleep 600\n', 0o755)
  const master = await startMaster(t, `${quick}[web]\ncommand = ./run\nnumber_workers = 2\nstart_seconds = 1\n`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const untouched = (await master.process('web:1')).pid
  scene.write('next', '#!/bin/sh\nexit 8\n', 0o755)
  renameSync(scene.path('next'), scene.path('run'))
  const ran = await master.phctl('reload', 'web')
  assert.equal(ran.code, 1)
  assert.match(ran.stdout, /web:0 .*exit 8/)
  assert.equal((await master.process('web:1')).pid, untouched)
})

test('reload_parallel replaces so many at a time', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sleep 600\nnumber_workers = 4\nreload_parallel = 2\nstart_seconds = 300ms\n`,
  )
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const from = master.log.length
  await master.call('reload', { target: 'web' })
  let under = 0
  let most = 0
  for (const { msg, to } of master.log.slice(from)) {
    if (msg !== 'state') continue
    if (to === 'STOPPING') under++
    if (to === 'RUNNING') under--
    most = Math.max(most, under)
  }
  assert.equal(most, 2)
})

test('reload_strategy = signal: the process gets the signal and stays', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sh -c 'trap "echo again" HUP; echo set; while :; do sleep 0.02; done'\nreload_strategy = signal\n`,
  )
  await until('the trap', () => master.lines('web.log').includes('set'))
  const { pid } = await master.state('web:0', 'RUNNING')
  assert.ok((await master.call('reload', { target: 'web' })).ok)
  await until('the signal', () => master.lines('web.log').includes('again'))
  assert.equal((await master.process('web:0')).pid, pid)
})

test('reload of what is stopped: a conflict by name, skipped under all', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sleep 600\n[off]\ncommand = sleep 600\nautostart = false\n`,
  )
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const ran = await master.phctl('reload', 'off')
  assert.equal(ran.code, 1)
  assert.match(ran.stderr, /cannot reload "off": it is STOPPED; start it instead/)
  const { ok, results } = await master.call('reload', { target: 'all' })
  assert.ok(ok)
  assert.match(results.find((one) => one.name === 'off:0')?.error ?? '', /skipped/)
})

test('a second reload replaces the first; a stop aborts one, and leaves one process a slot at most', async (t) => {
  const master = await startMaster(t, `[web]\ncommand = sleep 600\nnumber_workers = 3\nstart_seconds = 400ms\n`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const first = assert.rejects(
    master.call('reload', { target: 'web' }),
    (e: PhError) => e.code === 'PH_CONFLICT' && /superseded by a later reload/.test(e.message),
  )
  await master.state('web:0', 'STOPPING')
  const from = master.log.length
  assert.ok((await master.call('reload', { target: 'web' })).ok)
  await first
  assert.ok(master.log.length > from)

  const aborted = assert.rejects(master.call('reload', { target: 'web' }), (e: PhError) => e.code === 'PH_CONFLICT')
  assert.ok((await master.call('stop', { target: 'web' })).ok)
  await aborted
  const pids = master.log.flatMap((line) => (line.msg === 'state' && line.pid ? [line.pid] : []))
  assert.deepEqual(pids.filter(lives), [])
})
