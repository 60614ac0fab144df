// Captured output with real pipes and files: what is written where, and when.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import type { OutputSpec } from '../../src/core/spec.ts'
import { systemClock } from '../../src/os/clock.ts'
import { type Capture, captureOutput } from '../../src/os/output.ts'
import { type Scene, sceneOf, until } from '../helpers/scene.ts'

interface Stage {
  readonly scene: Scene
  readonly capture: Capture
  readonly troubles: string[]
  /** The streams of a process; what is written into them lands as it says. */
  open(
    name: string,
    more?: Partial<OutputSpec>,
  ): { write(text: string | Uint8Array): void; err(text: string): void; end(): void }
}

function stage(t: Parameters<typeof sceneOf>[0]): Stage {
  const scene = sceneOf(t)
  const troubles: string[] = []
  mkdirSync(scene.path('io'))
  const capture = captureOutput({
    folder: scene.path('io'),
    writers: '/dev/null',
    store: { put: () => undefined, flush: () => undefined },
    kept: null,
    readers: {},
    clock: systemClock(),
    trouble: ({ file, error }) => void troubles.push(`${file.slice(scene.dir.length + 1)}: ${error}`),
  })
  scene.after(() => capture.finish())
  return {
    scene,
    capture,
    troubles,
    open(name, more = {}) {
      const streams = capture.open(name, {
        stdout: scene.path('out.log'),
        stderr: null,
        pipeBytes: 65_536,
        format: 'raw',
        maxBytes: 0,
        backups: 1,
        compress: false,
        ...more,
      })
      const [out, err] = [streams.stdout, streams.stderr]
      return {
        write: (text) => void (typeof out === 'number' && writeSync(out, Buffer.from(text as string))),
        err: (text) => void (typeof err === 'number' && writeSync(err, text)),
        end: () => streams.release(),
      }
    },
  }
}

test('merged, apart, and thrown away', async (t) => {
  const { scene, open } = stage(t)
  const merged = open('a:0')
  const apart = open('b:0', { stdout: 'none', stderr: scene.path('err.log') })
  merged.write('out\n')
  merged.err('err\n')
  apart.write('nobody reads this\n')
  apart.err('apart\n')
  await until('both', () => scene.lines('out.log').length === 2 && scene.lines('err.log').length === 1)
  assert.deepEqual([scene.lines('out.log'), scene.lines('err.log')], [['out', 'err'], ['apart']])
  merged.end()
  apart.end()
  await until('no pipe is left', () => readdirSync(scene.path('io')).length === 0)
})

test('lines of two processes in one file are whole, and a half one waits for its end', async (t) => {
  const { scene, open } = stage(t)
  const [one, two] = [open('a:0'), open('a:1')]
  one.write('half ')
  two.write('whole\n')
  await until('the whole one', () => scene.lines('out.log').length === 1)
  one.write('and half\n')
  await until('the other', () => scene.lines('out.log').length === 2)
  assert.deepEqual(scene.lines('out.log'), ['whole', 'half and half'])
  two.write('unfinished')
  two.end()
  await until('its end', () => scene.lines('out.log').length === 3)
  assert.equal(scene.lines('out.log')[2], 'unfinished')
  one.end()
})

test('who comes in while another, alone until then, is in the middle of a line waits for its end', async (t) => {
  const { scene, open } = stage(t)
  const one = open('a:0')
  one.write('1\nhalf ')
  await until('its half line, as it came', () => scene.read('out.log') === '1\nhalf ')
  const two = open('a:1')
  two.write('whole\n')
  await new Promise((next) => setTimeout(next, 50)) // it would have been written by now
  one.write('rest\n')
  await until('both', () => scene.lines('out.log').length === 3)
  assert.deepEqual(scene.lines('out.log'), ['1', 'half rest', 'whole'])

  // Not for ever: who never ends its line has a part of one.
  one.write('more\n')
  two.end()
  await until('the pipe of the second has gone', () => readdirSync(scene.path('io')).length === 1)
  one.write('prompt> ')
  await until('the prompt', () => scene.read('out.log').endsWith('prompt> '))
  const three = open('a:2')
  three.write('third\n')
  await until('the third', () => scene.lines('out.log').includes('third'))
  one.write('answer\n')
  await until('the answer', () => scene.lines('out.log').length === 7)
  assert.deepEqual(scene.lines('out.log').slice(3), ['more', 'prompt> ', 'third', 'answer'])
  one.end()
  three.end()
})

test('at the end who waits for a line of another comes after it', async (t) => {
  const { scene, open, capture } = stage(t)
  const one = open('a:0')
  one.write('half ')
  await until('its half line, as it came', () => scene.read('out.log') === 'half ')
  open('a:1').write('whole\n')
  one.write('rest')
  capture.finish()
  assert.deepEqual(scene.lines('out.log'), ['half rest', 'whole'])
})

