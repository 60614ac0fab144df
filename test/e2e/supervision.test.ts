// What becomes of processes that end, fail, cannot be started or will not go.

import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import {
  commandOf,
  descriptorsOf,
  environmentOf,
  groupOf,
  lives,
  parentOf,
  sessionOf,
  statusField,
} from '../helpers/proc.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

test('a process that is killed is replaced at once; the exit is told, its siblings are untouched', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\nnumber_workers = 3\n`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const before = (await master.call('status', {}))[0]?.processes ?? []
  const from = master.log.length
  process.kill(before[1]?.pid ?? 0, 'SIGKILL')
  await master.state('web:1', 'RUNNING', from)
  const after = (await master.call('status', {}))[0]?.processes ?? []
  assert.deepEqual([after[0]?.pid, after[2]?.pid], [before[0]?.pid, before[2]?.pid])
  assert.notEqual(after[1]?.pid, before[1]?.pid)
  const { code, signal, expected, forced, oom } = after[1]?.exit ?? {}
  assert.deepEqual(
    { code, signal, expected, forced, oom },
    { code: null, signal: 'SIGKILL', expected: false, forced: false, oom: null },
  )
  assert.deepEqual([after[0]?.restarts, after[1]?.restarts], [0, 1])
})

test('an exit code is told; each further short run in a row waits longer', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[job]\ncommand = sh -c "sleep 0.1; exit 7"\nbackoff_initial = 200ms\nbackoff_max = 400ms\n`,
  )
  // Ran for start_seconds each time: not a failed start, so never FATAL; but a short run.
  for (let from = 0, n = 0; n < 4; n++) {
    await master.state('job:0', 'BACKOFF', from)
    from = master.log.length
  }
  const ended = master.log.filter((line) => line.to === 'BACKOFF').map((line) => Date.parse(line.time))
  const begun = master.log.filter((line) => line.from === 'BACKOFF').map((line) => Date.parse(line.time))
  const waits = begun.map((time, n) => time - (ended[n] ?? 0))
  assert.ok((waits[0] ?? 1e9) < 150, `the first restart is immediate: ${waits.join(' ')}`)
  assert.ok((waits[1] ?? 0) >= 195 && (waits[2] ?? 0) >= 395, `then 200 ms, 400 ms: ${waits.join(' ')}`)
  const job = await master.process('job:0')
  assert.equal(job.exit?.code, 7)
  assert.match(String(job.reason), /exit 7/)
})

