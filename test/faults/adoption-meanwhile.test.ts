// What happens while no master lives: a process ends, the configuration changes. And what ends afterwards
// without being a child of the next master.

import assert from 'node:assert/strict'
import { release } from 'node:os'
import { test } from 'node:test'
import { type Made, madeOn, nextMaster, onlyThese, slots, succeed } from '../helpers/adoption.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { commandOf, lives } from '../helpers/proc.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

test('row 8: processes that ended while no master lived: the policy of each is applied, once', async (t) => {
  const command = 'command = sleep 600\nautorestart ='
  const ini = `${quick}[always]\n${command} always\n[failure]\n${command} on-failure\n[never]\n${command} never\n`
  const first = await startMaster(t, ini)
  await first.call('wait', { target: 'all', state: 'RUNNING' })
  const before = madeOn(first.scene)
  await first.murder()
  for (const { pid } of before) process.kill(pid, 'SIGKILL')
  await until('their end', () => before.every(({ pid }) => !lives(pid)))
  let master = await nextMaster(t, ini)
  const after = await onlyThese(master.scene, ['always:0', 'failure:0'])
  await master.call('wait', { target: ['always', 'failure'], state: 'RUNNING' })
  for (let round = 0; round < 2; round++) {
    const processes = (await master.call('status', {})).map((p) => p.processes[0])
    assert.deepEqual(
      processes.map((p) => [p?.name, p?.state, p?.restarts]),
      [
        ['always:0', 'RUNNING', 1],
        ['failure:0', 'RUNNING', 1],
        ['never:0', 'EXITED', 0],
      ],
    )
    // Only while nobody has reaped it the kernel tells; what is not known is said to be unknown.
    for (const p of processes) {
      assert.ok(p?.exit && p.exit.code === null && [null, 'SIGKILL'].includes(p.exit.signal), JSON.stringify(p))
      assert.equal(p.exit.expected, false)
      assert.equal(p.exit.forced, false)
    }
    const reason = processes[2]?.exit?.signal === null ? 'ended, exit unknown' : 'killed by SIGKILL'
    assert.equal(processes[2]?.reason, reason)
    master = await succeed(t, master, ini)
  }
  assert.deepEqual(madeOn(master.scene), after)
})

/** pidfds tell the exit status of one that is not a child since Linux 6.15. */
const tellsExit = ((): boolean => {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  return major > 6 || (major === 6 && minor >= 15)
})()

test('row 8: an adopted process that ends later: noticed at once, with its exit status where the kernel tells it', async (t) => {
  const scene = sceneOf(t)
  scene.write('ends.sh', 'while [ ! -e "$1" ]; do sleep 0.01; done\nexit 7\n')
  const ini = `${quick}[job]\ncommand = sh ends.sh %(here)s/go\nautorestart = on-failure\nexit_codes = 7\n[web]\ncommand = sleep 600\n`
  const first = await startMaster(t, ini)
  await first.call('wait', { target: 'all', state: 'RUNNING' })
  const master = await succeed(t, first, ini)
  // The quickest of a few: the machine may have other things to do.
  let quickest = Number.POSITIVE_INFINITY
  for (let round = 0; round < 3 && quickest > 200; round++) {
    const { pid } = await master.process('web:0')
    const from = master.log.length
    const killed = performance.now()
    process.kill(pid ?? 0, 'SIGKILL')
    const ended = await master.logged('its end', (line) => line.name === 'web:0' && line.from === 'RUNNING', from)
    quickest = Math.min(quickest, performance.now() - killed)
    assert.ok(ended.exit === 'SIGKILL' || !tellsExit, JSON.stringify(ended))
    await master.state('web:0', 'RUNNING', from)
    if (round === 0) assert.ok(!lives(pid ?? 0))
  }
  assert.ok(quickest < 200, `${quickest} ms`)
  scene.write('go', '')
  if (tellsExit) {
    await master.state('job:0', 'EXITED')
    const { exit } = await master.process('job:0')
    assert.deepEqual([exit?.code, exit?.signal, exit?.expected], [7, null, true])
  } else await master.logged('its end', (line) => line.name === 'job:0' && line.from === 'RUNNING')
})

