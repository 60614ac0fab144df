// logs with follow, and clear, on a real master: over everything that happens to a file, and clients that do
// not read. What happens to the target itself is logs-targets.test.ts.

import assert from 'node:assert/strict'
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { connect } from '../../src/api/client.ts'
import type { LogLine } from '../../src/api/contract.ts'
import { reader, texts } from '../helpers/log-reader.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { residentBytes } from '../helpers/proc.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { fixture, until } from '../helpers/scene.ts'

const counting = (lines: number, pause = '0'): string =>
  `bash ${fixture('counts-lines.sh')} %(here)s/starts ${lines} ${pause}`

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
