// Programs with single_instance: several masters on one file, of which one at a time runs them. Their processes
// tell themselves when two live at the same time.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { environmentOf, lives, pids } from '../helpers/proc.ts'
import { runPhctl } from '../helpers/programs.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

const alone = (t: TestContext, more = '', how = ''): string =>
  `${quick}[web]\ncommand = sh ${fixture('alone.sh')} ${sceneOf(t).path('trace')} ${how}\nsingle_instance = true\n${more}`

const named = (t: TestContext, name: string, ini: string): Promise<Master> =>
  startMaster(t, ini, { args: ['--instance', name] })

/** Two masters of one file; the first one runs it. */
async function pair(t: TestContext, ini: string): Promise<[Master, Master]> {
  const blue = await named(t, 'blue', ini)
  await blue.state('web:0', 'RUNNING')
  const green = await named(t, 'green', ini)
  await green.state('web:0', 'STANDBY')
  return [blue, green]
}

const never = (t: TestContext, word: string): void =>
  assert.deepEqual(
    sceneOf(t)
      .lines('trace')
      .filter((line) => line.startsWith(word)),
    [],
  )

test('one runs it, the other stands by and says for whom; stop, start, reload, restart and upgrade', async (t) => {
  const ini = alone(t)
  const [blue, green] = await pair(t, ini)
  const { state, reason, standbyOf, wanted } = await green.process('web:0')
  assert.deepEqual([state, wanted, standbyOf], ['STANDBY', 'up', `blue (pid ${blue.pid})`])
  assert.equal(reason, `instance blue (pid ${blue.pid}) runs it`)
  const shown = await runPhctl(['-c', green.scene.path('config.ini'), '--instance', 'green', 'status'])
  assert.equal(shown.code, 0, 'as wanted')
  assert.match(shown.stdout, /web:0 +STANDBY +instance blue \(pid \d+\) runs it\n/)
  for (const verb of ['start', 'restart', 'reload'] as const) {
    const { ok, results } = await green.call(verb, { target: 'web' })
    assert.deepEqual([ok, results[0]?.state], [true, 'STANDBY'], verb)
  }
  const { results } = await green.call('scale', { program: 'web', workers: 2 })
  assert.deepEqual(
    results.map(({ name, state }) => [name, state]),
    [['web:1', 'STANDBY']],
  )
  await green.call('scale', { program: 'web', workers: 1 })

  const { pid } = await blue.process('web:0')
  await blue.call('upgrade', {})
  await until('the upgraded holder', () =>
    blue
      .call('info', {})
      .then((i) => i.upgrades === 1)
      .catch(() => false),
  )
  const looks = green.log.length
  await green.call('upgrade', {})
  await until('the upgraded other', () =>
    green
      .call('info', {})
      .then((i) => i.upgrades === 1)
      .catch(() => false),
  )
  await green.call('wait', { target: 'web', state: 'STANDBY' })
  await until('a look at the lock', async () => (await green.process('web:0')).standbyOf !== null)
  assert.equal((await blue.process('web:0')).pid, pid)
  assert.ok(!green.log.slice(looks).some((line) => line.to === 'RUNNING'))

  // A crash of the process is no reason to let go.
  process.kill(pid ?? 0, 'SIGKILL')
  await until('a restart', async () => {
    const { restarts, state } = await blue.process('web:0')
    return restarts === 1 && state === 'RUNNING'
  })
  await blue.call('stop', { target: 'web' })
  await green.call('wait', { target: 'web', state: 'RUNNING' })
  assert.equal((await blue.process('web:0')).state, 'STOPPED')
  assert.equal((await blue.call('start', { target: 'web' })).results[0]?.state, 'STANDBY')
  // Stopped while it waits: then it does not wait any more.
  await blue.call('stop', { target: 'web' })
  await green.call('stop', { target: 'web' })
  await blue.call('start', { target: 'web' })
  assert.equal((await blue.process('web:0')).state, 'RUNNING')
  assert.equal((await green.call('start', { target: 'web' })).results[0]?.state, 'STANDBY')
  await blue.stop()
  await green.call('wait', { target: 'web', state: 'RUNNING' })
  never(t, 'DOUBLE')
})

