// log_full = drop on a disk that is really full: the writer never waits, lines stay whole, what is missing is counted
// and said. And what a full disk must not do to lines where nothing is dropped.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, unlinkSync, writeSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { OutputSpec } from '../../src/core/spec.ts'
import { systemClock } from '../../src/os/clock.ts'
import { captureOutput } from '../../src/os/output.ts'
import { PHD } from '../helpers/programs.ts'
import { needsRoot, type Scene, sceneOf, until, within } from '../helpers/scene.ts'

/** Each capture hears SIGIO as long as its process lives; a master has one. */
process.setMaxListeners(50)

type Told = Parameters<Parameters<typeof captureOutput>[0]['trouble']>[0]

function stage(t: TestContext, more: Partial<OutputSpec> = {}) {
  const scene = sceneOf(t)
  const told: Told[] = []
  for (const folder of ['io', 'small']) mkdirSync(scene.path(folder))
  const capture = captureOutput({
    folder: scene.path('io'),
    writers: '/dev/null',
    store: { put: () => undefined, flush: () => undefined },
    kept: null,
    readers: {},
    clock: systemClock(),
    trouble: (facts) => void told.push(facts),
  })
  scene.after(() => capture.finish())
  const open = (name: string, own: Partial<OutputSpec> = {}): number => {
    const spec: OutputSpec = {
      stdout: scene.path('small/out.log'),
      stderr: null,
      pipeBytes: 65_536,
      format: 'raw',
      full: 'drop',
      maxBytes: 0,
      backups: 1,
      compress: false,
    }
    const { stdout, release } = capture.open(name, { ...spec, ...more, ...own })
    assert.ok(typeof stdout === 'number')
    scene.after(release)
    return stdout
  }
  return {
    scene,
    told,
    open,
    finish: () => capture.finish(),
    /** Another process: a write of ours that waits would keep us from reading. */
    async run(fd: number, words: string): Promise<void> {
      const child = spawn('sh', ['-c', words], { stdio: ['ignore', fd, 'inherit'], cwd: scene.dir })
      const ended = new Promise((resolve, reject) => child.on('close', resolve).on('error', reject))
      await within(`the end of: ${words}`, ended, 15_000)
    },
  }
}

/** A full disk of 1 MB at `small`; `free` makes room. */
function fullDisk(t: TestContext, scene: Scene, ballastBytes = 1020 * 1024): (() => void) | null {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', scene.path('small')], { stdio: 'ignore' })
  } catch {
    t.skip('may not mount a tmpfs')
    return null
  }
  scene.after(() => void execFileSync('umount', ['-l', scene.path('small')]))
  scene.write('small/ballast', Buffer.alloc(ballastBytes))
  return () => unlinkSync(scene.path('small/ballast'))
}

const MISSING =
  /^phd: (\d+) lines? \((\d+) bytes\) of (\S+) stdout w(?:as|ere) dropped here from (\S+) to (\S+): (.*ENOSPC.*)$/

/** The text of a line, whatever the format. */
function textOf(line: string, format: OutputSpec['format']): string {
  if (format === 'json') return (JSON.parse(line) as { text: string }).text
  return format === 'raw' ? line : line.split(' ').slice(3).join(' ')
}

/** Each line is whole, and where numbers are missing a line says how many, and how many bytes. Returns the lines that are missing. */
function explained(texts: readonly string[], name: string, last: number): number {
  let next = 1
  let missing = 0
  for (const text of texts) {
    const [, lines, bytes, of] = MISSING.exec(text) ?? []
    if (of !== undefined && of !== name) continue
    if (lines === undefined) {
      const [, mine, number] = /^(\S+) line (\d+) of many, long enough to be torn$/.exec(text) ?? []
      assert.ok(number, `a torn line: ${text}`)
      if (mine !== name) continue
      assert.equal(Number(number), next, `a line is missing, and nothing says so`)
      next++
      continue
    }
    let size = 0
    for (let n = next; n < next + Number(lines); n++)
      size += `${name} line ${n} of many, long enough to be torn\n`.length
    assert.equal(Number(bytes), size, text)
    next += Number(lines)
    missing += Number(lines)
  }
  assert.equal(next, last + 1)
  return missing
}

const says = (name: string, from: number, to: number): string =>
  `seq -f '${name} line %.0f of many, long enough to be torn' ${from} ${to}`

