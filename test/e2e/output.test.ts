// Captured output: where it goes, that nothing of it is lost, doubled or torn, and that no flood holds
// anybody else up.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { lives } from '../helpers/proc.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

test('numbered lines of four slots flood into one file: none lost, doubled or torn', async (t) => {
  const each = 20_000
  const master = await startMaster(
    t,
    `${quick}[flood]\ncommand = sh ${fixture('chatty.sh')} slot%(slot)s ${each}\nnumber_workers = 4\nlog_pipe_size = 64KB\nlog_max_size = 0\n`,
  )
  await until('all lines', () => master.lines('flood.log').length >= 4 * each, 60_000)
  const next = [1, 1, 1, 1]
  for (const line of master.lines('flood.log')) {
    const [, slot = '', number] =
      /^slot([0-3]) (\d+) of a line that is long enough to be torn when nobody cares$/.exec(line) ?? []
    const expected = next[Number(slot)] ?? 0
    assert.equal(Number(number), expected, `"${line}"`)
    next[Number(slot)] = expected + 1
  }
  assert.deepEqual(next, Array(4).fill(each + 1))
})

test('stderr apart, merged, none, a file for each slot', async (t) => {
  const say = `sh -c 'echo out; echo err >&2; exec sleep 600'`
  const master = await startMaster(
    t,
    `${quick}[merged]\ncommand = ${say}
[apart]\ncommand = ${say}\nstderr_log_file = apart.err
[silent]\ncommand = ${say}\nlog_file = none\nstderr_log_file = silent.err
[slots]\ncommand = sh -c 'echo %(slot)s; exec sleep 600'\nnumber_workers = 2\nlog_file = logs/slot-%(slot)s.log
`,
  )
  await until('all of it', () => {
    const found = ['merged.log', 'apart.log', 'apart.err', 'silent.err', 'logs/slot-0.log', 'logs/slot-1.log']
    return (
      JSON.stringify(found.map((file) => master.lines(file))) === '[["out","err"],["out"],["err"],["err"],["0"],["1"]]'
    )
  })
  assert.deepEqual(master.lines('silent.log'), [])
  assert.equal(statSync(master.scene.path('merged.log')).mode & 0o777, 0o640)
})

test('inherit goes to the stdout of the master', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[say]\ncommand = sh -c 'echo "through to the top"; exec sleep 600'\nlog_file = inherit\n`,
  )
  await until('the line', () => master.stdout().includes('through to the top\n'))
})

test('a child can open /dev/stdout, /dev/stderr and /proc/self/fd/1 again', async (t) => {
  const script = 'echo one > /dev/stdout; echo two > /proc/self/fd/1; echo three > /dev/stderr; exec sleep 600'
  const master = await startMaster(t, `${quick}[again]\ncommand = sh -c '${script}'\n`)
  await until('three lines', () => master.lines('again.log').length === 3)
  assert.deepEqual(master.lines('again.log'), ['one', 'two', 'three'])
})

test('a line of 5 MB, binary bytes and no newline at the end: byte for byte', async (t) => {
  const scene = sceneOf(t)
  const long = Buffer.alloc(5_000_000, 'x')
  const binary = Buffer.from(
    Array.from({ length: 70_000 }, (_, n) => (n * 7919) & 0xff).filter((byte) => byte !== 0x0a),
  )
  const bytes = Buffer.concat([
    long,
    Buffer.from('\n'),
    binary,
    Buffer.from([0xff, 0xfe, 0, 0x0a]),
    Buffer.from('the end'),
  ])
  scene.write('bytes', bytes)
  await startMaster(t, `${quick}[cat]\ncommand = cat %(here)s/bytes\nautorestart = never\n`)
  const expected = Buffer.concat([bytes, Buffer.from('\n')]) // the last line is finished
  await until('all bytes', () => statSync(scene.path('cat.log'), { throwIfNoEntry: false })?.size === expected.length)
  const hash = (data: Buffer): string => createHash('sha256').update(data).digest('hex')
  assert.equal(hash(readFileSync(scene.path('cat.log'))), hash(expected))
})

test('what was printed just before the end is in the log when the exit is told', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[job]\ncommand = sh -c 'seq 1 5000; printf "and no newline"'\nautorestart = never\n`,
  )
  await master.state('job:0', 'EXITED')
  await until('the last line', () => master.lines('job.log').at(-1) === 'and no newline')
  assert.equal(master.lines('job.log').length, 5001)
})

test('an unfinished last line is finished: the next process of the slot begins on a line of its own', async (t) => {
  for (const [name, workers] of [
    ['alone', 1],
    ['shared', 2],
  ] as const) {
    await t.test(name, async (t) => {
      const master = await startMaster(
        t,
        `${quick}[job]\ncommand = sh -c 'printf whole; sleep 0.1'\nnumber_workers = ${workers}\nbackoff_initial = 10ms\n`,
      )
      await until('four lines', () => master.lines('job.log').length >= 4)
      assert.deepEqual([...new Set(master.lines('job.log'))], ['whole'])
    })
  }
})

