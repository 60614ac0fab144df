// Upgrade in place: the master becomes the program that stands there now, and nobody notices but by asking.

import assert from 'node:assert/strict'
import { copyFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { connect } from '../../src/api/client.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { packageOf } from '../helpers/package.ts'
import { childrenOf, descriptorsOf, environmentOf, lives, zombiesOf } from '../helpers/proc.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

const upgraded = async (master: Master, count: number): Promise<void> => {
  await until('the upgraded master', async () => {
    try {
      return (await master.call('info', {})).upgrades === count
    } catch {
      return false // its connection was closed: the next look makes a new one
    }
  })
}

const numbered = (file: string): string =>
  `command = sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done'\nlog_file = ${file}\n`

test('phctl upgrade: same pid, same children, same counts and waits; no line is lost and no connection refused', async (t) => {
  const scene = sceneOf(t)
  const master = await startMaster(
    t,
    `${quick}[count]\n${numbered('count.log')}[job]\ncommand = sleep 600\n[ends]\ncommand = sh -c 'while [ ! -e ${scene.path('end')} ]; do sleep 0.02; done; exit 7'\nautorestart = never\n`,
  )
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  await master.call('scale', { program: 'job', workers: 3 })
  await master.call('stop', { target: 'job:1' })
  const facts = async () =>
    (await master.call('status', {})).flatMap((p) =>
      p.processes.map(({ name, pid, state, wanted, restarts, startedAt }) => [
        name,
        pid,
        state,
        wanted,
        restarts,
        startedAt,
      ]),
    )
  const before = await facts()
  const seq = (await master.call('events', {})).seq
  const descriptors = descriptorsOf(master.pid).size
  const asked = { ok: 0, wrong: [] as string[] }
  let over = false
  const asking = (async () => {
    while (!over) {
      try {
        const client = await connect(master.socket)
        const pong = await client.call('ping', {}).catch((e: unknown) => String(e))
        client.close()
        if (pong === 'pong') asked.ok++
      } catch (e) {
        asked.wrong.push(String(e))
      }
    }
  })()
  for (let n = 1; n <= 3; n++) {
    const { code, stdout, stderr } = await master.phctl('upgrade')
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`^master ${master.pid} is upgraded`))
    assert.equal((await master.call('info', {})).upgrades, n)
    if (n === 1) writeFileSync(scene.path('end'), '')
  }
  over = true
  await asking
  const upgraded = await master.logged('what it says since, on its stdout', (line) => line.msg === 'upgraded in place')
  assert.equal(upgraded.pid, master.pid)
  assert.deepEqual(asked.wrong, [], 'a connection was refused')
  assert.ok(asked.ok > 3)
  await until('the exit', async () => (await master.process('ends:0')).state === 'EXITED')
  assert.equal((await master.process('ends:0')).exit?.code, 7, 'the exit status of a child is not lost')
  const after = await facts()
  assert.deepEqual(after.slice(0, 4), before.slice(0, 4))
  assert.ok((await master.call('events', {})).seq > seq, 'events go on counting')
  assert.deepEqual(zombiesOf(master.pid), [])
  assert.ok(Math.abs(descriptorsOf(master.pid).size - descriptors) <= 4, 'descriptors do not pile up')
  const lines = master.lines('count.log').map(Number)
  assert.deepEqual(
    lines,
    lines.map((_n, at) => at + 1),
  )
})

test('USR2 upgrades a master with SDK workers; they stay, and come back to it', async (t) => {
  const scene = sceneOf(t)
  copyFileSync(fixture('counts.js'), scene.path('counts.js'))
  const master = await startMaster(t, `${quick}[counts]\nworker = counts\nnumber_workers = 2\n`)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const pids = (await master.call('status', {}))[0]?.processes.map(({ pid }) => pid)
  await until('requests', async () => ((await master.process('counts:0')).requests ?? 0) > 0)
  master.kill('SIGUSR2')
  await upgraded(master, 1)
  await until('their word', async () => ((await master.process('counts:1')).requests ?? 0) > 0)
  const now = (await master.call('status', {}))[0]?.processes
  assert.deepEqual(
    now?.map(({ pid, state }) => [pid, state]),
    pids?.map((pid) => [pid, 'RUNNING']),
  )
  await master.call('reload', { target: 'counts' })
  assert.ok((await master.call('status', {}))[0]?.processes.every(({ pid }) => !pids?.includes(pid)))
})

