// logs and clear on a real master: the last lines of any file, following over everything that happens to
// a file, and clients that do not read.

import assert from 'node:assert/strict'
import { appendFileSync, closeSync, openSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Client, connect, type LogStream } from '../../src/api/client.ts'
import type { LogLine, Params } from '../../src/api/contract.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { residentBytes } from '../helpers/proc.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { fixture, sceneOf, until, within } from '../helpers/scene.ts'

const counting = (lines: number, pause = '0'): string =>
  `bash ${fixture('counts-lines.sh')} %(here)s/starts ${lines} ${pause}`
const idle = `${quick}[web]\ncommand = sleep 600\nautostart = false\n`
const texts = (lines: readonly LogLine[]): string[] => lines.map((line) => line.text)

/** Everything that a stream gives, in one place. */
interface Reader {
  readonly client: Client
  readonly lines: LogLine[]
  missed: number
  /** Waits for a line with this text at its beginning. */
  seen(text: string): Promise<void>
}

async function reader(master: Master, params: Params<'logs'>): Promise<Reader> {
  const client = await connect(master.socket)
  master.scene.after(() => client.close())
  const stream: LogStream = client.logs({ follow: true, ...params })
  const { lines } = await within('the answer to logs', stream.begun)
  assert.ok(lines)
  const all: Reader = {
    client,
    lines: [],
    missed: 0,
    async seen(text) {
      await until(`the line ${text}`, () => all.lines.some((line) => line.text.startsWith(text)), 60_000)
    },
  }
  void (async () => {
    for await (const batch of stream) {
      all.lines.push(...batch.lines)
      all.missed += batch.missed
    }
  })()
  return all
}

/** The numbers of each run, which must count up from 1; the last line of a run that was ended may be torn. */
function runs(lines: readonly LogLine[]): number[] {
  const counted: number[] = []
  for (const { text } of lines) {
    const [, run = '', number] = /^run-(\d+) (\d+) \.{100}$/.exec(text) ?? []
    if (run === '') {
      assert.match(text, /^(run-|run-\d+( (\d+( \.{0,99})?)?)?|r|ru|run)$/, `a strange line: ${text}`)
      continue
    }
    const before = counted[Number(run) - 1] ?? 0
    assert.equal(Number(number), before + 1, `after line ${before} of run ${run}`)
    counted[Number(run) - 1] = before + 1
  }
  return counted
}

test('followed across many rotations and a restart: none missing, none doubled', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = ${counting(9000)}\nlog_max_size = 256KB\nlog_backups = 1\nautostart = false\n`,
  )
  const all = await reader(master, { target: 'web' })
  await master.call('start', { target: 'web' })
  await all.seen('run-1 2000 ')
  await master.call('restart', { target: 'web' })
  await all.seen('run-2 9000 ')
  const [first = 0, second] = runs(all.lines)
  assert.ok(first >= 2000, `${first} lines of the first run`)
  assert.deepEqual([second, all.missed], [9000, 0])
  assert.ok(statSync(master.scene.path('web.log.1')).size > 200_000, 'it was rotated')
})

test('followed when the file is renamed (with and without reopen), removed, and made anew by somebody else', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = ${counting(6000, '0.05')}\nautostart = false\n`)
  const all = await reader(master, { target: 'web' })
  const file = master.scene.path('web.log')
  await master.call('start', { target: 'web' })
  await all.seen('run-1 500 ')
  renameSync(file, `${file}.old`)
  assert.equal((await master.phctl('reopen')).stdout, 'log files reopened\n')
  await all.seen('run-1 1500 ')
  renameSync(file, `${file}.older`) // noticed by the master within a second
  await until('a new file', () => statSync(file, { throwIfNoEntry: false })?.size)
  await all.seen('run-1 2500 ')
  rmSync(file)
  await until('a new file', () => statSync(file, { throwIfNoEntry: false })?.size)
  await all.seen('run-1 3500 ')
  renameSync(file, `${file}.oldest`)
  writeFileSync(file, '') // logrotate's create
  await all.seen('run-1 6000 ')
  assert.deepEqual([runs(all.lines), all.missed], [[6000], 0])
})

