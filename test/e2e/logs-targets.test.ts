// logs with follow, while the target itself changes: slots come and go, log_file changes, programs are added
// and removed. Each line that anybody of the target writes comes once, also the last words of those who
// leave, and nothing of those who do not belong to it; files that are left are closed.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { dice } from '../helpers/dice.ts'
import { type Reader, reader, texts } from '../helpers/log-reader.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { descriptorsOf } from '../helpers/proc.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { fixture, until } from '../helpers/scene.ts'

const speaks = (tag: string, count: number): string => `command = bash ${fixture('last-words.sh')} ${tag} ${count}\n`

/** The files are where a line may come from; the master's own tells nothing here. */
const logsIn = (master: Master): string[] =>
  readdirSync(master.dir).filter((name) => name.endsWith('.log') && name !== 'phd.log')

/** Waits until the reader has what stands in the files, each line once, and those of each process in order. */
async function hasAll(all: Reader, master: Master, files = logsIn(master), but: readonly string[] = []): Promise<void> {
  const written = (): string[] => files.flatMap((name) => master.lines(name)).filter((line) => !but.includes(line))
  await until(`${written().length} lines`, () => all.lines.length >= written().length, 10_000).catch(() => undefined)
  assert.deepEqual(texts(all.lines).sort(), written().sort())
  assert.deepEqual([all.missed, all.errors], [0, []])
  const last = new Map<string, number>()
  for (const text of texts(all.lines)) {
    const [tag = '', number] = text.split(' ')
    assert.equal(Number(number), (last.get(tag) ?? 0) + 1, text)
    last.set(tag, Number(number))
  }
}

/** The master has no descriptor of the file any more: nobody writes it, nobody follows it. */
const closed = (master: Master, file: string): Promise<unknown> =>
  until(`the end of ${file}`, () => ![...descriptorsOf(master.pid).values()].includes(master.scene.path(file)))

const names = (all: Reader): string[] => all.files.map((file) => file.name)

test('a file for each slot: those that a scale adds are followed, those it drains to their end', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\n${speaks('%(slot)s', 300)}log_file = web-%(slot)s.log\nautostart = false\n`,
  )
  const all = await reader(master, { target: 'web' })
  const lines = (slot: number): number =>
    logsIn(master).includes(`web-${slot}.log`) ? master.lines(`web-${slot}.log`).length : 0
  await master.call('start', { target: 'web' })
  let running = 1
  for (const workers of [3, 1, 4, 2]) {
    const before = [0, 1, 2, 3].map(lines)
    await master.call('scale', { program: 'web', workers })
    // Who is told to end before it can hear that says nothing.
    for (let slot = running; slot < workers; slot++)
      await until(`words of web:${slot}`, () => lines(slot) > (before[slot] ?? 0))
    running = workers
    for (let slot = workers; slot < 4; slot++) await closed(master, `web-${slot}.log`)
  }
  await master.call('stop', { target: 'web' })
  await hasAll(all, master)
  assert.ok(all.lines.length > 2000, `${all.lines.length} lines`)
  assert.deepEqual(names(all), ['web:0', 'web:1', 'web:2', 'web:1', 'web:2', 'web:3'])
})

test('one file for all: followed once, and called by the program when a second slot comes', async (t) => {
  const master = await startMaster(t, `${quick}[web]\n${speaks('%(slot)s', 200)}autostart = false\n`)
  const all = await reader(master, { target: 'web' })
  await master.call('start', { target: 'web' })
  await until('the first lines', () => all.lines.length >= 200)
  await master.call('scale', { program: 'web', workers: 2 })
  await until('two', () => all.lines.length >= 400)
  await master.call('scale', { program: 'web', workers: 0 })
  await hasAll(all, master)
  // Of the two that leave, web:0 may be the last: then the file is its alone again.
  const [first, second, ...more] = all.files
  assert.deepEqual([first?.name, second?.name, more.filter(({ name }) => name !== 'web:0')], ['web:0', 'web', []])
  assert.ok(all.files.every((file) => file.path === master.scene.path('web.log')))
  assert.deepEqual([...new Set(all.lines.map((line) => line.name))], ['web:0', 'web'])
  await closed(master, 'web.log')
  await master.call('scale', { program: 'web', workers: 1 })
  await master.call('stop', { target: 'web' })
  await hasAll(all, master)
})

test('a process by its number: not those that share its file later, and again when it comes back', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\n${speaks('%(slot)s', 50)}log_format = prefix\nnumber_workers = 2\nautostart = false\n`,
  )
  const one = await reader(master, { target: 'web:1' })
  await master.call('scale', { program: 'web', workers: 1 })
  const zero = await reader(master, { target: 'web:0' })
  const words = (slot: number): string[] =>
    master.lines('web.log').flatMap((line) => (line.includes(` web:${slot} `) ? (line.split(' stdout ')[1] ?? '') : []))
  await master.call('start', { target: 'web' })
  await until('the first words of web:0', () => words(0).length > 0)
  for (const workers of [2, 1, 2, 0]) {
    const before = words(1).length
    await master.call('scale', { program: 'web', workers })
    // As above.
    if (workers === 2) await until('the first words of web:1', () => words(1).length > before)
  }
  await until('the last words of both', () => words(0).length > 50 && words(1).length > 100)
  await until('all of both', () => zero.lines.length + one.lines.length >= master.lines('web.log').length)
  assert.deepEqual(texts(zero.lines), words(0))
  assert.deepEqual(texts(one.lines), words(1))
})

