// Faults of upgrades in place, and of records that another version wrote.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { bootId } from '../../src/os/proc.ts'
import { readRecord } from '../../src/os/record-file.ts'
import { madeOn, nextMaster, onlyThese, slots } from '../helpers/adoption.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { packageOf, withNextSchema } from '../helpers/package.ts'
import { lives } from '../helpers/proc.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

const RECORD = '.phd/state/record'

for (const [how, edit] of [
  ['does not parse', () => 'const x = ;'],
  ['throws as soon as it runs', (text: string) => `throw new Error("broken");${text}`],
  ['ends with a code and says nothing', () => 'process.exit(3)'],
] as const) {
  test(`row 70: upgrade to a program that ${how}: refused, and the old one serves as before`, async (t) => {
    const { program, change } = packageOf(t)
    const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`, { program })
    await master.call('wait', { target: 'web', state: 'RUNNING' })
    const before = madeOn(master.scene)
    change(edit)
    await assert.rejects(master.call('upgrade', {}), { code: 'PH_UPGRADE' })
    assert.deepEqual(madeOn(master.scene), before)
    assert.equal((await master.call('info', {})).upgrades, 0)
    assert.ok((await master.call('restart', { target: 'web' })).ok, 'it does what it did before')
  })
}

test('row 70: upgrade to a program that dies after its check: a guard starts one, which has the same processes', async (t) => {
  const { program, change } = packageOf(t)
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`, { program })
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const before = madeOn(master.scene)
  // Only where it is handed over to: its check, and a start of its own, go well.
  change((text) => `if(process.env.PHD_HANDOVER)process.abort();${text}`)
  await master.call('upgrade', {}).catch(() => undefined)
  const info = await until('the next master', async () => {
    const one = await master.call('info', {}).catch(() => null)
    return one?.pid !== master.pid && one
  })
  assert.notEqual(info.pid, master.pid)
  assert.deepEqual(madeOn(master.scene), before)
  assert.equal((await master.phctl('shutdown')).code, 0)
  await master.murder()
  master.scene.mayLeave(false)
})

test('row 71: upgrade in the midst of starts, stops and rotations: each is finished once, no line is lost', async (t) => {
  const master = await startMaster(
    t,
    `[slow]\ncommand = sleep 600\nstart_seconds = 4s\nnumber_workers = 3\n[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 4s\nstart_seconds = 50ms\n` +
      `[flood]\ncommand = sh ${fixture('floods-numbers.sh')} %(here)s/enough\nlog_max_size = 256KB\nlog_backups = 1000\nstart_seconds = 50ms\n`,
  )
  await master.state('flood:0', 'RUNNING')
  await until('it is deaf', () => master.lines('deaf.log').length > 0)
  await master.call('stop', { target: 'deaf', wait: false })
  const before = madeOn(master.scene)
  assert.equal((await master.process('slow:0')).state, 'STARTING')
  for (let n = 1; n <= 3; n++) assert.equal((await master.phctl('upgrade')).code, 0)
  await until('RUNNING', async () => (await master.process('slow:2')).state === 'RUNNING')
  await until('STOPPED', async () => (await master.process('deaf:0')).state === 'STOPPED')
  assert.equal((await master.process('deaf:0')).exit?.forced, true)
  const others = (all: typeof before) => all.filter(({ name }) => !name.startsWith('deaf'))
  assert.deepEqual(madeOn(master.scene), others(before), 'none was made twice')
  assert.equal((await master.process('slow:1')).restarts, 0)
  master.scene.write('enough', '')
  await until('the end of the flood', () => /end/.test(master.lines('flood.log').at(-1) ?? ''))
  await master.stop()
  const archives = readdirSync(master.scene.dir).filter((name) => /^flood\.log\.\d+$/.test(name))
  const files = archives.sort((a, b) => Number(b.slice(10)) - Number(a.slice(10)))
  const numbers = [...files, 'flood.log']
    .flatMap((name) => master.lines(name))
    .map((line) => Number(/(\d+)(?: |$)/.exec(line.slice(2))?.[1]))
  assert.ok(files.length > 2 && numbers.length > 1000)
  assert.equal(
    numbers.findIndex((number, at) => number !== at + 1),
    -1,
  )
})

