// Faults of processes: killed, frozen, deaf, leaking, dying at once, dying all together.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants, readFileSync, unlinkSync } from 'node:fs'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { childrenOf, cpuMs, lives, stateOf, zombiesOf } from '../helpers/proc.ts'
import { fixture, missing, sceneOf, until } from '../helpers/scene.ts'

test('row 9: kill -9 worker: reaped, the signal reported, siblings untouched', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const [one, two] = (await master.call('status', {}))[0]?.processes ?? []
  const from = master.log.length
  process.kill(one?.pid ?? 0, 'SIGKILL')
  const ended = await master.state('web:0', 'BACKOFF', from)
  assert.deepEqual([ended.exit, ended.reason], ['SIGKILL', 'killed by SIGKILL'])
  await master.state('web:0', 'RUNNING', from)
  assert.equal(stateOf(one?.pid ?? 0), null, 'reaped')
  assert.equal((await master.process('web:1')).pid, two?.pid)
})

test('row 11: SIGSTOP worker: stop sends TERM and CONT; a deaf one is killed while it is stopped', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sleep 600\n[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 300ms\n`,
  )
  await until('the trap', () => master.lines('deaf.log').length > 0)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const pids = (await master.call('status', {})).map((p) => p.processes[0]?.pid ?? 0)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  await until('both frozen', () => pids.every((pid) => stateOf(pid) === 'T'))
  const { ok } = await master.call('stop', { target: 'all' })
  assert.ok(ok)
  assert.equal((await master.process('web:0')).exit?.signal, 'SIGTERM')
  assert.deepEqual(
    (({ signal, forced }) => ({ signal, forced }))(
      (await master.process('deaf:0')).exit ?? { signal: '', forced: false },
    ),
    { signal: 'SIGKILL', forced: true },
  )
})

test('row 11: SIGSTOP worker with a heartbeat: SIGABRT, SIGKILL, a successor', async (t) => {
  const scene = sceneOf(t)
  scene.write(
    'job.mjs',
    "import { SyncWorker } from 'processhandler/worker'\nexport default class J extends SyncWorker {\n  handleRequest() {\n    return new Promise((done) => setTimeout(done, 10))\n  }\n}\n",
  )
  const master = await startMaster(t, '[job]\nworker = job.mjs\nworker_timeout = 600ms\ngraceful_timeout = 300ms\n')
  const { pid } = await master.state('job:0', 'RUNNING')
  const from = master.log.length
  process.kill(pid ?? 0, 'SIGSTOP')
  await master.state('job:0', 'STOPPING', from)
  await master.state('job:0', 'RUNNING', from)
  assert.ok(!lives(pid ?? 0))
})

test('row 12: SIGSTOP master, then CONT: no mass "timeout" kill', async (t) => {
  const scene = sceneOf(t)
  scene.write(
    'job.mjs',
    "import { SyncWorker } from 'processhandler/worker'\nexport default class J extends SyncWorker {\n  handleRequest() {\n    return new Promise((done) => setTimeout(done, 10))\n  }\n}\n",
  )
  const master = await startMaster(t, '[job]\nworker = job.mjs\nnumber_workers = 4\nworker_timeout = 1\n')
  await master.call('wait', { target: 'job', state: 'RUNNING' })
  const pids = (await master.call('status', {}))[0]?.processes.map((p) => p.pid)
  const from = master.log.length
  process.kill(master.pid, 'SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 3000)) // the fault itself: three timeouts long
  process.kill(master.pid, 'SIGCONT')
  // Longer than the timeout: who was to be killed would be dead now.
  const before = (await master.process('job:0')).requests ?? 0
  await until('two seconds of work', async () => ((await master.process('job:0')).requests ?? 0) > before + 150)
  assert.deepEqual(
    (await master.call('status', {}))[0]?.processes.map((p) => p.pid),
    pids,
  )
  assert.deepEqual(
    master.log.slice(from).filter((line) => line.msg === 'state'),
    [],
  )
})

test('row 13: worker ignores SIGTERM: KILL after the grace, to the whole group, reported as forced', async (t) => {
  const scene = sceneOf(t)
  scene.write(
    'deaf-family.sh',
    `trap '' TERM\nsh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' &\necho $$\nwhile :; do sleep 1; done\n`,
  )
  const master = await startMaster(t, `${quick}[deaf]\ncommand = sh deaf-family.sh\ngraceful_timeout = 400ms\n`)
  const pids = await until('both', () => {
    const lines = master.lines('deaf.log').map(Number)
    return lines.length === 2 && lines
  })
  const begun = performance.now()
  const { ok } = await master.call('stop', { target: 'deaf' })
  assert.ok(ok)
  assert.ok(performance.now() - begun >= 395)
  assert.deepEqual(pids.map(lives), [false, false], 'STOPPED means that none is left')
  assert.equal((await master.process('deaf:0')).exit?.forced, true)
})

