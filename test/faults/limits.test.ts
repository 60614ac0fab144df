// Faults of limits: no descriptors, no processes, no bytes, no time left for the master, at a start or while it runs.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { test } from 'node:test'
import { madeOn, nextMaster } from '../helpers/adoption.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { lives } from '../helpers/proc.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { fixture, missing, needsRoot, sceneOf, until } from '../helpers/scene.ts'

const skip = missing('prlimit')
const patient = 'start_retries = -1\nbackoff_initial = 50ms\nbackoff_max = 50ms\n'

/** Changes a limit of a process that runs. */
function limit(pid: number, what: string, wrap: readonly string[] = []): void {
  execFileSync('env', [...wrap, 'prlimit', `--pid=${pid}`, what])
}

/** An ordinary user whom nobody else is: what counts for it does not count for root. */
const asUser = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups']

test('row 33: EMFILE at spawn: said in words, the socket answers, and the next try has descriptors again', {
  skip,
}, async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n${patient}`, {
    wrap: ['prlimit', '--nofile=1024:1024'],
  })
  const { pid } = await master.state('web:0', 'RUNNING')
  assert.equal(await master.call('ping', {}), 'pong')
  limit(master.pid, '--nofile=10:1024') // what is open stays open, and nothing more can be
  const from = master.log.length
  process.kill(pid ?? 0, 'SIGKILL')
  const failed = await master.logged('EMFILE', (line) => line.reason?.startsWith('EMFILE') ?? false, from)
  assert.equal(failed.to, 'BACKOFF')
  assert.equal(await master.call('ping', {}), 'pong')
  limit(master.pid, '--nofile=1024:1024')
  await master.state('web:0', 'RUNNING', from)
})

test('row 34: EAGAIN at spawn (NPROC of an ordinary user): said in words, tried again, until there is room', {
  skip: skip || needsRoot,
}, async (t) => {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o777)
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n${patient}`, {
    wrap: asUser,
  })
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const pid = (await master.process('web:0')).pid ?? 0
  limit(master.pid, '--nproc=1:', asUser)
  const from = master.log.length
  process.kill(pid, 'SIGKILL')
  const failed = await master.logged('EAGAIN', (line) => line.reason?.startsWith('EAGAIN') ?? false, from)
  assert.deepEqual([failed.name, failed.to], ['web:0', 'BACKOFF'])
  assert.equal((await master.process('web:1')).state, 'RUNNING')
  limit(master.pid, '--nproc=1000:', asUser)
  await master.state('web:0', 'RUNNING', from)
})

test('row 76: EMFILE by clients: refused in words while processes keep their descriptors; afterwards all is as before', {
  skip,
}, async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n`, { wrap: ['prlimit', '--nofile=128:128'] })
  const { pid } = await master.state('web:0', 'RUNNING')
  const clients = await Promise.all(Array.from({ length: 200 }, () => rawSocket(master.socket)))
  const said = await Promise.all(
    clients.map((one) =>
      one.call('ping').then(
        ({ result, error }) => (result === 'pong' ? 'pong' : (error?.message ?? 'nothing')),
        () => 'closed',
      ),
    ),
  )
  const served = said.filter((one) => one === 'pong').length
  assert.ok(served >= 8 && served < 128, `${served} served`)
  assert.ok(
    said.some((one) => /^cannot take another client beside \d+: descriptors are running out$/.test(one)),
    JSON.stringify(said),
  )
  const from = master.log.length
  process.kill(pid ?? 0, 'SIGKILL')
  await master.state('web:0', 'RUNNING', from)
  assert.ok(
    master.log.slice(from).every((line) => !/EMFILE/.test(line.reason ?? '')),
    'a process has its descriptors',
  )
  for (const { socket } of clients) socket.destroy()
  await until('a free place', async () => {
    const one = await rawSocket(master.socket)
    const { result } = await one.call('ping').catch(() => ({ result: null }))
    one.socket.destroy()
    return result === 'pong'
  })
})

test('row 94: NPROC 10 for an ordinary user: some run, the others say EAGAIN, and nothing crashes', {
  skip: skip || needsRoot,
}, async (t) => {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o777)
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\nnumber_workers = 20\nstart_retries = 0\n`, {
    wrap: [...asUser, 'prlimit', '--nproc=10'],
  })
  const processes = await until('each has its end', async () => {
    const all = (await master.call('status', {}))[0]?.processes ?? []
    return all.length === 20 && all.every(({ state }) => state === 'RUNNING' || state === 'FATAL') && all
  })
  const fatal = processes.filter(({ state }) => state === 'FATAL')
  assert.ok(fatal.length > 0)
  for (const { reason } of fatal) assert.match(String(reason), /^EAGAIN/)
})

test('row 94: FSIZE 1M (SIGXFSZ): what does not fit is said, the master and its processes live', {
  skip,
}, async (t) => {
  const master = await startMaster(
    t,
    `${quick}[flood]\ncommand = sh ${fixture('floods.sh')}\nlog_max_size = 0\n[web]\ncommand = sleep 600\n`,
    { wrap: ['prlimit', '--fsize=1048576'] },
  )
  const said = await master.logged('the trouble', (line) => line.msg === 'cannot log')
  assert.match(String(said.err ?? said.error), /EFBIG/)
  assert.equal((await master.call('wait', { target: 'web', state: 'RUNNING' })).ok, true)
  assert.equal((await master.process('flood:0')).restarts, 0)
})

test('row 94: a limit of CPU time ends the master as kill -9 would: its processes live, the next one has them', {
  skip,
}, async (t) => {
  const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`
  const first = await startMaster(t, ini)
  await first.call('wait', { target: 'web', state: 'RUNNING' })
  const before = madeOn(first.scene)
  first.scene.mayLeave()
  limit(first.pid, '--cpu=1:1')
  const raw = await rawSocket(first.socket)
  raw.socket.resume()
  const busy = setInterval(() => {
    for (let n = 0; n < 200; n++) raw.send('{"jsonrpc":"2.0","id":1,"method":"status"}\n')
  }, 5)
  const { signal } = await first.ended.finally(() => clearInterval(busy))
  assert.ok(signal === 'SIGKILL' || signal === 'SIGXCPU', String(signal))
  await first.murder()
  assert.ok(before.every((one) => lives(one.pid)))
  const next = await nextMaster(t, ini)
  await next.call('wait', { target: 'web', state: 'RUNNING' })
  assert.deepEqual(madeOn(next.scene), before)
})