test('row 8: killed again before the adopted process has ended: nothing is forgotten on the way', async (t) => {
  const ini = `${quick}[web]\ncommand = sleep 600\n`
  let master = await startMaster(t, ini)
  await master.state('web:0', 'RUNNING')
  for (const restarts of [1, 2, 3]) {
    master = await succeed(t, master, ini)
    const { pid } = await master.process('web:0')
    const from = master.log.length
    process.kill(pid ?? 0, 'SIGKILL')
    await master.state('web:0', 'RUNNING', from)
    assert.equal((await master.process('web:0')).restarts, restarts)
  }
})

test('row 8: the configuration was changed meanwhile: an update, by what was in force before', async (t) => {
  const seconds = (n: number, more = ''): string => `command = sleep ${n}\n${more}`
  const before = `${quick}[same]\n${seconds(601)}[more]\n${seconds(602, 'number_workers = 1\n')}[fewer]\n${seconds(603, 'number_workers = 3\n')}[other]\n${seconds(604, 'number_workers = 2\n')}[scaled]\n${seconds(605)}[gone]\n${seconds(606)}`
  const after = `${quick}[same]\n${seconds(601)}[more]\n${seconds(602, 'number_workers = 3\n')}[fewer]\n${seconds(603, 'number_workers = 1\n')}[other]\n${seconds(614, 'number_workers = 2\n')}[scaled]\n${seconds(605)}[new]\n${seconds(607)}`
  const first = await startMaster(t, before)
  const { scene } = first
  await first.call('wait', { target: 'all', state: 'RUNNING' })
  await first.call('scale', { program: 'scaled', workers: 2 })
  const old = madeOn(scene)
  await first.murder()
  const master = await nextMaster(t, after)
  const names = ['same:0', ...slots('more', 3), 'fewer:0', ...slots('other', 2), ...slots('scaled', 2), 'new:0']
  await until('the new command', () => madeOn(scene).filter(({ pid }) => commandOf(pid) === 'sleep 614').length === 2)
  const now = await onlyThese(scene, names)
  const kept = ['same:0', 'more:0', 'fewer:0', ...slots('scaled', 2)]
  for (const name of kept) {
    const pidIn = (where: readonly Made[]): number | undefined => where.find((one) => one.name === name)?.pid
    assert.equal(pidIn(now), pidIn(old), `${name} is untouched`)
  }
  await until('all as wanted', async () => (await master.call('status', {})).every((p) => p.state === 'RUNNING'))
  const desired = (await master.call('status', {})).map((p) => `${p.program} ${p.desired}`)
  assert.deepEqual(desired.toSorted(), ['fewer 1', 'more 3', 'new 1', 'other 2', 'same 1', 'scaled 2'])
})

test('row 8: killed in the middle of its shutdown: the next start runs the programs again', async (t) => {
  const ini = `${quick}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 1\n[web]\ncommand = sleep 600\nnumber_workers = 2\n[idle]\ncommand = sleep 600\nautostart = false\n`
  const first = await startMaster(t, ini)
  await until('the trap', () => first.lines('deaf.log').length > 0)
  await first.call('wait', { target: ['deaf', 'web'], state: 'RUNNING' })
  await first.call('scale', { program: 'web', workers: 3 })
  const { pid } = await first.process('deaf:0')
  first.kill('SIGTERM')
  await first.state('web:0', 'STOPPED')
  await first.murder()
  const master = await nextMaster(t, ini)
  await until('all run', async () => (await master.call('status', {})).slice(0, 2).every((p) => p.state === 'RUNNING'))
  const made = await onlyThese(master.scene, ['deaf:0', ...slots('web', 2)])
  assert.notEqual(made[0]?.pid, pid)
  assert.equal((await master.process('idle:0')).state, 'STOPPED')
})
