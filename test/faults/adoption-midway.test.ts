// The master is killed in the middle of a start, a stop, a scale, a reload: the next one goes on with
// it, and every slot ends with exactly one process.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { editRecord, madeOn, moment, nextMaster, onlyThese, slots, succeed } from '../helpers/adoption.ts'
import { type Dice, dice } from '../helpers/dice.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { environmentOf, lives } from '../helpers/proc.ts'
import { PHD, spawnProgram } from '../helpers/programs.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

function seeded(t: TestContext): Dice {
  const seed = Date.now() % 1_000_000
  t.diagnostic(`seed ${seed}`)
  return dice(seed)
}

test('row 3: killed while 40 processes are being made, again and again: one for each slot, never two', async (t) => {
  const { below } = seeded(t)
  const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 40\n`
  let master = await startMaster(t, ini)
  for (let round = 0; round < 4; round++) {
    await moment(below(60))
    master = await succeed(t, master, ini)
  }
  const made = await onlyThese(master.scene, slots('web', 40))
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const status = (await master.call('status', {}))[0]?.processes ?? []
  assert.deepEqual(
    status.map(({ name, pid }) => ({ pid, name })),
    made,
  )
  assert.ok(status.every(({ restarts }) => restarts === 0))
})

test('row 3: killed between the birth of a process and the record of it: found by its token', async (t) => {
  const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 3\n`
  const first = await startMaster(t, ini)
  const { scene } = first
  await first.call('wait', { target: 'web', state: 'RUNNING' })
  const before = madeOn(scene)
  await first.murder()
  // As it stands before the spawn: web:1 was made then, web:2 was not.
  editRecord(scene, ([kind, key, row]) => {
    if (!/^web:[12]:1$/.test(key) || !row) return [kind, key, row]
    if (kind === 'process') return [kind, key, { ...row, pid: null, start: null }]
    const { pid } = row.state as { pid: number | null }
    return pid === null ? [kind, key, row] : null
  })
  process.kill(before[2]?.pid ?? 0, 'SIGKILL')
  const master = await nextMaster(t, ini)
  const after = await onlyThese(scene, slots('web', 3))
  assert.deepEqual(after.slice(0, 2), before.slice(0, 2))
  assert.notEqual(after[2]?.pid, before[2]?.pid)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  assert.equal((await master.process('web:1')).pid, before[1]?.pid)
})

