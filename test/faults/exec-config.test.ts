// Faults of what is to be started, and of the configuration.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, symlinkSync, truncateSync } from 'node:fs'
import { test } from 'node:test'
import type { PhError } from '../../src/errors.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { lives } from '../helpers/proc.ts'
import { runPhd } from '../helpers/programs.ts'
import { fixture, needsRoot, sceneOf, until } from '../helpers/scene.ts'

const web = `${quick}[web]\ncommand = sleep 600\n`

test('row 29: binary removed, not executable, bad ELF, no shebang: a distinct reason, and the retry goes on', async (t) => {
  const scene = sceneOf(t)
  scene.write('program', '#!/bin/sh\nexec sleep 600\n', 0o755)
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = ./program\nbackoff_initial = 50ms\nbackoff_max = 50ms\nstart_retries = -1\n`,
  )
  const { pid } = await master.state('web:0', 'RUNNING')
  rmSync(scene.path('program'))
  process.kill(pid ?? 0, 'SIGKILL')
  const because = (words: RegExp) =>
    master.logged(String(words), (line) => line.to === 'BACKOFF' && words.test(String(line.reason)))
  await because(/^ENOENT: .*program does not exist/)
  scene.write('program', '\x7fELF', 0o644)
  await because(/^EACCES: .*program is not executable/)
  chmodSync(scene.path('program'), 0o755)
  await because(/^ENOEXEC: .*program is no program this machine can run/)
  const from = master.log.length
  rmSync(scene.path('program'))
  scene.write('program.new', '#!/bin/sh\nexec sleep 600\n', 0o755)
  execFileSync('mv', [scene.path('program.new'), scene.path('program')])
  await master.state('web:0', 'RUNNING', from)
})

test('row 30: cwd missing or removed: reported as the directory, not as "command not found"', async (t) => {
  const scene = sceneOf(t)
  scene.write('work/keep', '')
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sleep 600\ndirectory = work\nbackoff_initial = 50ms\nstart_retries = -1\n`,
  )
  const { pid } = await master.state('web:0', 'RUNNING')
  rmSync(scene.path('work'), { recursive: true })
  process.kill(pid ?? 0, 'SIGKILL')
  const why = await master.logged(
    'the reason',
    (line) => line.to === 'BACKOFF' && /directory/.test(String(line.reason)),
  )
  assert.match(String(why.reason), /^ENOENT: its directory .*work does not exist/)
})

test('row 32: E2BIG: FATAL, and the master goes on', async (t) => {
  // One word over the kernel's 128 KB.
  const master = await startMaster(
    t,
    `${quick}[big]\nstart_seconds = 10\ncommand = true ${'x'.repeat(140_000)}\n[web]\ncommand = sleep 600\n`,
  )
  const fatal = await master.state('big:0', 'FATAL')
  assert.match(String(fatal.reason), /^E2BIG: .*true its arguments and environment are too long/)
  await master.state('web:0', 'RUNNING')
})

/** The file as it is now is refused at update, HUP and by phctl, and nothing has changed. */
async function refused(master: Master, words: RegExp): Promise<void> {
  const before = JSON.stringify((await master.call('status', {})).map((p) => p.processes.map((one) => one.pid)))
  await assert.rejects(
    master.call('update', {}),
    (e: PhError) => e.code === 'PH_CONFIG' && words.test(e.message),
    String(words),
  )
  assert.equal((await master.phctl('update')).code, 6)
  const from = master.log.length
  master.kill('SIGHUP')
  await master.logged('the refusal of HUP', (line) => line.msg === 'HUP: nothing was changed', from)
  const after = JSON.stringify((await master.call('status', {})).map((p) => p.processes.map((one) => one.pid)))
  assert.equal(after, before)
}

test('row 35: config deleted at reload: the old one is kept, an error, exit code 6', async (t) => {
  const master = await startMaster(t, web)
  await master.state('web:0', 'RUNNING')
  rmSync(master.scene.path('config.ini'))
  await refused(master, /config\.ini.*(no such file|does not exist|ENOENT)/)
})

test('row 36: half-written, invalid, NUL, not UTF-8, 100 MB: the whole reload is rejected; BOM and CRLF are fine', async (t) => {
  const master = await startMaster(t, web)
  await master.state('web:0', 'RUNNING')
  const { scene } = master
  scene.write('config.ini', web.slice(0, web.indexOf('command') + 4))
  await refused(master, /config\.ini:4: /)
  scene.write('config.ini', `${web}[next]\ncommand = a\0b\n`)
  await refused(master, /config\.ini:6/)
  scene.write(
    'config.ini',
    Buffer.concat([Buffer.from(`${web}[next]\ncommand = `), Buffer.from([0xff, 0xfe]), Buffer.from('\n')]),
  )
  await refused(master, /UTF-8/)
  scene.write('config.ini', web)
  truncateSync(scene.path('config.ini'), 100 * 1024 * 1024)
  const begun = performance.now()
  await refused(master, /config\.ini/)
  assert.ok(performance.now() - begun < 10_000)
  scene.write('config.ini', `\ufeff${web.replaceAll('\n', '\r\n')}[next]\r\ncommand = sleep 600\r\n`)
  assert.equal((await master.phctl('update')).code, 0)
  assert.equal((await master.process('next:0')).state, 'RUNNING')
})