for (const strategy of ['stop-first', 'start-first']) {
  test(`a changed log_file, ${strategy}: the new one from its end, the old one to its end`, async (t) => {
    const ini = (file: string): string =>
      `${quick}[web]\n${speaks('%(slot)s', 300)}number_workers = 2\nlog_file = ${file}\nautostart = false\nreload_strategy = ${strategy}\n`
    const master = await startMaster(t, ini('one-%(slot)s.log'))
    master.scene.write('two.log', 'from before 1\n')
    const all = await reader(master, { target: 'web' })
    await master.call('start', { target: 'web' })
    for (const [next, old] of [
      ['two.log', 'one-0.log'],
      ['one-%(slot)s.log', 'two.log'],
    ] as const) {
      master.scene.write('config.ini', ini(next))
      assert.ok((await master.call('update', {})).ok)
      await closed(master, old)
      // As above. In one-0.log there are words of the first ones already, and nothing ends in a hurry.
      const spoke = (slot: number): boolean => master.lines('two.log').some((line) => line.startsWith(`${slot}.`))
      await until('words of both', () => spoke(0) && spoke(1))
    }
    await master.call('stop', { target: 'web' })
    await hasAll(all, master, logsIn(master), ['from before 1'])
    assert.ok(master.lines('two.log').length > 600)
  })
}

test('programs that an update adds: all, a glob, and a name that comes back', async (t) => {
  const ini = (more: string): string => `${quick}[web-a]\n${speaks('a', 100)}${more}`
  const added = `[web-b]\n${speaks('b', 100)}number_workers = 2\n[job]\n${speaks('job', 100)}log_format = json\n`
  const master = await startMaster(t, ini(added))
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const named = await reader(master, { target: ['web-b', 'web-a:0'], lines: 1000 })
  master.scene.write('config.ini', ini(''))
  assert.ok((await master.call('update', {})).ok)
  await closed(master, 'web-b.log')
  const from = master.lines('job.log').length
  const all = await reader(master, { target: 'all', lines: 1000 })
  const glob = await reader(master, { target: 'web-*', lines: 1000 })
  assert.deepEqual([names(all), names(glob)], [['web-a:0'], ['web-a:0']])
  master.scene.write('config.ini', ini(added))
  assert.ok((await master.call('update', {})).ok)
  master.scene.write('config.ini', ini(''))
  assert.ok((await master.call('update', {})).ok)
  await master.call('stop', { target: 'all' })

  await hasAll(named, master, ['web-a.log', 'web-b.log'])
  const later = (): number => master.lines('job.log').length - from
  await until('the last of job', () => all.lines.filter((line) => line.name === 'job:0').length === later())
  await until('the last of web', () => glob.lines.length >= all.lines.length - later())
  assert.ok(later() > 100)
  assert.deepEqual(
    texts(glob.lines).sort(),
    texts(all.lines.filter((line) => line.name !== 'job:0')).sort(),
    'all and the glob agree on what both mean',
  )
  assert.deepEqual(names(glob), ['web-a:0', 'web-b'])
  for (const { client } of [named, all, glob]) client.close()
  for (const file of logsIn(master)) await closed(master, file)
})