test('row 71: upgrade while operations of each kind wait for their turn: each is done once, in its order', async (t) => {
  const slow = 'command = sleep 600\nstart_seconds = 1500ms\ngraceful_timeout = 5s\n'
  const names = ['restarted', 'stopped', 'scaled', 'reloaded', 'started']
  const master = await startMaster(t, names.map((name) => `[${name}]\n${slow}number_workers = 2\n`).join(''))
  await until('their pids', () => madeOn(master.scene).length === 10)
  const before = madeOn(master.scene)
  // All of them are starting, so each of these waits; but a stop, which never does.
  const no = { wait: false }
  await master.call('start', { target: 'all', ...no })
  await master.call('restart', { target: 'restarted:0', ...no })
  await master.call('stop', { target: 'stopped', ...no })
  await master.call('scale', { program: 'scaled', delta: 1, ...no })
  await master.call('scale', { program: 'scaled', delta: 1, ...no })
  await master.call('reload', { target: 'reloaded', ...no })
  await master.call('stop', { target: 'started:1', ...no })
  await master.call('start', { target: 'started:1', ...no })
  assert.equal((await master.phctl('upgrade')).code, 0)
  await until('all of it', async () => {
    const all = (await master.call('status', {})).flatMap(({ program, processes }) =>
      processes.map((one) => ({ program, ...one })),
    )
    const moved = all.filter(({ name, pid }) => name === 'restarted:0' && pid !== pidOf(before, name)).length
    const reloaded = all.filter(({ program, generation }) => program === 'reloaded' && generation === 2).length
    const rests = all.every(({ program, state }) => state === (program === 'stopped' ? 'STOPPED' : 'RUNNING'))
    return all.length === 12 && moved === 1 && reloaded === 2 && rests
  })
  const after = madeOn(master.scene)
  assert.deepEqual(after.map(({ name }) => name).toSorted(), [
    ...['reloaded:0', 'reloaded:1', 'restarted:0', 'restarted:1', 'scaled:0', 'scaled:1', 'scaled:2', 'scaled:3'],
    ...['started:0', 'started:1'],
  ])
  for (const name of ['restarted:1', 'scaled:0', 'scaled:1', 'started:0']) {
    assert.equal(pidOf(after, name), pidOf(before, name), `${name} was left alone`)
  }
  const log = master.lines('phd.log').map((line) => JSON.parse(line) as Record<string, unknown>)
  const starts = (name: string): number =>
    log.filter((line) => line.msg === 'state' && line.name === name && line.to === 'STARTING').length
  assert.deepEqual(['restarted:0', 'started:1', 'reloaded:0', 'scaled:2'].map(starts), [2, 2, 2, 1])
})

const pidOf = (all: ReturnType<typeof madeOn>, name: string): number | undefined =>
  all.find((one) => one.name === name)?.pid

test('row 72: upgrade to a program of another schema: refused before anything is touched', async (t) => {
  const { program, change } = packageOf(t)
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n`, { program })
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const [before, record] = [madeOn(master.scene), master.scene.read(RECORD)]
  change(withNextSchema)
  await assert.rejects(master.call('upgrade', {}), /failed its check \(1\): .*its schema is \d+ /)
  assert.deepEqual([madeOn(master.scene), master.scene.read(RECORD)], [before, record])
})

for (const [way, first, second] of [
  ['a newer program after an older one', false, true],
  ['an older program after a newer one', true, false],
] as const) {
  test(`row 72: another schema of the record, ${way}: put aside whole, and the same processes go on`, async (t) => {
    const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`
    const { program, original, change } = packageOf(t)
    if (first) change(withNextSchema)
    const one = await startMaster(t, ini, { program })
    await one.call('wait', { target: 'web', state: 'RUNNING' })
    const before = madeOn(one.scene)
    await one.murder()
    const record = one.scene.read(RECORD)
    change(() => (second ? withNextSchema(original) : original))
    const two = await nextMaster(t, ini, { program })
    await two.call('wait', { target: 'web', state: 'RUNNING' })
    assert.deepEqual(madeOn(two.scene), before)
    assert.equal(two.scene.read(`${RECORD}.bad.1`), record)
    assert.ok(two.log.some(({ level, msg }) => level === 'error' && msg.startsWith('the record of the last master')))
  })
}

test('row 72: a record as schema 1 was first written is read whole, and taken over', async (t) => {
  const text = readFileSync(fixture('record-schema-1.jsonl'), 'utf8')
  const scene = sceneOf(t)
  scene.write(RECORD, text.replace('BOOT', bootId()).replaceAll('DIR', scene.dir))
  const reading = readRecord(scene.path('.phd/state'))
  assert.equal(reading.kind, 'kept', JSON.stringify(reading))
  const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n[off]\ncommand = sleep 600\n`
  const master: Master = await startMaster(t, ini)
  const left = master.log.find(({ msg }) => msg.startsWith('the last master did not end in order'))
  assert.deepEqual([left?.from, left?.programs], ['record', 2])
  await onlyThese(master.scene, slots('web', 3))
  const off = await master.process('off:0')
  assert.deepEqual(
    [off.state, off.wanted],
    ['STOPPED', 'down'],
    'what was stopped stays so, the count is as it was scaled',
  )
  assert.ok(madeOn(master.scene).every(({ pid }) => lives(pid)))
})