test('followed over a clear: what was cleared is gone, what comes is not', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = ${counting(200)}\n`)
  master.scene.write('web.log.1', 'an archive\n')
  const all = await reader(master, { target: 'web', lines: 0 })
  await until('the lines', () => master.lines('web.log').length >= 200)
  const cleared = await master.phctl('clear', 'web')
  assert.deepEqual([cleared.code, cleared.stdout], [0, 'cleared\n'])
  assert.equal(master.lines('web.log').length, 0)
  assert.equal(statSync(master.scene.path('web.log.1'), { throwIfNoEntry: false }), undefined)
  await master.call('restart', { target: 'web' })
  await all.seen('run-2 200 ')
  assert.deepEqual(texts(all.lines.slice(-200)), master.lines('web.log').slice(-200))
  assert.equal((await master.phctl('clear', 'master')).code, 1)
})

test('what is last and what comes next fit together, though a packed archive is read meanwhile', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = ${counting(20_000)}\nautostart = false\n`)
  const old = Buffer.from(Array.from({ length: 60_000 }, (_, n) => `old ${n}\n`).join(''))
  master.scene.write('web.log.1.gz', gzipSync(old))
  await master.call('start', { target: 'web', wait: false })
  await until('the beginning', () => master.lines('web.log').length > 100)
  const all = await reader(master, { target: 'web', lines: 100_000 })
  await all.seen('run-1 20000 ')
  const older = all.lines.filter((line) => line.text.startsWith('old '))
  assert.deepEqual([older.length, older[0]?.text, older.at(-1)?.text], [60_000, 'old 0', 'old 59999'])
  assert.deepEqual(runs(all.lines.slice(60_000)), [20_000])
})

test('the last lines of a file of 300 MB, at once', async (t) => {
  const scene = sceneOf(t)
  const block = Buffer.from('a line of a log that has grown for a long time\n'.repeat(20_000))
  const fd = openSync(scene.path('web.log'), 'w')
  for (let size = 0; size < 300 * 1024 * 1024; size += block.length) writeSync(fd, block)
  closeSync(fd)
  appendFileSync(scene.path('web.log'), 'the last but one\nthe last, unfinished')
  const master = await startMaster(t, idle)
  const begun = performance.now()
  const { lines } = await master.call('logs', { target: 'web', lines: 1000 })
  const took = performance.now() - begun
  assert.equal(lines.length, 1000)
  assert.deepEqual(texts(lines.slice(-2)), ['the last but one', 'the last, unfinished'])
  assert.ok(took < 300, `${took} ms`)
  const many = await master.call('logs', { target: 'web', lines: 100_000 })
  assert.equal(many.lines.length, 100_000)
})

test('the last lines go on in the archives, packed ones too; a damaged one gives what it can', async (t) => {
  const master = await startMaster(t, idle)
  const { scene } = master
  const last = async (lines: number): Promise<string[]> =>
    texts((await master.call('logs', { target: 'web', lines })).lines)
  assert.deepEqual(await last(10), [], 'no file yet')
  scene.write('web.log', '5\n6\n')
  scene.write('web.log.1.gz', gzipSync('3\n4\n'))
  scene.write('web.log.2', '1\n2\n')
  assert.deepEqual(await last(0), [])
  for (let count = 1; count <= 7; count++) {
    assert.deepEqual(await last(count), ['1', '2', '3', '4', '5', '6'].slice(-count), `the last ${count}`)
  }
  const packed = gzipSync(Buffer.from(Array.from({ length: 50_000 }, (_, n) => `packed ${n * 7919}\n`).join('')))
  scene.write('web.log.1.gz', packed)
  assert.deepEqual(await last(4), ['packed 395934162', 'packed 395942081', '5', '6'])
  scene.write('web.log.1.gz', packed.subarray(0, packed.length / 2))
  const damaged = await last(4)
  assert.deepEqual([damaged.length, damaged.at(-1)], [4, '6'])
})