test('row 16: worker exits, grandchild lives: the exit is seen at once, the leftover goes before the respawn', async (t) => {
  const scene = sceneOf(t)
  const master = await startMaster(
    t,
    `${quick}[leaky]\ncommand = sh ${fixture('leaks-child.sh')} ${scene.path('child.pid')} soft\nstart_retries = -1\nbackoff_initial = 10ms\n`,
  )
  await master.state('leaky:0', 'BACKOFF')
  const child = Number(scene.lines('child.pid')[0])
  await master.logged('the respawn', (line) => line.from === 'BACKOFF' && line.to === 'STARTING')
  assert.ok(!lives(child))
})

test('row 17: grandchild keeps stdout open: nothing waits for it, and later output still lands', async (t) => {
  const scene = sceneOf(t)
  const master = await startMaster(
    t,
    `${quick}[holder]\ncommand = ${process.execPath} ${fixture('holds-stdout.js')} ${scene.path('held')}\nautorestart = never\n`,
  )
  await master.state('holder:0', 'EXITED')
  await until('its word', () => master.lines('holder.log').length === 1)
  assert.deepEqual(master.lines('holder.log'), ['before'])
  assert.ok(((await master.process('holder:0')).leftovers ?? 0) > 0, 'it is known, though it left the group')
  unlinkSync(scene.path('held'))
  await until('the later output', () => master.lines('holder.log').includes('from the grandchild'))
  await until('its end', async () => (await master.process('holder:0')).leftovers === null)
  const started = await master.call('start', { target: 'holder', wait: false })
  assert.ok(started.ok, 'a new instance is not held up')
  await master.state('holder:0', 'EXITED', master.log.length)
})

test('row 19: worker exits 0 in 1 ms, always: backoff, then FATAL; no busy loop', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[true]\ncommand = true\nstart_seconds = 10\nstart_retries = 4\nbackoff_initial = 20ms\n`,
  )
  const fatal = await master.state('true:0', 'FATAL')
  assert.match(String(fatal.reason), /exit 0; 5 starts in a row failed/)
  const from = master.log.length
  const spent = cpuMs(master.pid)
  await new Promise((resolve) => setTimeout(resolve, 500)) // a time of which nothing may be used
  assert.ok(cpuMs(master.pid) - spent <= 50, `${cpuMs(master.pid) - spent} ms of 500`)
  assert.equal(master.log.length, from)
})

test('row 20: 1000 simultaneous deaths: all reaped, none missed, the socket answers', {
  skip: missing('cc'),
}, async (t) => {
  const scene = sceneOf(t)
  // The least a process can be: what is measured is the master, not the loader of a thousand programs.
  execFileSync('cc', ['-O1', '-static', '-o', scene.path('waits'), fixture('waits.c')])
  const master = await startMaster(t, `${quick}[web]\ncommand = ./waits\nnumber_workers = 1000\nlog_file = none\n`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const pids = (await master.call('status', {}))[0]?.processes.map((p) => p.pid ?? 0) ?? []
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  let longest = 0
  const timed = async <T>(ask: () => Promise<T>): Promise<T> => {
    const begun = performance.now()
    const answer = await ask()
    longest = Math.max(longest, performance.now() - begun)
    return answer
  }
  let looked = 0
  await until('all of them back', async () => {
    await timed(() => master.call('ping', {}))
    if (performance.now() - looked < 300) return false
    const [web] = await timed(() => master.call('status', {}))
    looked = performance.now()
    return web?.processes.every((p) => p.state === 'RUNNING' && p.restarts === 1 && !pids.includes(p.pid ?? 0))
  })
  assert.ok(longest < 1_000, `an answer took ${longest} ms`)
  assert.deepEqual(zombiesOf(master.pid), [])
  assert.equal(childrenOf(master.pid).length, 1000)
})

test('row 21: zombies made by a child of a worker do not accumulate', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[litter]\ncommand = ${process.execPath} ${fixture('makes-zombies.js')} 30 ${sceneOf(t).path('made')}\n`,
  )
  await until('the litter', () => master.scene.lines('made').length > 0)
  await until('nobody but the one child', () => {
    const children = childrenOf(master.pid)
    return children.length === 1 && zombiesOf(master.pid).length === 0
  })
})

