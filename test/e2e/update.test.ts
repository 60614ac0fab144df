// A changed configuration file: shown by reread, carried out by update, refused whole when it is wrong.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PhError } from '../../src/errors.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { lives } from '../helpers/proc.ts'
import { until } from '../helpers/scene.ts'

const program = (name: string, more = ''): string => `[${name}]\ncommand = sleep 600\n${more}`

test('add, remove and change in one step; what did not change is not touched', async (t) => {
  const master = await startMaster(t, quick + program('kept') + program('changed') + program('removed'))
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const pidOf = async (name: string): Promise<number> => (await master.process(name)).pid ?? 0
  const [kept, changed, removed] = [await pidOf('kept:0'), await pidOf('changed:0'), await pidOf('removed:0')]
  master.scene.write('config.ini', quick + program('kept') + program('changed', 'env.NEW = 1\n') + program('added'))

  const reread = await master.phctl('reread', '--json')
  const { added, changed: changes, removed: dropped, unchanged, master: own } = JSON.parse(reread.stdout)
  assert.deepEqual(
    { added, changes, dropped, unchanged, own },
    {
      added: ['added'],
      changes: [{ program: 'changed', keys: ['env.NEW'], effect: 'reload' }],
      dropped: ['removed'],
      unchanged: ['kept'],
      own: [],
    },
  )
  const dry = await master.phctl('update', '--dry-run')
  assert.equal(dry.code, 0)
  assert.match(dry.stdout, /\+ added.*~ changed +env\.NEW.*- removed/s)
  assert.equal(await pidOf('removed:0'), removed, 'nothing was done')

  const update = await master.phctl('update')
  assert.equal(update.code, 0, update.stderr)
  assert.deepEqual(
    (await master.call('status', {})).map((p) => [p.program, p.state]),
    [
      ['kept', 'RUNNING'],
      ['changed', 'RUNNING'],
      ['added', 'RUNNING'],
    ],
  )
  assert.equal(await pidOf('kept:0'), kept)
  assert.notEqual(await pidOf('changed:0'), changed)
  assert.ok(!lives(removed))
  assert.equal((await master.phctl('reread')).stdout, 'no changes\n')
})

test('live settings need no new process; a count is taken over', async (t) => {
  const master = await startMaster(t, quick + program('web', 'number_workers = 1\n'))
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const { pid } = await master.process('web:0')
  master.scene.write('config.ini', quick + program('web', 'number_workers = 3\ngraceful_timeout = 3\n'))
  const { ok, diff } = await master.call('update', {})
  assert.ok(ok)
  assert.deepEqual(diff.changed, [{ program: 'web', keys: ['number_workers', 'graceful_timeout'], effect: 'live' }])
  const [web] = await master.call('status', {})
  assert.deepEqual([web?.desired, web?.running, web?.processes[0]?.pid], [3, 3, pid])
})

test('a count set by scale stands over an update, until number_workers changes', async (t) => {
  const master = await startMaster(t, quick + program('web', 'number_workers = 1\n'))
  await master.call('scale', { program: 'web', workers: 3 })
  master.scene.write('config.ini', quick + program('web', 'number_workers = 1\nenv.A = 1\n'))
  assert.ok((await master.call('update', {})).ok)
  assert.equal((await master.call('status', {}))[0]?.running, 3)
  master.scene.write('config.ini', quick + program('web', 'number_workers = 2\nenv.A = 1\n'))
  assert.ok((await master.call('update', {})).ok)
  assert.equal((await master.call('status', {}))[0]?.desired, 2)
})

test('an invalid file: every problem, exit 6, nothing changed', async (t) => {
  const master = await startMaster(t, quick + program('web'))
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const { pid } = await master.process('web:0')
  master.scene.write('config.ini', `${quick}${program('added')}nonsense = 1\nnumber_workers = -3\n`)
  for (const command of ['reread', 'update']) {
    const ran = await master.phctl(command)
    assert.equal(ran.code, 6, command)
    assert.match(ran.stderr, /config\.ini:5: \[added\] nonsense: /)
    assert.match(ran.stderr, /config\.ini:6: \[added\] number_workers: /)
  }
  await assert.rejects(master.call('update', {}), (e: PhError) => {
    const problems = e.data.problems as { line: number; key: string }[]
    assert.deepEqual(
      problems.map(({ line, key }) => [line, key]),
      [
        [5, 'nonsense'],
        [6, 'number_workers'],
      ],
    )
    return e.data.rpc === -32006
  })
  assert.deepEqual(
    (await master.call('status', {})).map((p) => p.program),
    ['web'],
  )
  assert.equal((await master.process('web:0')).pid, pid)
})

test('a changed program that fails its start: the answer says so', async (t) => {
  const master = await startMaster(t, quick + program('web'))
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  master.scene.write('config.ini', `${quick}[web]\ncommand = sh -c "exit 5"\nstart_retries = 0\nstart_seconds = 10\n`)
  const ran = await master.phctl('update')
  assert.equal(ran.code, 1)
  assert.match(ran.stdout, /web:0 .*exit 5/)
})

test('-s: only the named programs, also after an update', async (t) => {
  const master = await startMaster(t, quick + program('one') + program('two'), { args: ['-s', 'one'] })
  assert.deepEqual(
    (await master.call('status', {})).map((p) => p.program),
    ['one'],
  )
  master.scene.write('config.ini', quick + program('one') + program('two') + program('three'))
  assert.ok((await master.call('update', {})).ok)
  assert.deepEqual(
    (await master.call('status', {})).map((p) => p.program),
    ['one'],
  )
})

test('autostart = false waits for a start; two instances of one file run side by side', async (t) => {
  const ini = quick + program('web', 'autostart = false\n')
  const one = await startMaster(t, ini)
  const two = await startMaster(t, ini, { args: ['--instance', 'blue'] })
  assert.equal((await one.process('web:0')).state, 'STOPPED')
  assert.ok(two.socket.endsWith('/phd.blue.sock'))
  assert.equal((await two.call('info', {})).instance, 'blue')
  await two.call('start', { target: 'web' })
  assert.equal((await one.process('web:0')).state, 'STOPPED')
  await until('its own files', () => ['master.pid', 'master.blue.pid'].every((file) => one.lines(file).length === 1))
})