test('a stop under way goes on across an upgrade, and ends when it should', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 8s\n`,
  )
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const pid = (await master.process('deaf:0')).pid ?? 0
  await until('it is deaf', () => master.lines('deaf.log').length > 0)
  const begun = performance.now()
  await master.call('stop', { target: 'deaf', wait: false })
  assert.equal((await master.phctl('upgrade')).code, 0)
  assert.ok(lives(pid) || performance.now() - begun >= 7990)
  await until('its end', () => !lives(pid))
  assert.ok(performance.now() - begun >= 7990, 'not before its grace is over')
  await until('STOPPED', async () => (await master.process('deaf:0')).state === 'STOPPED')
  assert.equal((await master.process('deaf:0')).exit?.forced, true)
})

for (const [what, edit, reason] of [
  ['does not parse', () => 'const x = ;', /failed its check \(1\): .*SyntaxError/],
  ['ends at once and says nothing', () => '', /failed its check \(0\): it said nothing/],
  [
    'reads only an earlier schema of the record',
    (text: string) => text.replace(/(schema>=\w+&&schema)<=\w+/, '$1<=1'),
    /failed its check \(1\): .*its schema is \d+ .* this phd reads 1 to/,
  ],
] as const) {
  test(`a new program that ${what}: refused with the reason, and the old one goes on`, async (t) => {
    const { program, change } = packageOf(t)
    const master = await startMaster(t, `${quick}[job]\ncommand = sleep 600\n`, { program })
    await master.call('wait', { target: 'all', state: 'RUNNING' })
    const { pid } = await master.process('job:0')
    change(edit)
    await assert.rejects(master.call('upgrade', {}), (e: { code?: string; message: string }) => {
      assert.equal(e.code, 'PH_UPGRADE')
      assert.match(e.message, reason)
      return true
    })
    const { code, stderr } = await master.phctl('upgrade')
    assert.equal(code, 1)
    assert.match(stderr, /cannot upgrade: .*the old program goes on/)
    assert.equal((await master.process('job:0')).pid, pid)
    assert.equal((await master.call('info', {})).upgrades, 0)
    assert.deepEqual(childrenOf(master.pid), [pid])
  })
}

test('a configuration that is wrong now: the upgrade is refused, with its line', async (t) => {
  const master = await startMaster(t, `${quick}[job]\ncommand = sleep 600\n`)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  master.scene.write('config.ini', '[job]\ncommand = sleep 600\nnumber_workers = many\n')
  await assert.rejects(master.call('upgrade', {}), /failed its check \(78\): .*config\.ini:3: \[job\] number_workers/)
  assert.equal((await master.process('job:0')).state, 'RUNNING')
})

test('a signal in the gap is not the end: the guard starts a master that takes over', async (t) => {
  const master = await startMaster(t, `${quick}[count]\n${numbered('count.log')}`)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const { pid } = await master.process('count:0')
  // The new program passes its check, and dies before it can say a word.
  master.kill('SIGUSR2')
  await until('the new program', () => 'PHD_HANDOVER' in environmentOf(master.pid))
  const dead = master.murder()
  await until('somebody answers', async () => {
    try {
      return (await master.process('count:0')).pid === pid
    } catch {
      return false
    }
  })
  const lines = master.lines('count.log').map(Number)
  assert.deepEqual(
    lines,
    lines.map((_n, at) => at + 1),
  )
  assert.equal((await master.phctl('shutdown')).code, 0)
  await dead
})

test('asked to stop while the new program is being checked: it stops, and nothing starts again', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[slow]\ncommand = sh -c 'trap "sleep 2; exit 0" TERM; while :; do sleep 0.05; done'\n`,
  )
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  master.kill('SIGUSR2')
  master.kill('SIGTERM')
  assert.deepEqual((await master.ended).code, 0)
  const texts = master.log.map(({ msg }) => msg)
  assert.ok(texts.includes('stopped') && !texts.includes('upgraded in place'), texts.join('\n'))
})
