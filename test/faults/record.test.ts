// The record that a killed master leaves: whole whatever the moment, and what happens where it is not
// what it should be: of another boot, broken, newer, gone, about a pid that is another's by now.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { readRecord } from '../../src/os/record-file.ts'
import { editRecord, madeOn, moment, nextMaster, onlyThese, slots, still, succeed } from '../helpers/adoption.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { lives, stateOf } from '../helpers/proc.ts'
import { runPhd } from '../helpers/programs.ts'
import { fixture, needsRoot, sceneOf, until } from '../helpers/scene.ts'

const RECORD = '.phd/state/record'

test('row 6: killed again and again while the record is written all the time: it can always be read', async (t) => {
  const ini = `${quick}[churn]\ncommand = true\nnumber_workers = 20\nstart_retries = -1\nbackoff_max = 1ms\nbackoff_initial = 1ms\n[web]\ncommand = sleep 600\nnumber_workers = 2\n`
  let master = await startMaster(t, ini)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const web = madeOn(master.scene).filter(({ name }) => name.startsWith('web'))
  for (let round = 0; round < 4; round++) {
    await moment(round * 7)
    await master.murder()
    const reading = readRecord(master.scene.path('.phd/state'))
    assert.equal(reading.kind, 'kept', JSON.stringify(reading))
    master = await nextMaster(t, ini)
  }
  const adopted = madeOn(master.scene).filter(({ name }) => name.startsWith('web'))
  assert.deepEqual(adopted, web)
})

test('row 7: killed, and the machine booted: no recorded pid is signalled, and all begins anew', async (t) => {
  const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\ngraceful_timeout = 200ms\n`
  const first = await startMaster(t, ini)
  await first.call('wait', { target: 'web', state: 'RUNNING' })
  await first.call('scale', { program: 'web', workers: 1 })
  const before = madeOn(first.scene)
  await first.murder()
  editRecord(first.scene, (row) => row, { boot: '00000000-0000-0000-0000-000000000000' })
  const master = await startMaster(t, ini)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  assert.ok(master.log.some((line) => line.msg.includes('earlier boot')))
  assert.equal((await master.call('status', {}))[0]?.desired, 2)
  await master.stop()
  // Of a real earlier boot nothing lives: these stand for strangers with the same numbers.
  assert.deepEqual(madeOn(master.scene), before)
})

test('row 22: a recorded pid that is a foreign process by now is never signalled', async (t) => {
  const ini = `${quick}[web]\ncommand = sleep 600\n`
  const first = await startMaster(t, ini)
  const { scene } = first
  await first.state('web:0', 'RUNNING')
  const mine = (await first.process('web:0')).pid ?? 0
  await first.murder()
  process.kill(mine, 'SIGKILL')
  await until('its end', () => !lives(mine))
  const foreign = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
  t.after(() => void foreign.kill('SIGKILL'))
  editRecord(scene, ([kind, key, row]) => {
    const text = JSON.stringify(row).replaceAll(`"pid":${mine},`, `"pid":${foreign.pid},`)
    return [kind, key, JSON.parse(text) as typeof row]
  })
  const master = await nextMaster(t, ini)
  await master.state('web:0', 'RUNNING')
  const { pid, restarts } = await master.process('web:0')
  assert.notEqual(pid, foreign.pid)
  assert.equal(restarts, 1)
  await master.stop()
  assert.equal(stateOf(foreign.pid ?? 0), 'S')
})

const broken: readonly { readonly how: string; spoil(text: string): string | null; readonly why: RegExp }[] = [
  { how: 'corrupt', spoil: (text) => text.replace('"web:1:1"', '"web:1:1'), why: /no JSON/ },
  { how: 'truncated to nothing', spoil: () => '', why: /empty/ },
  { how: 'of a newer version', spoil: (text) => text.replace(/"schema":\d+/, '"schema":99'), why: /schema is 99/ },
  { how: 'not a record', spoil: () => '{"some":"thing"}\n', why: /does not begin/ },
  { how: 'whole, and yet without sense', spoil: (text) => text.replaceAll('"state":{', '"former":{'), why: /./ },
  { how: 'gone', spoil: () => null, why: /gone/ },
]

test('row 55: a broken, newer or missing record: put aside, said aloud, and made anew of the processes themselves', async (t) => {
  const scene = sceneOf(t)
  const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n[talk]\ncommand = sh ${fixture('one-line-a-time.sh')}\n`
  let master = await startMaster(t, ini)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const before = madeOn(scene)
  let aside = 0
  for (const { how, spoil, why } of broken) {
    await master.murder()
    const text = scene.read(RECORD)
    const spoiled = spoil(text)
    assert.notEqual(spoiled, text, how)
    if (spoiled === null) rmSync(scene.path(RECORD))
    else writeFileSync(scene.path(RECORD), spoiled)
    master = await nextMaster(t, ini)
    const said = await master.logged('the loss', (line) => line.msg.includes('cannot be used'))
    assert.match(String(said.why), why)
    assert.equal(said.level, 'error')
    if (spoiled !== null) assert.equal(scene.read(`.phd/state/record.bad.${++aside}`), spoiled)
    await master.call('wait', { target: 'all', state: 'RUNNING' })
    assert.deepEqual(madeOn(scene), before, how)
    const printed = master.lines('talk.log').length
    await until('more lines', () => master.lines('talk.log').length > printed)
  }
  // What was written since is a record again.
  const status = still(await master.call('status', {}))
  master = await succeed(t, master, ini)
  await master.logged('from the record', (line) => line.from === 'record')
  assert.deepEqual(still(await master.call('status', {})), status)
  await master.stop()
  master.lines('talk.log').forEach((line, n) => {
    assert.equal(line, `line ${n + 1}`)
  })
})

