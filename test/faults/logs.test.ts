// Faults of logs and disks.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { residentBytes } from '../helpers/proc.ts'
import { runPhd } from '../helpers/programs.ts'
import { fixture, needsRoot, sceneOf, until } from '../helpers/scene.ts'

const MB = 1024 * 1024
const talk = `${quick}[talk]\ncommand = sh ${fixture('one-line-a-time.sh')}\n`

/** `line 1`, `line 2` ... over all files in this order: none lost, none doubled. */
function contiguous(lines: readonly string[]): void {
  const wrong = lines.findIndex((line, n) => line !== `line ${n + 1}`)
  assert.equal(wrong, -1, `at ${wrong}: ${JSON.stringify(lines.slice(Math.max(0, wrong - 1), wrong + 2))}`)
}

test('row 43: ENOSPC: nothing is lost, the process waits or goes on, the master lives, and it is said', {
  skip: needsRoot,
}, async (t) => {
  const scene = sceneOf(t)
  scene.write('small/keep', '')
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', scene.path('small')], { stdio: 'ignore' })
  } catch {
    return t.skip('may not mount a tmpfs')
  }
  scene.after(() => void execFileSync('umount', ['-l', scene.path('small')]))
  const master = await startMaster(t, `${talk}log_file = small/talk.log\n[other]\ncommand = sleep 600\n`)
  scene.write('small/ballast', Buffer.alloc(60 * 1024))
  const said = await master.logged('the trouble', (line) => line.msg === 'cannot log')
  assert.match(String(said.err ?? said.error), /ENOSPC/)
  assert.equal(await master.call('ping', {}), 'pong')
  const full = master.lines('small/talk.log').length
  execFileSync('mount', ['-o', 'remount,size=4m', scene.path('small')])
  await master.logged('the recovery', (line) => line.msg === 'log written again')
  await until('more', () => master.lines('small/talk.log').length > full + 50)
  contiguous(master.lines('small/talk.log'))
  assert.equal((await master.process('talk:0')).restarts, 0)
  await master.stop()
})

test('row 45: log folder removed: made again, the process and the master live', async (t) => {
  const master = await startMaster(
    t,
    `[DEFAULT]\nstart_seconds = 50ms\n[talk]\ncommand = sh ${fixture('one-line-a-time.sh')}\nlog_file = logs/talk.log\n`,
  )
  await until('some lines', () => master.lines('logs/talk.log').length > 20)
  rmSync(master.scene.path('logs'), { recursive: true })
  await until('some lines again', () => master.lines('logs/talk.log').length > 20)
  assert.equal((await master.process('talk:0')).restarts, 0)
})

test('row 46: current log deleted from outside: noticed and opened anew, without being told', async (t) => {
  const master = await startMaster(t, talk)
  await until('some lines', () => master.lines('talk.log').length > 20)
  rmSync(master.scene.path('talk.log'))
  await until('a new file', () => master.lines('talk.log').length > 20)
  const first = Number(/line (\d+)/.exec(master.lines('talk.log')[0] ?? '')?.[1])
  contiguous([...Array.from({ length: first - 1 }, (_, n) => `line ${n + 1}`), ...master.lines('talk.log')])
})

test('row 46: current log truncated from outside: written from its beginning, no hole', async (t) => {
  const master = await startMaster(t, talk)
  await until('some lines', () => master.lines('talk.log').length > 50)
  execFileSync('truncate', ['-s', '0', master.scene.path('talk.log')])
  await until('some lines again', () => master.lines('talk.log').length > 20)
  assert.ok(!readFileSync(master.scene.path('talk.log')).includes(0))
})

test('row 47: external rename and USR1, again and again: no line lost or doubled', async (t) => {
  const master = await startMaster(t, talk)
  const { scene } = master
  const names: string[] = []
  for (let round = 0; round < 5; round++) {
    await until('some lines', () => master.lines('talk.log').length > 30)
    names.push(`talk.log.${round}`)
    renameSync(scene.path('talk.log'), scene.path(`talk.log.${round}`))
    const from = master.log.length
    if (round % 2 === 0) master.kill('SIGUSR1')
    else assert.equal((await master.phctl('reopen')).code, 0)
    await master.logged('reopened', (line) => line.msg === 'log files reopened', from)
  }
  await master.call('stop', { target: 'talk' })
  await until('the end of its pipe: all is taken', () => readdirSync(scene.path('.phd/io')).length === 0)
  contiguous([...names, 'talk.log'].flatMap((name) => master.lines(name)))
})

