// Faults of what is around the master: clocks, terminals, folders that go away.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { answering, quick, startDaemon, startMaster } from '../helpers/master.ts'
import { descriptorsOf, lives } from '../helpers/proc.ts'
import { PHD, runPhctl, runPhd } from '../helpers/programs.ts'
import { sceneOf, until } from '../helpers/scene.ts'

/** Where Debian puts it, on any machine. */
const LIBFAKETIME = readdirSync('/usr/lib')
  .map((folder) => `/usr/lib/${folder}/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path))

const web = `${quick}[web]\ncommand = sleep 600\n`

test('row 87: wall clock that runs 1000 times faster: nothing is killed, nothing waits less', {
  skip: LIBFAKETIME ? false : 'needs libfaketime',
}, async (t) => {
  const master = await startMaster(
    t,
    // The processes themselves keep the true clock: sleep would end a thousand times sooner.
    `[DEFAULT]\nenv_clear = true\nenv.PATH = /usr/bin:/bin\n${quick.replace('[DEFAULT]\n', '')}[bad]\ncommand = false\nbackoff_initial = 30\nstart_retries = -1\n[web]\ncommand = sleep 600\n`,
    {
      // Not by the program faketime: that one stands between us and the master, and passes no signal on.
      env: {
        LD_PRELOAD: LIBFAKETIME ?? '',
        FAKETIME: '+0 x1000',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      },
    },
  )
  await master.state('web:0', 'RUNNING')
  await until('the long wait', async () => (await master.process('bad:0')).nextAttemptAt)
  const from = master.log.length
  await new Promise((resolve) => setTimeout(resolve, 1000))
  assert.deepEqual(
    master.log.slice(from).filter((line) => line.msg === 'state'),
    [],
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
  assert.equal(await ended, 0)
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
  assert.equal(await ended, 0)
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
