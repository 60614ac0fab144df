// Captured output of an earlier master: its FIFOs and its files as a kill may leave them, made by hand.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { FileRow, StreamRow } from '../../src/core/record.ts'
import type { LogFormat } from '../../src/core/spec.ts'
import { systemClock } from '../../src/os/clock.ts'
import { captureOutput } from '../../src/os/output.ts'
import { type Scene, sceneOf, until } from '../helpers/scene.ts'

interface Left {
  readonly format: LogFormat
  /** What stands in the file, and which stream wrote there last. */
  readonly file: string
  readonly last: '1' | '2' | null
  /** What the pipe of each stream holds. */
  readonly pipes: readonly string[]
}

/** Takes over what is left, and says what stands in the file when all pipes are empty. */
async function takenOver(t: TestContext, { format, file, last, pipes }: Left): Promise<Scene> {
  const scene = sceneOf(t)
  const path = scene.write('out.log', file)
  mkdirSync(scene.path('io'))
  const output = { stdout: path, stderr: null, pipeBytes: 65_536, format, maxBytes: 0, backups: 1, compress: false }
  const stream = new Map<string, StreamRow>()
  const writers = pipes.map((text, n) => {
    const fifo = scene.path(`io/${n + 1}`)
    execFileSync('mkfifo', [fifo])
    const fd = openSync(fifo, constants.O_RDWR)
    writeSync(fd, text)
    stream.set(`${n + 1}`, { name: `web:${n}`, label: 'stdout', path, output })
    return fd
  })
  scene.write('writers', (last ?? '').padEnd(16, '\0'))
  const capture = captureOutput({
    folder: scene.path('io'),
    writers: scene.path('writers'),
    clock: systemClock(),
    readers: {},
    store: { put: () => undefined, flush: () => undefined },
    kept: { stream, file: new Map<string, FileRow>([[path, { place: 0 }]]) },
    trouble: ({ error }) => assert.fail(String(error)),
  })
  for (const fd of writers) closeSync(fd)
  await until('the end of all pipes', () => readdirSync(scene.path('io')).length === 0)
  capture.finish()
  return scene
}

test('raw: who wrote last goes on with the line that it had begun', async (t) => {
  const scene = await takenOver(t, { format: 'raw', file: 'one\nhalf of a ', last: '1', pipes: ['line\nthree\n'] })
  assert.deepEqual(scene.lines('out.log'), ['one', 'half of a line', 'three'])
})

test('raw, two streams: the other one waits for the end of that line', async (t) => {
  const scene = await takenOver(t, {
    format: 'raw',
    file: 'half of a ',
    last: '2',
    pipes: ['another\n', 'line\nthe last\n'],
  })
  assert.deepEqual(scene.lines('out.log'), ['half of a line', 'the last', 'another'])
})

test('raw: half a line of one that has ended is ended', async (t) => {
  const scene = await takenOver(t, { format: 'raw', file: 'half of a ', last: null, pipes: ['whole line\n'] })
  assert.deepEqual(scene.lines('out.log'), ['half of a ', 'whole line'])
})

for (const format of ['prefix', 'json'] as const) {
  test(`${format}: a line that was being written is ended, and comes again whole`, async (t) => {
    const torn = format === 'json' ? '{"time":"2026-01-01T00:0' : '2026-01-01T00:00:00.000Z web:0 stdout o'
    const scene = await takenOver(t, { format, file: torn, last: '1', pipes: ['one\ntwo\n'] })
    const [first, ...rest] = scene.lines('out.log')
    assert.equal(first, torn)
    const texts = rest.map((line) =>
      format === 'json' ? (JSON.parse(line) as { text: string }).text : line.split(' ')[3],
    )
    assert.deepEqual(texts, ['one', 'two'])
  })
}

test('a file of last writers that cannot be written stops no output', async (t) => {
  const scene = sceneOf(t)
  const troubles: string[] = []
  mkdirSync(scene.path('io'))
  const capture = captureOutput({
    folder: scene.path('io'),
    writers: '/dev/full',
    clock: systemClock(),
    readers: {},
    store: { put: () => undefined, flush: () => undefined },
    kept: null,
    trouble: ({ file, error }) => void troubles.push(`${file}: ${error}`),
  })
  scene.after(() => capture.finish())
  const spec = { stderr: null, pipeBytes: 65_536, format: 'raw', maxBytes: 0, backups: 1, compress: false } as const
  for (const n of [1, 2, 1]) {
    const { stdout, release } = capture.open(`web:${n}`, { ...spec, stdout: scene.path('out.log') })
    assert.ok(typeof stdout === 'number')
    writeSync(stdout, `line ${n}\n`)
    release()
  }
  await until('all lines', () => existsSync(scene.path('out.log')) && scene.lines('out.log').length === 3)
  assert.equal(troubles.length, 1)
  assert.match(troubles[0] ?? '', /^\/dev\/full: .*ENOSPC/)
})