test('row 3: killed again while it starts and takes over: who comes last takes all over, once', async (t) => {
  const { below } = seeded(t)
  const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 10\n`
  const first = await startMaster(t, ini)
  const { scene } = first
  await first.call('wait', { target: 'web', state: 'RUNNING' })
  await first.call('scale', { program: 'web', workers: 12 })
  const before = madeOn(scene)
  await first.murder()
  process.kill(before[0]?.pid ?? 0, 'SIGKILL')
  for (let round = 0; round < 6; round++) {
    const next = spawnProgram(PHD, ['-n', '-c', scene.path('config.ini')], {})
    const ended = new Promise((resolve) => next.on('close', resolve))
    await moment(100 + below(250))
    next.kill('SIGKILL')
    await ended
  }
  const master = await nextMaster(t, ini)
  const after = await onlyThese(scene, slots('web', 12))
  assert.deepEqual(after.slice(1), before.slice(1))
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  assert.equal((await master.process('web:0')).restarts, 1)
})

test('row 4: killed in the middle of a stop: SIGKILL comes at the deadline that stood, not earlier and not a grace later', async (t) => {
  const graceMs = 5000
  const ini = `${quick}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = ${graceMs}ms\n[kind]\ncommand = sleep 600\n`
  const first = await startMaster(t, ini)
  await until('the trap', () => first.lines('deaf.log').length > 0)
  await first.call('wait', { target: 'all', state: 'RUNNING' })
  const { pid } = await first.process('deaf:0')
  const asked = performance.now()
  await first.call('stop', { target: 'all', wait: false })
  await first.state('kind:0', 'STOPPED')
  await moment(3000) // so long that a grace which began anew would show
  const master = await succeed(t, first, ini)
  const { state, wanted } = await master.process('deaf:0')
  assert.deepEqual({ state, wanted }, { state: 'STOPPING', wanted: 'down' })
  await until('its end', () => !lives(pid ?? 0))
  const took = performance.now() - asked
  assert.ok(took >= graceMs - 5 && took < graceMs + 2500, `${took} ms`)
  await master.state('deaf:0', 'STOPPED')
  const { signal, forced } = (await master.process('deaf:0')).exit ?? {}
  assert.deepEqual([signal === null || signal === 'SIGKILL', forced], [true, signal === 'SIGKILL'])
  assert.equal((await master.process('kind:0')).state, 'STOPPED', 'a stop stands')
})

test('row 4: killed between the wish to stop it and its signal: it is told by the next master, else it is not told twice', async (t) => {
  const scene = sceneOf(t)
  scene.write('hears.sh', "trap 'echo heard' TERM\necho up\nwhile :; do sleep 0.02; done\n")
  const ini = `${quick}[web]\ncommand = sh hears.sh\ngraceful_timeout = 10\n`
  const heard = (): number => scene.lines('web.log').filter((line) => line === 'heard').length
  let master = await startMaster(t, ini)
  await until('the trap', () => scene.lines('web.log').length > 0)
  await master.call('stop', { target: 'web', wait: false })
  await until('the signal', () => heard() === 1)
  master = await succeed(t, master, ini)
  await master.murder()
  assert.equal(heard(), 1)
  editRecord(scene, ([kind, key, row]) => [kind, key, row && { ...row, told: undefined }])
  master = await nextMaster(t, ini)
  await until('the signal again', () => heard() === 2)
  await master.state('web:0', 'STOPPED')
})

test('row 4: killed in the middle of a scale up and a scale down: the count is reached, no slot has two', async (t) => {
  const { below } = seeded(t)
  const scene = sceneOf(t)
  scene.write('slow-end.sh', "trap 'sleep 0.3; exit 0' TERM\nwhile :; do sleep 0.05; done\n")
  const ini = `${quick}[web]\ncommand = sh slow-end.sh\nnumber_workers = 2\n`
  let master = await startMaster(t, ini)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  for (const workers of [20, 3]) {
    await master.call('scale', { program: 'web', workers, wait: false })
    await moment(below(60))
    master = await succeed(t, master, ini)
    const made = await onlyThese(scene, slots('web', workers))
    await master.call('wait', { target: 'web', state: 'RUNNING' })
    const [program] = await master.call('status', {})
    assert.equal(program?.desired, workers)
    assert.deepEqual(
      program?.processes.map(({ name, pid }) => ({ pid, name })),
      made,
    )
  }
})

test('row 4: killed in the middle of an update: a new count that waits behind the replacement is not lost', async (t) => {
  const scene = sceneOf(t)
  const command = `command = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 2`
  const former = `${quick}[web]\n${command}\nenv.A = 1\n`
  const next = `${quick}[web]\n${command}\nenv.A = 2\nnumber_workers = 3\n`
  const first = await startMaster(t, former)
  await until('the trap', () => first.lines('web.log').length > 0)
  await first.call('wait', { target: 'web', state: 'RUNNING' })
  scene.write('config.ini', next)
  await first.call('update', { wait: false })
  await first.state('web:0', 'STOPPING')
  const master = await succeed(t, first, next)
  await onlyThese(scene, slots('web', 3))
  const [web] = await master.call('status', {})
  assert.equal(web?.desired, 3)
  await until('the new environment', () => madeOn(scene).every(({ pid }) => environmentOf(pid).A === '2'))
})

const reloads = [
  { how: 'start-first', ini: '[web]\nworker = job.mjs\nnumber_workers = 3\n' },
  { how: 'stop-first', ini: '[web]\ncommand = sh slow-end.sh\nnumber_workers = 3\n' },
] as const

for (const { how, ini: program } of reloads) {
  test(`row 4: killed in the middle of a reload, ${how}: it goes on to its end, and no slot has two`, async (t) => {
    const scene = sceneOf(t)
    scene.write('slow-end.sh', "trap 'sleep 0.3; exit 0' TERM\nwhile :; do sleep 0.05; done\n")
    scene.write(
      'job.mjs',
      "import { SyncWorker } from 'processhandler/worker'\nexport default class J extends SyncWorker {\n  handleRequest() {\n    return new Promise((done) => setTimeout(done, 10))\n  }\n}\n",
    )
    const ini = `${quick}${program}`
    let master = await startMaster(t, ini)
    await master.call('wait', { target: 'web', state: 'RUNNING' })
    const old = madeOn(scene)
    let from = master.log.length
    await master.call('reload', { target: 'web', wait: false })
    // Once while the first slot is being replaced, once while the second is.
    await master.state('web:0', how === 'start-first' ? 'STARTING' : 'STOPPING', from)
    master = await succeed(t, master, ini)
    from = 0
    await master.state('web:1', how === 'start-first' ? 'STARTING' : 'STOPPING', from)
    master = await succeed(t, master, ini)
    await until('the end of the plan', async () => {
      const [web] = await master.call('status', {})
      return web?.processes.every((p) => p.generation === 2 && p.state === 'RUNNING' && p.replacement === null)
    })
    const made = await onlyThese(scene, slots('web', 3))
    assert.ok(made.every(({ pid }) => !old.some((one) => one.pid === pid)))
    const [web] = await master.call('status', {})
    assert.deepEqual(
      web?.processes.map(({ name, pid, restarts }) => ({ pid, name, restarts })),
      made.map((one) => ({ ...one, restarts: 0 })),
    )
  })
}
