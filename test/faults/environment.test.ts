// Faults of what is around the master: clocks, terminals, folders that go away.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { answering, quick, startDaemon, startMaster } from '../helpers/master.ts'
import { descriptorsOf, lives } from '../helpers/proc.ts'
import { PHD, runPhctl, runPhd } from '../helpers/programs.ts'
import { sceneOf, until, within } from '../helpers/scene.ts'

const web = `${quick}[web]\ncommand = sleep 600\n`

/** The library that makes a program see another wall clock; false where it is not installed. */
const fakeTime = ((): string | null => {
  const folders = existsSync('/usr/lib') ? readdirSync('/usr/lib') : []
  return folders.map((name) => `/usr/lib/${name}/faketime/libfaketimeMT.so.1`).find((file) => existsSync(file)) ?? null
})()

test('row 87: wall clock -1 h, +1 year: no kill wave, waits and uptime go on', {
  skip: fakeTime === null && 'needs libfaketime',
}, async (t) => {
  const scene = sceneOf(t)
  scene.write('clock', '+0')
  scene.write(
    'job.mjs',
    "import { SyncWorker } from 'processhandler/worker'\nexport default class J extends SyncWorker {\n  handleRequest() {\n    return new Promise((done) => setTimeout(done, 10))\n  }\n}\n",
  )
  const master = await startMaster(
    t,
    `${quick}[bad]\ncommand = false\nbackoff_initial = 60\nbackoff_max = 60\nstart_retries = -1\n[job]\nworker = job.mjs\nworker_timeout = 1\nkill_interval = 600\n`,
    {
      env: {
        LD_PRELOAD: fakeTime ?? '',
        FAKETIME_TIMESTAMP_FILE: scene.path('clock'),
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      },
    },
  )
  const { pid } = await master.state('job:0', 'RUNNING')
  await until('the long wait', async () => (await master.process('bad:0')).nextAttemptAt)
  const from = master.log.length
  const uptimes = [(await master.call('info', {})).uptime]
  for (const [jump, hours] of [
    ['-3600', -1],
    ['+365d', 24 * 365],
    ['+0', 0],
  ] as const) {
    scene.write('clock', jump)
    await until('the jump', async () => {
      await master.phctl('loglevel', 'info') // a line of the log, with the time as the master sees it
      return Math.abs(Date.parse(master.log.at(-1)?.time ?? '') - Date.now() - hours * 3_600_000) < 60_000
    })
    const before = (await master.process('job:0')).requests ?? 0
    await until(
      'more than a timeout of work',
      async () => ((await master.process('job:0')).requests ?? 0) > before + 100,
    )
    uptimes.push((await master.call('info', {})).uptime)
  }
  assert.deepEqual(
    master.log.slice(from).filter((line) => line.msg === 'state'),
    [],
  )
  assert.equal((await master.process('job:0')).pid, pid)
  assert.ok(
    uptimes.every((uptime, n) => uptime >= (uptimes[n - 1] ?? 0) && uptime < 300),
    uptimes.join(' '),
  )
})

test('row 89: stdin, stdout and stderr closed before the start: the master lives, 0 to 2 are filled', async (t) => {
  const scene = sceneOf(t)
  const file = scene.write('config.ini', web)
  const child = spawn('sh', ['-c', 'exec "$@" <&- >&- 2>&-', 'sh', process.execPath, PHD, '-n', '-c', file], {
    cwd: '/',
    stdio: 'ignore',
  })
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  scene.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  await answering(scene.path('phd.sock'))
  const fds = descriptorsOf(child.pid ?? 0)
  for (const fd of [0, 1, 2]) assert.equal(fds.get(fd), '/dev/null')
  const status = await runPhctl(['-c', file, 'wait', 'web', '--state', 'RUNNING'])
  assert.equal(status.code, 0, status.stderr)
  child.kill('SIGTERM')
  assert.equal(await within('its end', ended), 0)
})

test('row 89: EPIPE on stdout and stderr of a master in the foreground: it lives', async (t) => {
  const scene = sceneOf(t)
  const file = scene.write(
    'config.ini',
    `${web}[say]\ncommand = sh -c 'while :; do echo line; sleep 0.02; done'\nlog_file = inherit\n`,
  )
  const child = spawn(process.execPath, [PHD, '-n', '-c', file], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  scene.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  await answering(scene.path('phd.sock'))
  child.stdout.destroy()
  child.stderr.destroy()
  for (let n = 0; n < 3; n++) {
    const ran = await runPhctl(['-c', file, 'restart', 'all'])
    assert.equal(ran.code, 0, ran.stderr)
  }
  child.kill('SIGTERM')
  assert.equal(await within('its end', ended), 0)
})

test('row 90: the folder it was started in is removed: it goes on, and finds its configuration', async (t) => {
  const scene = sceneOf(t)
  scene.write('start/keep', '')
  const master = await startDaemon(t, `[master]\ndaemonize = true\n${web}`, { cwd: scene.path('start') })
  rmSync(scene.path('start'), { recursive: true })
  const { pid } = (await master.call('wait', { target: 'web', state: 'RUNNING' })).results[0] ?? {}
  process.kill(pid ?? 0, 'SIGKILL')
  await until('its successor', async () => {
    const one = await master.process('web:0')
    return one.state === 'RUNNING' && one.pid !== pid
  })
  assert.equal((await master.phctl('reread')).stdout, 'no changes\n')
})

test('row 90: started from a folder that is gone: relative names are those of the file', async (t) => {
  const scene = sceneOf(t)
  scene.write('gone/keep', '')
  const file = scene.write('config.ini', web)
  const ran = await runPhd(['--check', '-c', file], {
    cwd: scene.path('gone'),
    wrap: ['sh', '-c', `rmdir_it() { rm -r "$PWD"; }; rmdir_it; exec "$@"`, 'sh'],
  })
  assert.equal(ran.code, 0, ran.stderr)
})

test('row 94: ulimit -n 64: refused or degraded with a clear reason, and never a crash', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\nnumber_workers = 60\nstart_retries = 0\n`, {
    wrap: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'],
  })
  await until('each has its end', async () => {
    const processes = (await master.call('status', {}))[0]?.processes ?? []
    return processes.length === 60 && processes.every((one) => one.state === 'RUNNING' || one.state === 'FATAL')
  })
  const processes = (await master.call('status', {}))[0]?.processes ?? []
  assert.ok(processes.some((one) => one.state === 'RUNNING'))
  for (const one of processes.filter((p) => p.state === 'FATAL')) assert.match(String(one.reason), /EMFILE/)
  assert.ok(lives(master.pid))
})
