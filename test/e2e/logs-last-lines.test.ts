// logs without follow on a real master: the last lines of files of any size and format, archives included.

import assert from 'node:assert/strict'
import { appendFileSync, closeSync, openSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Params } from '../../src/api/contract.ts'
import { reader, texts } from '../helpers/log-reader.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { sceneOf, until } from '../helpers/scene.ts'

const idle = `${quick}[web]\ncommand = sleep 600\nautostart = false\n`

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