test('very long and very many lines: the newest of them, and the connection stays', async (t) => {
  const master = await startMaster(t, idle)
  master.scene.write('web.log', `${'old\n'.repeat(10)}${'x'.repeat(20_000_000)}\nlast\n`)
  const { lines } = await master.call('logs', { target: 'web', lines: 5 })
  assert.equal(lines.at(-1)?.text, 'last')
  master.scene.write('web.log', Buffer.alloc(30_000_000, `${'\u0001'.repeat(299)}\n`))
  const all = await master.call('logs', { target: 'web', lines: 100_000 })
  assert.ok(all.lines.length > 25_000 && all.lines.length < 30_000, `${all.lines.length} lines`)
  assert.equal(await master.call('ping', {}), 'pong')
})

test('stdout and stderr apart, a stream by itself, and several targets', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[two]\ncommand = sh -c 'echo out; echo err >&2; exec sleep 600'\nstderr_log_file = two.err
[one]\ncommand = sh -c 'echo out; echo err >&2; exec sleep 600'
[none]\ncommand = sleep 600\nlog_file = none\n`,
  )
  await until('both', () => master.lines('one.log').length === 2 && master.lines('two.err').length === 1)
  const of = async (params: Params<'logs'>): Promise<unknown[]> =>
    (await master.call('logs', params)).lines.map((line) => [line.name, line.stream, line.text])
  assert.deepEqual(await of({ target: 'two' }), [
    ['two:0', 'stdout', 'out'],
    ['two:0', 'stderr', 'err'],
  ])
  assert.deepEqual(await of({ target: 'two', stream: 'stderr' }), [['two:0', 'stderr', 'err']])
  assert.deepEqual(await of({ target: ['one', 'two:0'], stream: 'stdout', lines: 1 }), [
    ['two:0', 'stdout', 'out'],
    ['one:0', null, 'err'],
  ])
  const { files } = await master.call('logs', { target: 'all' })
  assert.deepEqual(
    files.map((file) => [file.name, file.stream, file.path.slice(master.dir.length)]),
    [
      ['two:0', 'stdout', '/two.log'],
      ['two:0', 'stderr', '/two.err'],
      ['one:0', null, '/one.log'],
    ],
  )
  await assert.rejects(master.call('logs', { target: ['one', 'nobody'] }), { code: 'PH_NOT_FOUND' })
})

for (const format of ['prefix', 'json'] as const) {
  test(`${format}: one process of a shared file, with its time`, async (t) => {
    const master = await startMaster(
      t,
      `${quick}[web]\ncommand = sh -c 'for i in 1 2 3 4; do echo "%(slot)s $i"; echo "bad %(slot)s $i" >&2; sleep 0.05; done; exec sleep 600'
number_workers = 3\nstderr_log_file = web.err\nlog_format = ${format}\n`,
    )
    const followed = await reader(master, { target: 'web:2', lines: 0 })
    await until('all lines', () => master.lines('web.log').length + master.lines('web.err').length >= 24)
    const of = async (params: Params<'logs'>): Promise<unknown[]> =>
      (await master.call('logs', params)).lines.map((line) => [line.name, line.stream, line.text])
    const lines = (stream: string, bad: string): unknown[] => [2, 3, 4].map((n) => ['web:2', stream, `${bad}2 ${n}`])
    assert.deepEqual(
      await of({ target: 'web:2', lines: 3 }),
      [...lines('stdout', ''), ...lines('stderr', 'bad ')],
      'three lines of this process, and not of the file',
    )
    assert.deepEqual(await of({ target: 'web:2', stream: 'stderr', lines: 3 }), lines('stderr', 'bad '))
    const all = await master.call('logs', { target: 'web' })
    assert.equal(all.lines.length, 24)
    assert.ok(all.lines.every((line) => !Number.isNaN(Date.parse(line.time ?? ''))))
    await master.call('restart', { target: 'web' })
    await until('the lines of the second run', () => followed.lines.filter((line) => line.text === '2 4').length === 2)
    assert.ok(followed.lines.every((line) => line.name === 'web:2'))
  })
}

test("the master's own log, also while it is followed and reopened", async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n`)
  const all = await reader(master, { target: 'master', lines: 2 })
  const from = master.log.length
  await master.call('stop', { target: 'web' })
  renameSync(master.scene.path('phd.log'), master.scene.path('phd.log.1'))
  await master.call('reopen', {})
  await master.call('start', { target: 'web' })
  await master.state('web:0', 'RUNNING', from)
  // The same lines as on its stdout: each once, also those around the reopening.
  const told = master.log.slice(from).map((record) => JSON.stringify(record))
  const heard = (): string[] => texts(all.lines).filter((text) => told.includes(text))
  await until('all records', () => heard().length >= told.length)
  assert.deepEqual(heard(), told)
  assert.equal(all.lines[0]?.name, 'master')
})