test('row 22: a pid that is gone is never signalled: a stop right after a death hits nobody', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sleep 600\nbackoff_initial = 5\n[other]\ncommand = sleep 600\n`,
  )
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const pid = (await master.process('web:0')).pid ?? 0
  const from = master.log.length
  process.kill(pid, 'SIGKILL')
  await master.state('web:0', 'BACKOFF', from)
  const { results } = await master.call('stop', { target: 'web' })
  assert.deepEqual([results[0]?.ok, results[0]?.state], [true, 'STOPPED'])
  await assert.rejects(master.call('signal', { target: 'web', signal: 'KILL' }), /no process runs there/)
  assert.equal((await master.process('other:0')).state, 'RUNNING')
})

test('row 25: worker closes its stdout and stderr: still supervised', async (t) => {
  const master = await startMaster(t, `${quick}[mute]\ncommand = sh -c 'echo first; exec >&- 2>&-; exec sleep 600'\n`)
  const { pid } = await master.state('mute:0', 'RUNNING')
  await until('its line', () => master.lines('mute.log').length === 1)
  process.kill(pid ?? 0, 'SIGKILL')
  await until('its successor', async () => {
    const mute = await master.process('mute:0')
    return mute.state === 'RUNNING' && mute.pid !== pid
  })
})

test('row 26: worker makes its stdout O_NONBLOCK: others are not affected', async (t) => {
  const scene = sceneOf(t)
  scene.write(
    'nonblock.js',
    "process.stdout._handle?.setBlocking?.(false)\nconsole.log('nonblocking')\nsetInterval(() => {}, 1000)\n",
  )
  const script = `[ %(slot)s = 0 ] && exec ${process.execPath} nonblock.js; exec sh ${fixture('chatty.sh')} sync 20000`
  const master = await startMaster(t, `${quick}[both]\ncommand = sh -c '${script}'\nnumber_workers = 2\n`)
  await until('all', () => {
    const lines = master.lines('both.log')
    return lines.includes('nonblocking') && lines.filter((line) => line.startsWith('sync ')).length === 20_000
  })
  const nonblocking = async (name: string): Promise<boolean> => {
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${(await master.process(name)).pid}/fdinfo/1`, 'utf8'))
    return (Number.parseInt(flags?.[1] ?? '', 8) & constants.O_NONBLOCK) !== 0
  }
  assert.deepEqual([await nonblocking('both:0'), await nonblocking('both:1')], [true, false])
})

test('row 27: worker kills its process group: the master in another session survives', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[wild]\ncommand = sh ${fixture('kills-its-group.sh')}\nstart_seconds = 10\nstart_retries = 1\n[web]\ncommand = sleep 600\n`,
  )
  const fatal = await master.state('wild:0', 'FATAL')
  assert.match(String(fatal.reason), /killed by SIGKILL/)
  assert.equal(await master.call('ping', {}), 'pong')
  assert.equal((await master.call('wait', { target: 'web', state: 'RUNNING' })).ok, true)
})