test('at random: every line of everybody, once', async (t) => {
  const seed = Number(process.env.PHD_SEED ?? Date.now() % 1_000_000)
  t.diagnostic(`PHD_SEED=${seed}`)
  const roll = dice(seed)
  const file = (): string =>
    roll.pick(['%(program)s.log', '%(program)s-%(slot)s.log', 'other-%(program)s-%(slot)s.log'])
  const program = (name: string): string =>
    `[${name}]\n${speaks(`${name}-%(slot)s`, 20)}log_file = ${file()}\nnumber_workers = ${roll.below(4)}
reload_strategy = ${roll.pick(['start-first', 'stop-first'])}\nlog_max_size = 8KB\nlog_backups = 1000\n`
  const ini = (): string =>
    quick +
    ['web', 'api', 'job']
      .filter(() => roll.chance(70))
      .map(program)
      .join('')
  const master = await startMaster(t, quick)
  const all = await reader(master, { target: 'all' })
  for (let step = 0; step < 40; step++) {
    const target = roll.pick(['web', 'api', 'job'])
    const wait = roll.chance(40)
    await (() => {
      switch (roll.below(5)) {
        case 0:
        case 1:
          master.scene.write('config.ini', ini())
          return master.call('update', { wait })
        case 2:
          return master.call('scale', { program: target, workers: roll.below(5), wait })
        case 3:
          return master.call(roll.pick(['restart', 'reload', 'stop', 'start'] as const), { target, wait })
        default:
          return new Promise((resolve) => setTimeout(resolve, roll.below(100)))
      }
    })().catch(() => undefined) // no such program at this moment: as good as any other step
  }
  await master.call('stop', { target: 'all' })
  const rotated = readdirSync(master.dir).filter((name) => /\.log(\.\d+)?$/.test(name) && name !== 'phd.log')
  await until('the end of all processes', async () =>
    (await master.call('status', {})).every((one) => one.processes.every((row) => row.state === 'STOPPED')),
  )
  await hasAll(all, master, rotated)
})

test('a client that does not read: files that were left are counted, and closed but for some', async (t) => {
  const slots = 60
  const master = await startMaster(
    t,
    `${quick}[flood]\ncommand = sh -c 'seq 400000; exec sleep 600'\nautostart = false
[web]\n${speaks('%(slot)s', 30)}log_file = web-%(slot)s.log\nnumber_workers = 0\n`,
  )
  const raw = await rawSocket(master.socket)
  await raw.call('logs', { target: 'all', lines: 0, follow: true })
  raw.socket.pause()
  await master.call('start', { target: 'flood' })
  await until('the flood', () => master.lines('flood.log').length === 400_000)
  await master.call('scale', { program: 'web', workers: slots })
  await master.call('scale', { program: 'web', workers: 0 })
  const open = (): string[] => [...descriptorsOf(master.pid).values()].filter((file) => file.includes('/web-'))
  await until('only some', () => open().length <= 32)
  const files = Array.from({ length: slots }, (_, slot) => `web-${slot}.log`)
  const total = files.reduce((sum, file) => sum + master.lines(file).length, 400_000)
  raw.socket.resume()
  let got = 0
  let missed = 0
  while (got + missed < total) {
    const { params } = JSON.parse(await raw.line()) as { params: { lines: []; missed?: number } }
    got += params.lines.length
    missed += params.missed ?? 0
  }
  assert.equal(got + missed, total)
  await until('none', () => open().length === 0)
})