test('a crash loop: BACKOFF with the number of tries, then FATAL with the reason, and no more', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[bad]\ncommand = sh ${fixture('crash-on-boot.sh')} 9\nstart_seconds = 10\nstart_retries = 2\nbackoff_initial = 10ms\n`,
  )
  const fatal = await master.state('bad:0', 'FATAL')
  assert.equal(fatal.reason, 'exit 9; 3 starts in a row failed')
  const starts = (): number => master.log.filter((line) => line.to === 'STARTING').length
  assert.equal(starts(), 3)
  const bad = await master.process('bad:0')
  assert.deepEqual([bad.state, bad.pid, bad.nextAttemptAt, bad.reason], ['FATAL', null, null, fatal.reason])
  const status = await master.phctl('status')
  assert.equal(status.code, 3)
  assert.match(status.stdout, /FATAL.*exit 9/)
  await until('its words', () => master.lines('bad.log').length === 3)
  assert.deepEqual(master.lines('bad.log'), Array(3).fill('cannot boot'))
  // A start by hand clears the counters and says how the first try ended.
  const again = await master.phctl('start', 'bad')
  assert.equal(again.code, 1)
  assert.match(again.stdout, /bad:0 +BACKOFF +exit 9; next try/)
})

test('autorestart never and on-failure', async (t) => {
  const script = (code: number): string => `command = sh -c "sleep 0.1; exit ${code}"\n`
  const master = await startMaster(
    t,
    `${quick}backoff_initial = 10ms
[never]\n${script(1)}autorestart = never
[expected]\n${script(4)}autorestart = on-failure\nexit_codes = 0, 4
[failed]\n${script(5)}autorestart = on-failure\nexit_codes = 0, 4
[at-once]\ncommand = true\nautorestart = on-failure\nstart_retries = 0\nstart_seconds = 10
`,
  )
  for (const name of ['never:0', 'expected:0', 'at-once:0']) await master.state(name, 'EXITED')
  await master.logged('failed:0 restarts', (line) => line.name === 'failed:0' && line.from === 'BACKOFF')
  const [never, expected, failed, atOnce] = (await master.call('status', {})).map((p) => p.processes[0])
  assert.deepEqual([never?.exit?.code, never?.exit?.expected], [1, false])
  assert.deepEqual([expected?.exit?.code, expected?.exit?.expected], [4, true])
  assert.deepEqual([failed?.exit?.code, failed?.exit?.expected], [5, false])
  assert.deepEqual([atOnce?.exit?.code, atOnce?.state], [0, 'EXITED'])
  assert.equal((await master.phctl('status', 'expected', 'at-once')).code, 0)
  assert.equal((await master.phctl('status', 'never')).code, 3)
})

test('what cannot be started says which of the many reasons it was', async (t) => {
  const scene = sceneOf(t)
  scene.write('not-executable', '#!/bin/sh\n', 0o644)
  scene.write('no-interpreter', '#!/no/such/interpreter\n', 0o755)
  scene.write('no-shebang', 'text\n', 0o755)
  scene.write('bad-elf', '\x7fELF and then nothing', 0o755)
  const master = await startMaster(
    t,
    `${quick}start_retries = 0
[no-file]\ncommand = ./gone
[no-program]\ncommand = no-such-program-anywhere
[not-executable]\ncommand = ./not-executable
[no-interpreter]\ncommand = ./no-interpreter
[no-shebang]\ncommand = ./no-shebang
[bad-elf]\ncommand = ./bad-elf
[folder]\ncommand = ./.phd
[no-directory]\ncommand = true\ndirectory = gone
[file-directory]\ncommand = true\ndirectory = no-shebang
`,
  )
  const reasons: Record<string, string> = {}
  for (const { program } of await master.call('status', {})) {
    reasons[program] = String((await master.state(`${program}:0`, 'FATAL')).reason).replaceAll(scene.dir, '.')
  }
  const first = (text: string | undefined): string => (text ?? '').replace('; the first start failed', '')
  assert.deepEqual(Object.fromEntries(Object.entries(reasons).map(([name, text]) => [name, first(text)])), {
    'no-file': 'ENOENT: ./gone does not exist',
    'no-program': 'ENOENT: no program "no-such-program-anywhere" in its PATH',
    'not-executable': 'EACCES: ./not-executable is not executable',
    'no-interpreter': 'ENOENT: ./no-interpreter the interpreter that it names does not exist',
    'no-shebang': 'ENOEXEC: ./no-shebang is no program this machine can run (no #! line?)',
    'bad-elf': 'ENOEXEC: ./bad-elf is no program this machine can run (no #! line?)',
    folder: 'EACCES: ./.phd is a folder',
    'no-directory': 'ENOENT: its directory ./gone does not exist',
    'file-directory': 'ENOTDIR: its directory ./no-shebang is no folder',
  })
  chmodSync(scene.path('not-executable'), 0o755)
  scene.write('not-executable', '#!/bin/sh\nexec sleep 600\n')
  assert.equal((await master.phctl('start', 'not-executable')).code, 0)
})

test('a deaf process gets SIGKILL when its grace is over, and the status says forced', async (t) => {
  const master = await startMaster(
    t,
    `${quick}graceful_timeout = 400ms\n[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\n`,
  )
  await until('its trap', () => master.lines('deaf.log').length > 0)
  const begun = performance.now()
  const stopped = await master.phctl('stop', 'deaf')
  assert.equal(stopped.code, 0, stopped.stderr)
  assert.ok(performance.now() - begun >= 395)
  const { state, exit } = await master.process('deaf:0')
  assert.deepEqual([state, exit?.signal, exit?.forced, exit?.expected], ['STOPPED', 'SIGKILL', true, true])
})

test('ten deaf processes take one grace, not ten', async (t) => {
  const master = await startMaster(
    t,
    `${quick}graceful_timeout = 1\n[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\nnumber_workers = 10\n`,
  )
  await until('their traps', () => master.lines('deaf.log').length === 10)
  const begun = performance.now()
  const { ok } = await master.call('stop', { target: 'all' })
  const took = performance.now() - begun
  assert.ok(ok)
  assert.ok(took >= 990 && took < 3000, `${took} ms`)
})

test('graceful_timeout = 0 kills at once', async (t) => {
  const master = await startMaster(
    t,
    `${quick}graceful_timeout = 0\n[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\n`,
  )
  await until('its trap', () => master.lines('deaf.log').length > 0)
  const begun = performance.now()
  await master.call('stop', { target: 'deaf' })
  assert.ok(performance.now() - begun < 800)
})

test('a stopped (SIGSTOP) process can be stopped', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n`)
  const { pid } = await master.state('web:0', 'RUNNING')
  process.kill(pid ?? 0, 'SIGSTOP')
  const { ok } = await master.call('stop', { target: 'web' })
  assert.ok(ok)
  assert.equal((await master.process('web:0')).exit?.signal, 'SIGTERM')
})

test('stop ends the whole group: what the process leaves behind gets the signal too, then SIGKILL', async (t) => {
  const scene = sceneOf(t)
  const command = (file: string, how: string): string =>
    `command = sh ${fixture('leaks-child.sh')} ${scene.path(file)} ${how} stay\n`
  const master = await startMaster(
    t,
    `${quick}graceful_timeout = 600ms\n[soft]\n${command('soft.pid', 'soft')}[hard]\n${command('hard.pid', 'deaf')}`,
  )
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const pids = await until('the children', () => {
    const read = ['soft.pid', 'hard.pid'].map((file) => Number(scene.lines(file)[0]))
    return read.every((pid) => pid > 0) && read
  })
  assert.ok(pids.every(lives))
  const soft = performance.now()
  await master.call('stop', { target: 'soft' })
  assert.ok(performance.now() - soft < 500, 'SIGTERM is enough for that one')
  assert.deepEqual(pids.map(lives), [false, true])
  const { ok } = await master.call('stop', { target: 'hard' })
  assert.ok(ok)
  assert.deepEqual(pids.map(lives), [false, false])
})

test('after an exit of its own the leftovers are ended before the slot starts anew', async (t) => {
  const scene = sceneOf(t)
  const master = await startMaster(
    t,
    `${quick}graceful_timeout = 500ms\nbackoff_initial = 10ms
[leaky]\ncommand = sh ${fixture('leaks-child.sh')} ${scene.path('child.pid')} deaf\nstart_retries = -1\n`,
  )
  const exit = await master.state('leaky:0', 'BACKOFF')
  const child = Number(scene.lines('child.pid')[0])
  assert.ok(lives(child), 'the exit is seen at once, while the child lives')
  assert.match(String(exit.reason), /exit 3/)
  const again = await master.logged('the next start', (line) => line.from === 'BACKOFF' && line.to === 'STARTING')
  assert.ok(!lives(child), 'gone before the slot starts anew')
  assert.ok(Date.parse(again.time) - Date.parse(exit.time) >= 490, 'a deaf one has its grace')
})

test('each child has a session of its own, an empty signal mask, default signals, 0 to 2, and its own environment', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\nenv.MINE = of slot %(slot)s
[clear]\ncommand = sleep 600\nenv_clear = true\nenv.PATH = /bin:/usr/bin\n`,
    {
      env: {
        NOTIFY_SOCKET: '/nowhere',
        WATCHDOG_USEC: '1',
        WATCHDOG_PID: '1',
        LISTEN_FDS: '3',
        LISTEN_PID: '1',
        LISTEN_FDNAMES: 'a',
        NODE_CHANNEL_FD: '',
        PHD_SECRET: 'of the master',
        KEPT: 'yes',
      },
    },
  )
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const pid = (await master.process('web:1')).pid ?? 0
  assert.equal(commandOf(pid), 'sleep 600')
  assert.equal(parentOf(pid), master.pid)
  assert.deepEqual([sessionOf(pid), groupOf(pid)], [pid, pid])
  assert.equal(BigInt(`0x${statusField(pid, 'SigBlk')}`), 0n)
  // 32 and 33 belong to the C library, whose posix_spawn leaves them ignored until a program's own start.
  assert.equal(BigInt(`0x${statusField(pid, 'SigIgn')}`) & ~(3n << 31n), 0n)
  const fds = descriptorsOf(pid)
  assert.deepEqual([...fds.keys()], [0, 1, 2])
  assert.equal(fds.get(0), '/dev/null')
  const { PATH: _path, HOME: _home, PHD_TOKEN: token, ...environment } = environmentOf(pid)
  assert.deepEqual(environment, {
    KEPT: 'yes',
    MINE: 'of slot 1',
    PHD_PROGRAM: 'web',
    PHD_NAME: 'web:1',
    PHD_SLOT: '1',
    PHD_SOCKET: master.socket,
    PHD_MASTER_PID: String(master.pid),
  })
  assert.match(token ?? '', /^[0-9a-f]{32}$/)
  const clear = environmentOf((await master.process('clear:0')).pid ?? 0)
  assert.deepEqual(Object.keys(clear).sort(), [
    'PATH',
    'PHD_MASTER_PID',
    'PHD_NAME',
    'PHD_PROGRAM',
    'PHD_SLOT',
    'PHD_SOCKET',
    'PHD_TOKEN',
  ])
})

test('stop_signal is what it says, to the process; with stop_group to all of its group at once', async (t) => {
  const script = (name: string): string =>
    `command = sh -c 'trap "echo ${name} got HUP; exit 0" HUP; sh -c "trap \\"echo child of ${name} got HUP; exit 0\\" HUP; echo child; while :; do sleep 0.05; done" & while :; do sleep 0.05; done'\nstop_signal = HUP\n`
  const master = await startMaster(t, `${quick}[one]\n${script('one')}[every]\n${script('every')}stop_group = true\n`)
  await until('the children', () => master.lines('one.log').length === 1 && master.lines('every.log').length === 1)
  await master.call('stop', { target: 'all' })
  // The shell also remarks that its sleep was hung up.
  const found = (file: string): string[] =>
    master
      .lines(file)
      .filter((line) => /child|got/.test(line))
      .sort()
  await until('their last words', () => found('every.log').length === 3 && found('one.log').length === 3)
  assert.deepEqual(found('every.log'), ['child', 'child of every got HUP', 'every got HUP'])
  assert.deepEqual(found('one.log'), ['child', 'child of one got HUP', 'one got HUP'])
})