test('row 48: log path is a link, a FIFO, a device: refused, nothing is followed', async (t) => {
  const scene = sceneOf(t)
  symlinkSync('/etc/passwd', scene.path('link.log'))
  execFileSync('mkfifo', [scene.path('fifo.log')])
  const passwd = statSync('/etc/passwd').size
  const master = await startMaster(
    t,
    `${quick}start_retries = 0\n[link]\ncommand = echo hello\n[fifo]\ncommand = echo hello\n[device]\ncommand = echo hello\nlog_file = /dev/full\n`,
  )
  for (const [name, why] of [
    ['link', 'it is a symbolic link'],
    ['fifo', 'it is no regular file'],
    ['device', 'it is no regular file'],
  ]) {
    const fatal = await master.state(`${name}:0`, 'FATAL')
    assert.ok(String(fatal.reason).includes(`: ${why}`), String(fatal.reason))
  }
  assert.equal(statSync('/etc/passwd').size, passwd)
})

test('row 49: two programs share a log file: refused, with both lines', async (t) => {
  const scene = sceneOf(t)
  const file = scene.write(
    'config.ini',
    `[a]\ncommand = true\nlog_file = x.log\n[b]\ncommand = true\nlog_file = ./x.log\n`,
  )
  const ran = await runPhd(['--check', '-c', file])
  assert.equal(ran.code, 78)
  assert.match(ran.stderr, /config\.ini:6: \[b\] log_file: .*x\.log.* \[a\] \(line 3/)
})

test('row 49: two masters on one log file: the second is refused and its status says why; it may when the first has gone', async (t) => {
  const first = await startMaster(t, talk)
  await until('some lines', () => first.lines('talk.log').length > 20)
  const apart = '[master]\nrun_path = .two\nsocket = two.sock\npidfile = two.pid\nlog_file = two.log\n'
  const second = await startMaster(t, `${talk}start_retries = 0\n${apart}`, { config: 'two.ini' })
  const why = /cannot log to .*talk\.log: another master writes it/
  assert.match(String((await second.state('talk:0', 'FATAL')).reason), why)
  assert.match((await second.process('talk:0')).reason ?? '', why)
  const { length } = first.lines('talk.log')
  await until('more lines', () => first.lines('talk.log').length > length + 50)
  assert.equal((await first.process('talk:0')).restarts, 0)
  await first.stop()
  contiguous(first.lines('talk.log'))
  const before = first.lines('talk.log').length
  await second.call('start', { target: 'talk' })
  await until('lines of the other', () => first.lines('talk.log').length > before + 20)
  contiguous(first.lines('talk.log').slice(before))
})

test('row 50: flood at the speed of the pipe: memory bounded, other streams and the socket are served', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[flood]\ncommand = sh ${fixture('floods.sh')}\nnumber_workers = 3\nlog_max_size = 4MB\nlog_backups = 1\n[talk]\ncommand = sh ${fixture('one-line-a-time.sh')}\n`,
  )
  await until('the flood', () => (statSync(master.scene.path('flood.log.1'), { throwIfNoEntry: false })?.size ?? 0) > 0)
  const before = residentBytes(master.pid)
  const lines = master.lines('talk.log').length
  await until('100 lines of the other', () => master.lines('talk.log').length > lines + 100)
  assert.equal((await master.call('status', {})).length, 2)
  assert.ok(residentBytes(master.pid) - before < 64 * MB)
  const { ok } = await master.call('stop', { target: 'flood' })
  assert.ok(ok)
})

test('row 51: a line of 100 MB, binary, NUL and invalid UTF-8: bytes preserved, memory bounded', async (t) => {
  const scene = sceneOf(t)
  const piece = Buffer.from(Array.from({ length: 1 << 20 }, (_, n) => (n * 31 + (n >> 8)) & 0xff)).map((byte) =>
    byte === 0x0a ? 0 : byte,
  )
  const before = createHash('sha256')
  const { openSync, writeSync, closeSync } = await import('node:fs')
  const fd = openSync(scene.path('bytes'), 'w')
  for (let n = 0; n < 100; n++) {
    writeSync(fd, piece)
    before.update(piece)
  }
  writeSync(fd, '\n')
  before.update('\n')
  closeSync(fd)
  const master = await startMaster(
    t,
    `${quick}[cat]\ncommand = cat %(here)s/bytes\nautorestart = never\nlog_max_size = 0\nautostart = false\n`,
  )
  const resident = residentBytes(master.pid)
  await master.call('start', { target: 'cat' })
  let most = 0
  await until('all bytes', () => {
    most = Math.max(most, residentBytes(master.pid))
    return statSync(scene.path('cat.log'), { throwIfNoEntry: false })?.size === 100 * MB + 1
  })
  const after = createHash('sha256')
  for await (const chunk of createReadStream(scene.path('cat.log'))) after.update(chunk as Buffer)
  assert.equal(after.digest('hex'), before.digest('hex'))
  assert.ok(most - resident < 64 * MB, `${(most - resident) / MB} MB more`)
})