for (const format of ['raw', 'prefix', 'json'] as const) {
  test(`${format}: a full disk and drop: nobody waits, lines are whole, all that is missing is counted where it is missing`, {
    skip: needsRoot,
  }, async (t) => {
    const { scene, told, open, run } = stage(t, { format })
    const free = fullDisk(t, scene)
    if (!free) return
    const fd = open('web:0')
    await run(fd, says('web:0', 1, 20_000))
    assert.match(String(told[0]?.error), /ENOSPC/)
    free()
    await until('the end of the trouble', () => told.length > 1)
    await run(fd, says('web:0', 20_001, 20_100))
    const texts = (): string[] => scene.lines('small/out.log').map((line) => textOf(line, format))
    await until('the last line', () => texts().at(-1)?.startsWith('web:0 line 20100 '))
    const missing = explained(texts(), 'web:0', 20_100)
    assert.ok(missing > 10_000, `${missing} lines are missing`)
    assert.ok(missing < 19_990, 'what fits into the pipe is kept')
    assert.deepEqual(
      told.slice(1).map(({ error, dropped }) => [error, dropped?.lines]),
      [[null, missing]],
    )
    const said = scene.lines('small/out.log').find((line) => line.includes('dropped here')) ?? ''
    const [, lines, bytes, , from, to, error] = MISSING.exec(textOf(said, format)) ?? []
    assert.ok(Date.parse(String(from)) <= Date.parse(String(to)) && Date.parse(String(to)) <= Date.now())
    if (format === 'json') {
      const { name, stream, dropped } = JSON.parse(said) as Record<string, unknown>
      assert.deepEqual([name, stream], ['web:0', 'stdout'])
      assert.deepEqual(dropped, { lines: Number(lines), bytes: Number(bytes), from, to, error })
    }
  })

  test(`${format}: two streams in one file, full again and again: each is told what is its own`, {
    skip: needsRoot,
  }, async (t) => {
    const { scene, told, open, run } = stage(t, { format })
    const free = fullDisk(t, scene, 900 * 1024)
    if (!free) return
    const [a, b] = [open('a:0'), open('b:0')]
    const both = (from: number, to: number) =>
      Promise.all([run(a, says('a:0', from, to)), run(b, says('b:0', from, to))])
    await both(1, 10_000)
    await until('the trouble', () => told.length > 0)
    execFileSync('mount', ['-o', 'remount,size=1400k', scene.path('small')])
    await until('the end of the trouble', () => told.some(({ error }) => error === null))
    await both(10_001, 20_000)
    execFileSync('mount', ['-o', 'remount,size=20m', scene.path('small')])
    const texts = (): string[] => scene.lines('small/out.log').map((line) => textOf(line, format))
    await until('the last lines', () =>
      ['a', 'b'].every((x) => texts().some((text) => text.startsWith(`${x}:0 line 20000 `))),
    )
    await until('the end of the trouble', () => told.at(-1)?.error === null)
    const missing = explained(texts(), 'a:0', 20_000) + explained(texts(), 'b:0', 20_000)
    assert.ok(missing > 1000)
    assert.equal(
      told.reduce((sum, { dropped }) => sum + (dropped?.lines ?? 0), 0),
      missing,
    )
  })
}

test('block: two streams in one raw file on a full disk: no line of either is torn or lost', {
  skip: needsRoot,
}, async (t) => {
  const { scene, told, open, run } = stage(t, { full: 'block' })
  if (!fullDisk(t, scene, 900 * 1024)) return
  const [a, b] = [open('a:0'), open('b:0')]
  const all = Promise.all([run(a, says('a:0', 1, 40_000)), run(b, says('b:0', 1, 40_000))])
  for (const size of [1100, 1300, 1500, 20_000]) {
    await until('the trouble', () => told.at(-1)?.error)
    // Tried again while it is full: what waits for its turn must not lose patience.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const before = told.length
    execFileSync('mount', ['-o', `remount,size=${size}k`, scene.path('small')])
    await until('the end of the trouble', () => told.slice(before).some(({ error }) => error === null))
  }
  await all
  await until('the last lines', () => scene.lines('small/out.log').length >= 80_000)
  for (const name of ['a:0', 'b:0']) assert.equal(explained(scene.lines('small/out.log'), name, 40_000), 0)
})

test('drop: a line longer than its pipe is cut, and its neighbours are whole', { skip: needsRoot }, async (t) => {
  const { scene, told, open, run } = stage(t)
  const free = fullDisk(t, scene)
  if (!free) return
  const fd = open('web:0')
  await run(fd, `${says('web:0', 1, 2000)}; head -c 1000000 /dev/zero | tr '\\0' x; echo; echo after`)
  free()
  await until('the end of the trouble', () => told.at(-1)?.error === null)
  await until('the last line', () => scene.lines('small/out.log').at(-1) === 'after')
  const kept = scene
    .lines('small/out.log')
    .filter((line) => !/^web:0 line \d+ of many, long enough to be torn$|^x*$|^after$/.test(line))
  assert.equal(kept.length, 1)
  assert.match(kept[0] ?? '', MISSING)
})

test('drop: an end while the disk is full: the counts are told, for they will not stand in the log', {
  skip: needsRoot,
}, async (t) => {
  const { scene, told, open, run, finish } = stage(t)
  if (!fullDisk(t, scene)) return
  await run(open('web:0'), says('web:0', 1, 20_000))
  finish()
  const last = told.at(-1)
  assert.match(String(last?.error), /ENOSPC.*; closed with lines missing/)
  assert.ok((last?.dropped?.lines ?? 0) > 10_000)
})

test('drop: stdout that is only slow is no trouble: the process waits, and nothing is lost', async (t) => {
  const scene = sceneOf(t)
  scene.write('config.ini', '[say]\ncommand = seq 1 60000\nlog_file = inherit\nlog_full = drop\nautorestart = never\n')
  // A master in the foreground, behind a reader that comes late.
  const words = `${process.execPath} ${PHD} -n -c config.ini | { sleep 1; cat > all; }`
  const ended = once(spawn('sh', ['-c', words], { cwd: scene.dir, stdio: 'ignore' }), 'close')
  const numbers = (): string[] => scene.lines('all').filter((line) => /^\d+$/.test(line))
  await until('the last line', () => numbers().at(-1) === '60000')
  process.kill(Number(scene.read('master.pid')), 'SIGTERM')
  await within('the end', ended)
  assert.equal(numbers().length, 60_000)
})

for (const format of ['raw', 'prefix'] as const) {
  test(`${format}, shared: a write that fills the pipe behind an unfinished line is heard of`, async (t) => {
    const { scene, open, run } = stage(t, { format })
    const fd = open('a:0')
    open('b:0')
    writeSync(fd, 'half ')
    await new Promise((resolve) => setTimeout(resolve, 50)) // it has been looked at, and left
    // One write(2) of 600 kB: it waits in the middle of itself.
    await run(fd, `exec ${process.execPath} -e 'require("fs").writeSync(1, "of a line\\n".repeat(60000))'`)
    await until('all', () => scene.lines('small/out.log').length === 60_000, 5_000)
  })
}