test('a client that never reads: a bounded queue, nobody else waits, and then it is told what it missed', async (t) => {
  const total = 2_900_000
  const master = await startMaster(
    t,
    `${quick}[flood]\ncommand = sh -c 'yes "a flood of lines that nobody wants to read but everybody has to carry" | head -n ${total}; exec sleep 600'
autostart = false\nlog_max_size = 20MB\nlog_backups = 2\n`,
  )
  const raw = await rawSocket(master.socket)
  const { result } = await raw.call('logs', { target: 'flood', lines: 0, follow: true })
  const { subscription } = result as { subscription: number }
  raw.socket.pause()
  await master.call('ping', {})
  const before = residentBytes(master.pid)
  let most = 0
  const waits: number[] = []
  await master.call('start', { target: 'flood', wait: false })
  await until(
    'the end of the flood',
    async () => {
      const begun = performance.now()
      await master.call('ping', {})
      waits.push(performance.now() - begun)
      most = Math.max(most, residentBytes(master.pid))
      const sizes = ['flood.log', 'flood.log.1', 'flood.log.2'].map(
        (name) => statSync(master.scene.path(name), { throwIfNoEntry: false })?.size ?? 0,
      )
      return sizes[0] !== undefined && sizes[2] !== 0 && (await quiet(master))
    },
    60_000,
  )
  assert.ok(most - before < 30 * 1024 * 1024, `grew by ${Math.round((most - before) / 1048576)} MB`)
  assert.ok(Math.max(...waits) < 10_000, `a ping took ${Math.max(...waits)} ms`)

  raw.socket.resume()
  let got = 0
  let missed = 0
  while (got + missed < total) {
    const { params } = JSON.parse(await raw.line()) as { params: { subscription: number; lines: []; missed?: number } }
    assert.equal(params.subscription, subscription)
    got += params.lines.length
    missed += params.missed ?? 0
  }
  assert.equal(got + missed, total, 'every line came or was counted')
  assert.ok(missed > total / 2, `${missed} missed`)
  const goesOn = await master.call('restart', { target: 'flood' })
  assert.ok(goesOn.ok)
  assert.match(await raw.line(), /a flood of lines/)
})

/** The flood has ended: its process only sleeps. */
async function quiet(master: Master): Promise<boolean> {
  const size = (): number => statSync(master.scene.path('flood.log')).size
  const before = size()
  await new Promise((resolve) => setTimeout(resolve, 50))
  return size() === before
}

test('a stream that is left is unsubscribed, and its descriptors are closed', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = ${counting(50)}\n`)
  await until('its lines', () => master.lines('web.log').length === 50)
  const client = await connect(master.socket)
  master.scene.after(() => client.close())
  const stream = client.logs({ target: 'web', follow: true, lines: 1 })
  const { subscription = 0 } = await stream.begun
  for await (const { lines } of stream) {
    assert.equal(lines.length, 1)
    break
  }
  await assert.rejects(client.call('unsubscribe', { subscription }), { code: 'PH_NOT_FOUND' })
})