test('prefix and json: time, name and stream of each line', async (t) => {
  const { scene, open } = stage(t)
  const prefix = open('p:0', { format: 'prefix', stdout: scene.path('prefix.log') })
  const json = open('j:0', { format: 'json', stdout: scene.path('json.log'), stderr: scene.path('json.log') })
  prefix.write('hello\n')
  json.write('"quoted" \\ ü\n')
  json.err('bad\n')
  await until('all', () => scene.lines('prefix.log').length === 1 && scene.lines('json.log').length === 2)
  assert.match(scene.lines('prefix.log')[0] ?? '', /^\d{4}-\d\d-\d\dT\S+Z p:0 (stdout )?.*hello$/)
  const lines = scene.lines('json.log').map((line) => JSON.parse(line) as Record<string, string>)
  assert.deepEqual(
    lines.map(({ time: _time, ...rest }) => rest).sort((a, b) => String(b.stream).localeCompare(String(a.stream))),
    [
      { name: 'j:0', stream: 'stdout', text: '"quoted" \\ ü' },
      { name: 'j:0', stream: 'stderr', text: 'bad' },
    ],
  )
  prefix.end()
  json.end()
})

test('rotation at whole lines; so many backups and no more', async (t) => {
  const { scene, open } = stage(t)
  const out = open('a:0', { maxBytes: 1000, backups: 2 })
  let sent = 0
  for (let n = 0; n < 60; n++) {
    out.write(`line ${String(n).padStart(3, '0')} ${'x'.repeat(90)}\n`)
    sent = n
    await until('it', () =>
      scene.lines('out.log').some((line) => line.startsWith(`line ${String(n).padStart(3, '0')} `)),
    )
  }
  out.end()
  const files = readdirSync(scene.dir)
    .filter((name) => name.startsWith('out.log'))
    .sort()
  assert.deepEqual(files, ['out.log', 'out.log.1', 'out.log.2'])
  const numbers = ['out.log.2', 'out.log.1', 'out.log']
    .flatMap((name) => scene.lines(name))
    .map((line) => Number(line.slice(5, 8)))
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, n) => sent - numbers.length + 1 + n),
    'contiguous up to the last',
  )
  for (const name of files) assert.ok(scene.read(name).length <= 1000 && scene.read(name).endsWith('\n'), name)
})

test('reopen after a rename: nothing lost, nothing doubled', async (t) => {
  const { scene, capture, open } = stage(t)
  const out = open('a:0')
  out.write('before\n')
  await until('it', () => scene.lines('out.log').length === 1)
  renameSync(scene.path('out.log'), scene.path('old.log'))
  capture.reopen()
  out.write('after\n')
  await until('it', () => existsSync(scene.path('out.log')) && scene.lines('out.log').length === 1)
  assert.deepEqual([scene.lines('old.log'), scene.lines('out.log')], [['before'], ['after']])
  out.end()
})

test('a log that was renamed from outside and is full at once: a new one takes its place, and nothing is rotated', async (t) => {
  const { scene, troubles, open } = stage(t)
  const out = open('a:0', { maxBytes: 20, backups: 3 })
  out.write('the first\n')
  await until('it', () => scene.lines('out.log').length === 1)
  out.write('the second\n')
  await until('a rotation', () => existsSync(scene.path('out.log.1')))
  await until('the second', () => scene.lines('out.log').length === 1)
  renameSync(scene.path('out.log'), scene.path('old.log'))
  out.write('the third\n')
  await until('the third', () => existsSync(scene.path('out.log')) && scene.lines('out.log').length === 1)
  assert.deepEqual(troubles, [])
  const all = ['out.log.1', 'old.log', 'out.log'].map((name) => scene.lines(name))
  assert.deepEqual(all, [['the first'], ['the second'], ['the third']])
  assert.ok(!existsSync(scene.path('out.log.2')))
  out.end()
})

test('finish takes what is still in the pipes, and finishes the last line', (t) => {
  const { scene, capture, open } = stage(t)
  const out = open('a:0')
  out.write('one\ntwo')
  capture.finish()
  assert.equal(scene.read('out.log'), 'one\ntwo\n')
  out.end()
})

test('a pipe of which somebody removed the name still works, and so does a folder that was removed', async (t) => {
  const { scene, open } = stage(t)
  const out = open('a:0')
  rmSync(scene.path('io'), { recursive: true })
  out.write('still\n')
  await until('it', () => scene.lines('out.log').length === 1)
  out.end()
  const next = open('a:0')
  next.write('again\n')
  await until('it', () => scene.lines('out.log').length === 2)
  next.end()
})

test('many streams flood at once: each is whole', async (t) => {
  const { scene, open } = stage(t)
  const streams = Array.from({ length: 20 }, (_, n) => open(`a:${n}`, { stdout: scene.path(`out-${n}.log`) }))
  for (let round = 0; round < 200; round++) {
    for (const one of streams) one.write(`line ${round} ${'x'.repeat(round)}\n`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (const one of streams) one.end()
  for (let n = 0; n < 20; n++) {
    await until('all', () => scene.lines(`out-${n}.log`).length === 200)
    assert.deepEqual(
      scene.lines(`out-${n}.log`).map((line) => line.split(' ')[1]),
      Array.from({ length: 200 }, (_, round) => String(round)),
    )
  }
})