test('a grandchild that holds stdout: the exit is seen at once, the slot starts anew, its words still land', async (t) => {
  const scene = sceneOf(t)
  const master = await startMaster(
    t,
    `${quick}[holder]\ncommand = ${process.execPath} ${fixture('holds-stdout.js')} ${scene.path('child.pid')}\nbackoff_initial = 10ms\n`,
  )
  await master.state('holder:0', 'BACKOFF')
  const child = Number(scene.lines('child.pid')[0])
  assert.ok(lives(child))
  rmSync(scene.path('child.pid'))
  await until('its last words', () => master.lines('holder.log').includes('from the grandchild'))
  await until('its end', () => !lives(child))
  await until('the next one', () => master.lines('holder.log').filter((line) => line === 'before').length > 1)
  await until('its child', () => scene.lines('child.pid').length === 1)
  rmSync(scene.path('child.pid')) // nothing is left to wait for at the end
})

test('a flood at the speed of the pipe leaves the socket and the other programs responsive', async (t) => {
  const master = await startMaster(
    t,
    `${quick}log_max_size = 1MB\nlog_backups = 1\n[flood]\ncommand = sh ${fixture('floods.sh')}\nnumber_workers = 2\n[talk]\ncommand = sh ${fixture('one-line-a-time.sh')}\n`,
  )
  await until('the flood', () => statSync(master.scene.path('flood.log'), { throwIfNoEntry: false })?.size)
  const waits: number[] = []
  for (let n = 0; n < 50; n++) {
    const begun = performance.now()
    await master.call('ping', {})
    waits.push(performance.now() - begun)
  }
  const before = master.lines('talk.log').length
  await until('the other one', () => master.lines('talk.log').length > before + 20)
  assert.ok(Math.max(...waits) < 1000, `a ping took ${Math.max(...waits)} ms`)
})

test('another master on the same log file is refused, with the reason in the status', async (t) => {
  const scene = sceneOf(t)
  const shared = (extra: string): string =>
    `[master]\n${extra}[say]\ncommand = sleep 600\nlog_file = shared.log\nstart_retries = 0\n`
  const first = await startMaster(t, shared(''))
  await first.call('wait', { target: 'say', state: 'RUNNING' })
  const second = await startMaster(
    t,
    shared('run_path = .two\nsocket = two.sock\npidfile = two.pid\nlog_file = two.log\n'),
    {
      config: 'two.ini',
    },
  )
  const fatal = await second.state('say:0', 'FATAL')
  assert.match(String(fatal.reason), /cannot log to .*shared\.log: another master writes it/)
  assert.equal((await first.process('say:0')).state, 'RUNNING')
  assert.ok(scene.dir)
})

test('a log path that is a symbolic link, a FIFO or a folder: the reason is in the status', async (t) => {
  const scene = sceneOf(t)
  scene.write('victim', 'untouched\n')
  symlinkSync(scene.path('victim'), scene.path('link.log'))
  execFileSync('mkfifo', [scene.path('fifo.log')])
  mkdirSync(scene.path('folder.log'))
  const master = await startMaster(
    t,
    `${quick}start_retries = 0\n${['link', 'fifo', 'folder'].map((name) => `[${name}]\ncommand = sleep 600\n`).join('')}`,
  )
  const reason = async (name: string): Promise<string> => String((await master.state(`${name}:0`, 'FATAL')).reason)
  assert.match(await reason('link'), /cannot log to .*link\.log: it is a symbolic link/)
  assert.match(await reason('fifo'), /cannot log to .*fifo\.log: it is no regular file/)
  assert.match(await reason('folder'), /folder\.log/)
  assert.match((await master.process('folder:0')).reason ?? '', /EISDIR|no regular file/)
  assert.deepEqual(scene.lines('victim'), ['untouched'])
})

test('the pipe keeps what is printed while nobody reads; the order of lines is kept', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[seq]\ncommand = sh -c 'seq 1 2000; exec sleep 600'\nlog_pipe_size = 4KB\n`,
  )
  await until('all', () => master.lines('seq.log').length === 2000)
  assert.deepEqual(
    master.lines('seq.log'),
    Array.from({ length: 2000 }, (_, n) => String(n + 1)),
  )
})

test('when stop has returned, the last words of all are in their logs', async (t) => {
  const ini = `${quick}[web]\ncommand = bash ${fixture('last-words.sh')} %(slot)s 100\nnumber_workers = 8\nlog_file = web-%(slot)s.log\n`
  const master = await startMaster(t, ini)
  const counts = (): number[] => [...Array(8).keys()].map((slot) => master.lines(`web-${slot}.log`).length)
  for (let round = 1; round <= 5; round++) {
    await until('the first words of all', () => counts().every((count) => count === 200 * round - 100))
    await master.call('stop', { target: 'web' })
    assert.deepEqual(counts(), Array(8).fill(200 * round))
    await master.call('start', { target: 'web' })
  }
})
