// Signals to the master.

import assert from 'node:assert/strict'
import { renameSync } from 'node:fs'
import { test } from 'node:test'
import { quick, startDaemon, startMaster } from '../helpers/master.ts'
import { lives } from '../helpers/proc.ts'
import { fixture, until } from '../helpers/scene.ts'

const web = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
  test(`${signal}: everything ends in order, exit 0`, async (t) => {
    const master = await startMaster(t, web)
    await master.call('wait', { target: 'web', state: 'RUNNING' })
    const pids = (await master.call('status', {}))[0]?.processes.map((p) => p.pid ?? 0) ?? []
    master.kill(signal)
    assert.deepEqual(await master.ended, { code: 0, signal: null })
    assert.deepEqual(pids.filter(lives), [])
    assert.deepEqual(
      master.log.slice(-1).map((line) => line.msg),
      ['stopped'],
    )
  })
}

test('a second TERM kills all at once; one in the first half second is the same one', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\nnumber_workers = 2\ngraceful_timeout = 60\n`,
  )
  await until('their traps', () => master.lines('deaf.log').length === 2)
  master.kill('SIGTERM')
  await master.state('deaf:1', 'STOPPING')
  master.kill('SIGTERM')
  await new Promise((resolve) => setTimeout(resolve, 600)) // the half second is what is tested
  assert.ok(lives(master.pid))
  master.kill('SIGTERM')
  assert.deepEqual(await master.ended, { code: 0, signal: null })
})

test('TERM while programs start, crash and wait: an orderly end all the same', async (t) => {
  const master = await startMaster(
    t,
    `[slow]\ncommand = sleep 600\nstart_seconds = 60\n[bad]\ncommand = false\nbackoff_initial = 10\nstart_retries = -1\n[gone]\ncommand = ./gone\n`,
  )
  await master.state('bad:0', 'BACKOFF')
  master.kill('SIGTERM')
  assert.deepEqual(await master.ended, { code: 0, signal: null })
})

test('HUP: update, then reload of every running program that the update did not replace', async (t) => {
  const program = (name: string, more = ''): string => `[${name}]\ncommand = sleep 600\n${more}`
  const master = await startMaster(
    t,
    quick + program('same') + program('changed') + program('off', 'autostart = false\n'),
  )
  await master.call('wait', { target: ['same', 'changed'], state: 'RUNNING' })
  master.scene.write(
    'config.ini',
    quick +
      program('same') +
      program('changed', 'env.A = 1\n') +
      program('off', 'autostart = false\n') +
      program('new'),
  )
  const from = master.log.length
  master.kill('SIGHUP')
  await master.logged('the end of it', (line) => line.msg === 'HUP: updated and reloaded', from)
  const starts = master.log.slice(from).flatMap((line) => (line.to === 'STARTING' ? [String(line.name)] : []))
  assert.deepEqual(starts.sort(), ['changed:0', 'new:0', 'same:0'])
  assert.equal((await master.process('off:0')).state, 'STOPPED')
})

test('HUP with an invalid file changes nothing', async (t) => {
  const master = await startMaster(t, web)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const before = (await master.call('status', {}))[0]?.processes.map((p) => p.pid)
  master.scene.write('config.ini', '[web]\ncomand = x\n')
  master.kill('SIGHUP')
  const said = await master.logged('the refusal', (line) => line.msg === 'HUP: nothing was changed')
  assert.match(String(said.err), /comand/)
  assert.deepEqual(
    (await master.call('status', {}))[0]?.processes.map((p) => p.pid),
    before,
  )
})

test('USR1 reopens the logs after a rename, and SDK workers are told by message, not by signal', async (t) => {
  const master = await startMaster(t, `${quick}[talk]\ncommand = sh ${fixture('one-line-a-time.sh')}\n`)
  await until('some lines', () => master.lines('talk.log').length > 20)
  renameSync(master.scene.path('talk.log'), master.scene.path('talk.log.old'))
  renameSync(master.scene.path('phd.log'), master.scene.path('phd.log.old'))
  master.kill('SIGUSR1')
  await until('some more lines', () => master.lines('talk.log').length > 20)
  assert.ok(master.lines('phd.log').some((line) => line.includes('log files reopened')))
  assert.equal((await master.process('talk:0')).restarts, 0)
})

test('TTIN and TTOU: one slot more or fewer in every program, never below one', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[a]\ncommand = sleep 600\n[b]\ncommand = sleep 600\nnumber_workers = 2\n[off]\ncommand = sleep 600\nautostart = false\n`,
  )
  await master.call('wait', { target: ['a', 'b'], state: 'RUNNING' })
  const counts = async (): Promise<string> =>
    (await master.call('status', {})).map((p) => `${p.desired}:${p.processes.length}`).join(' ')
  master.kill('SIGTTIN')
  await until('one more', async () => (await counts()) === '2:2 3:3 2:2')
  assert.equal((await master.process('off:1')).state, 'STOPPED')
  for (const expected of ['1:1 2:2 1:1', '1:1 1:1 1:1', '1:1 1:1 1:1']) {
    master.kill('SIGTTOU')
    await until(expected, async () => (await counts()) === expected)
  }
})

test('WINCH: in the foreground nothing; a daemon stops all processes and stays', async (t) => {
  const master = await startMaster(t, web)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  master.kill('SIGWINCH')
  assert.equal(await master.call('ping', {}), 'pong')
  assert.equal((await master.call('status', {}))[0]?.state, 'RUNNING')
})

test('WINCH to a daemon: all processes stop, the master stays, a start brings them back', async (t) => {
  const master = await startDaemon(t, `[master]\ndaemonize = true\n${web}`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  master.kill('SIGWINCH')
  const stopped = await master.call('wait', { target: 'web', state: 'STOPPED', timeout: 15 })
  assert.ok(stopped.ok)
  assert.ok((await master.call('start', { target: 'web' })).ok)
})