test('row 55: without a record, a process whose program is not in the file any more is ended', async (t) => {
  const first = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n[old]\ncommand = sleep 600\n`)
  const { scene } = first
  await first.call('wait', { target: 'all', state: 'RUNNING' })
  await first.murder()
  rmSync(scene.path(RECORD))
  const master = await nextMaster(t, `${quick}[web]\ncommand = sleep 600\n`)
  await onlyThese(scene, ['web:0'])
  await until('only web', async () => (await master.call('status', {})).map((p) => p.program).join() === 'web')
})

/** A small file system of its own at the path, or the reason why there can be none. */
function mountAt(t: TestContext, path: string): string | null {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', path], { stdio: 'pipe' })
  } catch (e) {
    return `may not mount a tmpfs: ${String(e)}`
  }
  sceneOf(t).after(() => void execFileSync('umount', ['-l', path]))
  return null
}

test('row 56: the state folder is full: all goes on and it is said; a master that is killed then is followed all the same', {
  skip: needsRoot,
}, async (t) => {
  const scene = sceneOf(t)
  scene.write('.phd/state/keep', '')
  const why = mountAt(t, scene.path('.phd/state'))
  if (why) return t.skip(why)
  const ini = `${quick}[web]\ncommand = sleep 600\n[talk]\ncommand = sh ${fixture('one-line-a-time.sh')}\nautostart = false\n`
  const first = await startMaster(t, ini)
  await first.state('web:0', 'RUNNING')
  assert.throws(() => scene.write('.phd/state/filler', Buffer.alloc(1024 * 1024)), /ENOSPC/)
  await first.call('scale', { program: 'web', workers: 10 })
  await first.call('start', { target: 'talk' })
  await until('a line', () => first.lines('talk.log').length > 0)
  const said = await first.logged('the trouble', (line) => line.msg.includes('cannot write the record'))
  assert.equal(said.level, 'error')
  const before = await onlyThese(scene, [...slots('web', 10), 'talk:0'])
  const second = await succeed(t, first, ini.replace('600\n', '600\nnumber_workers = 10\n'))
  await second.call('wait', { target: 'all', state: 'RUNNING' })
  assert.deepEqual(madeOn(scene), before)
  rmSync(scene.path('.phd/state/filler'))
  await second.logged('the end of it', (line) => line.msg.includes('is written again'))
  assert.equal(readRecord(scene.path('.phd/state')).kind, 'kept')
})

test('row 56: the state folder is read-only: a start is refused in words, for there is no lock', {
  skip: needsRoot,
}, async (t) => {
  const scene = sceneOf(t)
  scene.write('.phd/state/keep', '')
  const why = mountAt(t, scene.path('.phd/state'))
  if (why) return t.skip(why)
  execFileSync('mount', ['-o', 'remount,ro', scene.path('.phd/state')])
  const ran = await runPhd(['-n', '-c', scene.write('config.ini', `${quick}[web]\ncommand = sleep 600\n`)])
  assert.equal(ran.code, 1)
  assert.match(ran.stderr, /cannot use the lock .*\.phd\/state\/lock: EROFS/)
  assert.deepEqual(madeOn(scene), [])
  assert.deepEqual(readdirSync(scene.path('.phd/state')), [])
})