test('row 37: config is a FIFO, a directory, unreadable or a loop of links: an error, and the loop is never blocked', async (t) => {
  const master = await startMaster(t, web)
  await master.state('web:0', 'RUNNING')
  const file = master.scene.path('config.ini')
  rmSync(file)
  execFileSync('mkfifo', [file])
  await refused(master, /config\.ini/)
  const start = await runPhd(['--check', '-c', file])
  assert.equal(start.code, 78, 'a start from a FIFO does not block either')
  rmSync(file)
  symlinkSync(file, file)
  await refused(master, /config\.ini/)
  rmSync(file)
  master.scene.write('config.ini/inside', '')
  await refused(master, /config\.ini/)
})

test('row 37: config that may not be read', {
  skip: needsRoot === false && 'needs a user that is not root',
}, async (t) => {
  const master = await startMaster(t, web)
  await master.state('web:0', 'RUNNING')
  chmodSync(master.scene.path('config.ini'), 0o000)
  await refused(master, /EACCES/)
})

test('row 38: duplicate section, duplicate key, unknown key, cyclic variables: rejected, each with its line', async (t) => {
  const scene = sceneOf(t)
  const file = scene.write(
    'config.ini',
    `[web]\ncommand = sleep 600\ncommand = sleep 500\nwhatever = 1\n[web]\ncommand = x\n[loop]\ncommand = %(x_a)s\nx_a = %(x_b)s\nx_b = %(x_a)s\n`,
  )
  const ran = await runPhd(['-c', file])
  assert.equal(ran.code, 78)
  for (const words of [
    /:3: \[web\] command: /,
    /:4: \[web\] whatever: /,
    /:5: .*web/,
    /:(8|9|10): \[loop\] .*(itself|cycle|circle)/,
  ]) {
    assert.match(ran.stderr, words)
  }
})

test('row 39: reload while starting and stopping: serialised, each program ends in one defined state', async (t) => {
  const master = await startMaster(
    t,
    `[web]\ncommand = sleep 600\nnumber_workers = 2\nstart_seconds = 200ms\n[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 300ms\nstart_seconds = 200ms\n`,
  )
  const calls = [
    master.call('reload', { target: 'all' }),
    master.call('stop', { target: 'deaf' }),
    master.call('restart', { target: 'web' }),
    master.call('reload', { target: 'web' }),
    master.call('start', { target: 'all' }),
    master.call('scale', { program: 'web', workers: 3 }),
  ]
  master.kill('SIGHUP')
  await Promise.allSettled(calls)
  await until('rest', async () => {
    const programs = await master.call('status', {})
    return programs.every((p) => p.state === 'RUNNING' && p.processes.every((one) => one.replacement === null))
  })
  const [one, two] = await master.call('status', {})
  assert.deepEqual([one?.processes.length, two?.processes.length], [3, 1])
})

test('row 40: program renamed with a live worker: the old one stops gracefully, its log is whole', async (t) => {
  const script = `sh -c 'trap "echo last words; exit 0" TERM; echo first; while :; do sleep 0.02; done'`
  const master = await startMaster(t, `${quick}[old]\ncommand = ${script}\n`)
  await until('the trap', () => master.lines('old.log').length === 1)
  const { pid } = await master.state('old:0', 'RUNNING')
  master.scene.write('config.ini', `${quick}[new]\ncommand = ${script}\n`)
  assert.ok((await master.call('update', {})).ok)
  assert.deepEqual(
    (await master.call('status', {})).map((p) => p.program),
    ['new'],
  )
  assert.ok(!lives(pid ?? 0))
  await until('its last words', () => master.lines('old.log').length === 2)
  assert.deepEqual(master.lines('old.log'), ['first', 'last words'])
})

test('row 41: SIGHUP storm of 1000: one reload runs and one is pending', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\nstart_seconds = 200ms\n`)
  await master.state('web:0', 'RUNNING')
  const begun = performance.now()
  for (let n = 0; n < 1000; n++) master.kill('SIGHUP')
  const stormMs = performance.now() - begun
  await until('no more reloads', async () => {
    const before = master.log.length
    await new Promise((resolve) => setTimeout(resolve, 500))
    return master.log.length === before && (await master.process('web:0')).state === 'RUNNING'
  })
  // One that runs and one that is pending; where the storm lasts longer than a reload (200 ms), as many more.
  const reloads = master.log.filter((line) => line.msg === 'HUP: updated and reloaded').length
  assert.ok(reloads >= 1 && reloads <= 2 + stormMs / 200, `${reloads} reloads in ${stormMs} ms`)
})

test('row 42: SIGTERM, HUP and CHLD mixed, then a second TERM 0.5 s later: all killed, no double stop', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\nnumber_workers = 2\ngraceful_timeout = 60\n`,
  )
  await until('the traps', () => master.lines('deaf.log').length === 2)
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGCHLD', 'SIGTERM', 'SIGUSR1', 'SIGHUP', 'SIGTTIN'] as const) {
    master.kill(signal)
  }
  await master.state('deaf:1', 'STOPPING')
  await new Promise((resolve) => setTimeout(resolve, 600))
  assert.ok(lives(master.pid), 'the first half second is one TERM')
  master.kill('SIGTERM')
  assert.deepEqual(await master.ended, { code: 0, signal: null })
  const stops = master.log.filter((line) => line.to === 'STOPPING').map((line) => String(line.name))
  assert.deepEqual(stops.sort(), ['deaf:0', 'deaf:1'])
})
