// orphans = stop: whatever kills the master, its processes end with it, and the next master starts anew.

import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { environmentOf, lives } from '../helpers/proc.ts'
import { runPhd } from '../helpers/programs.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

const stopping = '[master]\norphans = stop\n'

test('orphans = stop: kill -9 of the master ends commands at once, and workers after the request in hand', async (t) => {
  const scene = sceneOf(t)
  copyFileSync(fixture('slow-drain.js'), scene.path('slow.js'))
  const master = await startMaster(
    t,
    `${quick}${stopping}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\nnumber_workers = 2\n[slow]\nworker = slow\n`,
  )
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const processes = (await master.call('status', {})).flatMap((p) => p.processes)
  const pids = processes.map(({ pid }) => pid ?? 0)
  assert.equal(pids.length, 3)
  assert.equal(environmentOf(pids[0] ?? 0).PHD_NAME, 'deaf:0', 'setpriv has become the program')
  await master.murder()
  await until('their end', () => !pids.some(lives))
  const next = await startMaster(t, `${quick}${stopping}[deaf]\ncommand = sleep 600\n`)
  await next.call('wait', { target: 'all', state: 'RUNNING' })
  assert.ok(!pids.includes((await next.process('deaf:0')).pid ?? 0))
})

test('orphans = stop: a worker reconnects to no next master, and one that lives on is replaced', async (t) => {
  const adopting = await startMaster(
    t,
    `${quick}[job]\ncommand = sleep 600\n[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 300ms\n`,
  )
  await adopting.call('wait', { target: 'all', state: 'RUNNING' })
  const pids = (await adopting.call('status', {})).flatMap((p) => p.processes.map(({ pid }) => pid ?? 0))
  await adopting.murder()
  assert.deepEqual(pids.map(lives), [true, true])
  // The configuration says now that nothing of a dead master goes on.
  const next = await startMaster(
    t,
    `${quick}${stopping}[job]\ncommand = sleep 600\n[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 300ms\n`,
  )
  await until('new ones', async () => {
    const now = (await next.call('status', {})).flatMap((p) => p.processes)
    return now.every((p) => p.state === 'RUNNING' && p.pid !== null && !pids.includes(p.pid))
  })
  assert.deepEqual(pids.map(lives), [false, false])
})

test('orphans = stop is refused for a set-uid program, with its line', async (t) => {
  const scene = sceneOf(t)
  scene.write('root.sh', '#!/bin/sh\nsleep 600\n', 0o4755)
  const file = scene.write('config.ini', `${stopping}[root]\ncommand = ./root.sh\n`)
  const { code, stderr } = await runPhd(['--check', '-c', file])
  assert.equal(code, 78)
  assert.match(
    stderr,
    /config\.ini:4: \[root\] command: cannot be with orphans = stop: .*root\.sh is set-uid or set-gid/,
  )
})