test('kill -9 of the holder: the other ends what lives, and what that has left, before it starts', async (t) => {
  const daemon = `sh -c "setsid sh -c 'trap : TERM; while :; do sleep 0.1; done' & exec sh ${fixture('alone.sh')} ${sceneOf(t).path('trace')} ignore-term"`
  const ini = `${quick}[web]\ncommand = ${daemon}\nsingle_instance = true\ngraceful_timeout = 500ms\n`
  const [blue, green] = await pair(t, ini)
  const old = (await blue.process('web:0')).pid ?? 0
  const began = performance.now()
  await blue.murder()
  await green.state('web:0', 'RUNNING')
  assert.ok(performance.now() - began < 1500 + 500, 'within 1 s + graceful_timeout, and the time of the start')
  assert.ok(!lives(old))
  const blues = pids().filter((pid) => environmentOf(pid).PHD_SOCKET === blue.socket && lives(pid))
  assert.deepEqual(blues, [], 'nor what had left its group')
  never(t, 'DOUBLE')
  // It comes back, and nothing of that program is its own any more.
  const { pid } = await green.process('web:0')
  const back = await named(t, 'blue', ini)
  back.scene.mayLeave(false)
  assert.deepEqual([(await back.process('web:0')).state, (await back.process('web:0')).pid], ['STANDBY', null])
  await until('a look at the lock', async () => (await back.process('web:0')).standbyOf === `green (pid ${green.pid})`)
  assert.deepEqual([(await green.process('web:0')).pid, lives(pid ?? 0)], [pid, true])
  never(t, 'DOUBLE')
})

test('a holder that is killed in the middle of that: a third one goes on', async (t) => {
  const ini = alone(t, 'graceful_timeout = 1\n', 'ignore-term')
  const [blue, green] = await pair(t, ini)
  const old = (await blue.process('web:0')).pid ?? 0
  await blue.murder()
  await green.logged('the end of what was left', (line) => line.msg.startsWith('what the former holder'))
  await green.murder()
  assert.ok(lives(old), 'it had a second')
  const back = await named(t, 'blue', ini)
  back.scene.mayLeave(false)
  await back.logged('it goes on', (line) => line.reason === 'what the former holder has left is being ended')
  await back.state('web:0', 'RUNNING')
  assert.ok(!lives(old))
  never(t, 'DOUBLE')
})

test('both come at once, the next master of the killed holder and the other: one of them runs it', async (t) => {
  const ini = alone(t)
  let [holder, other] = await pair(t, ini)
  const names = new Map([
    [holder, 'blue'],
    [other, 'green'],
  ])
  const winners = new Set<string>()
  for (let round = 0; round < 10; round++) {
    const name = names.get(holder) ?? ''
    await holder.murder()
    const next = await named(t, name, ini)
    names.set(next, name)
    const [a, b] = [next, other]
    await until('one RUNNING, one STANDBY', async () => {
      const states = [(await a.process('web:0')).state, (await b.process('web:0')).state]
      return states.sort().join() === 'RUNNING,STANDBY'
    })
    const aRuns = (await a.process('web:0')).state === 'RUNNING'
    winners.add(aRuns ? 'its own next one' : 'the other')
    holder = aRuns ? a : b
    other = aRuns ? b : a
    never(t, 'DOUBLE')
  }
  holder.scene.mayLeave(false)
  t.diagnostic([...winners].join(', '))
})

test('an update switches the key on and off', async (t) => {
  const on = `${quick}[web]\ncommand = sleep 600\nsingle_instance = true\n`
  const [blue, green] = await pair(t, on)
  const file = blue.scene.path('config.ini')
  writeFileSync(file, readFileSync(file, 'utf8').replace('= true', '= false'))
  assert.equal((await green.call('update', {})).ok, true)
  await green.call('wait', { target: 'web', state: 'RUNNING' })
  await blue.call('update', {})
  writeFileSync(file, on)
  assert.equal((await green.call('update', {})).ok, true)
  assert.equal((await green.process('web:0')).state, 'RUNNING')
  assert.equal((await blue.call('update', {})).ok, true)
  const { state, standbyOf } = await blue.process('web:0')
  assert.deepEqual([state, standbyOf], ['STANDBY', `green (pid ${green.pid})`])
})
