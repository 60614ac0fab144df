// Faults of the lock, the socket and the files beside them: two masters, stale files, links, modes.

import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { childrenOf, descriptorsOf } from '../helpers/proc.ts'
import { runPhd } from '../helpers/programs.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { missing, needsRoot, sceneOf, until } from '../helpers/scene.ts'

const web = `${quick}[web]\ncommand = sleep 600\n`

test('row 57: stale socket after kill -9: taken over; a live one is not unlinked', async (t) => {
  const first = await startMaster(t, web)
  await first.state('web:0', 'RUNNING')
  await first.murder()
  assert.ok(existsSync(first.socket))
  const second = await startMaster(t, web)
  assert.equal((await second.call('info', {})).pid, second.pid)
  const inode = lstatSync(second.socket).ino
  const third = await runPhd(['-c', second.scene.path('config.ini')])
  assert.equal(third.code, 75)
  assert.equal(lstatSync(second.socket).ino, inode)
  assert.equal(await second.call('ping', {}), 'pong')
})

test("row 58: stale pidfile, pid reused: ignored, the foreigner lives; another's pidfile is not removed", async (t) => {
  const scene = sceneOf(t)
  scene.write('master.pid', `${process.pid}\n`)
  const master = await startMaster(t, web)
  assert.equal(scene.read('master.pid'), `${master.pid}\n`)
  scene.write('master.pid', `${process.pid}\n`)
  await master.stop()
  assert.equal(scene.read('master.pid'), `${process.pid}\n`)
})

test('row 59: 50 masters started at once: exactly one wins, the others exit 75 and name it, touching nothing', async (t) => {
  const scene = sceneOf(t)
  // What an earlier master left behind must not be named as the winner.
  const earlier = await startMaster(t, web)
  await earlier.murder()
  const file = scene.path('config.ini')
  const candidates = Array.from({ length: 50 }, () => runPhd(['-n', '-c', file]))
  const ended: Awaited<(typeof candidates)[number]>[] = []
  for (const one of candidates) void one.then((ran) => ended.push(ran))
  await until('49 losers', () => ended.length >= 49, 60_000)
  assert.equal(ended.length, 49, 'one wins')
  const winner = Number(scene.read('master.pid'))
  const client = await rawSocket(scene.path('phd.sock'))
  assert.equal(((await client.call('info')).result as { pid: number }).pid, winner)
  for (const { code, stderr } of ended) {
    assert.equal(code, 75)
    assert.ok(stderr.includes(`pid ${winner} `) && stderr.includes(file), stderr)
  }
  process.kill(winner, 'SIGTERM')
  await Promise.all(candidates)
})

test('row 60: lock or pid file deleted while running: a second start is still refused', async (t) => {
  const master = await startMaster(t, web)
  await master.state('web:0', 'RUNNING')
  const { scene } = master
  const config = scene.path('config.ini')
  rmSync(scene.path('master.pid'))
  assert.equal((await runPhd(['-c', config])).code, 75)
  for (let n = 0; n < 2; n++) {
    rmSync(scene.path('.phd/state/lock'))
    const ran = await runPhd(['-c', config])
    assert.equal(ran.code, 75, ran.stderr)
    assert.match(ran.stderr, /another master answers on .*phd\.sock/)
  }
  rmSync(scene.path('.phd'), { recursive: true })
  assert.equal((await runPhd(['-c', config])).code, 75, 'also with all of run_path gone')
  assert.equal(await master.call('ping', {}), 'pong')
})

test('row 60: run_path deleted while running: processes come and go, the master lives', async (t) => {
  const master = await startMaster(t, web)
  const { pid } = await master.state('web:0', 'RUNNING')
  rmSync(master.scene.path('.phd'), { recursive: true })
  const from = master.log.length
  process.kill(pid ?? 0, 'SIGKILL')
  await master.logged('what became of it', (line) => line.name === 'web:0' && line.from === 'STARTING', from)
  assert.equal(await master.call('ping', {}), 'pong')
})

test('row 62: an old master closes after a new one has bound: the new socket and pidfile stay', async (t) => {
  const scene = sceneOf(t)
  const first = await startMaster(t, `[master]\nlog_file = first.log\n${web}log_file = none\n`)
  const remove = (): void => {
    for (const file of ['.phd/state/lock', 'phd.sock']) rmSync(scene.path(file))
  }
  remove()
  await until('its socket again', () => existsSync(first.socket))
  const config = scene.write('config.ini', `[master]\nlog_file = second.log\n${web}log_file = none\n`)
  assert.equal((await runPhd(['-n', '-c', config])).code, 75, 'it answers there, whoever holds the lock')
  // One that cannot notice, and cannot answer either.
  first.kill('SIGSTOP')
  remove()
  const second = await startMaster(t, `[master]\nlog_file = second.log\n${web}log_file = none\n`)
  first.kill('SIGCONT')
  await first.logged('that it sees', (line) => line.msg.endsWith('left alone'))
  await first.stop()
  assert.equal((await second.call('info', {})).pid, second.pid)
  assert.equal(scene.read('master.pid'), `${second.pid}\n`)
})

test('row 63: socket path of 108 bytes: a start-up error that says so', async (t) => {
  const scene = sceneOf(t)
  const name = 'x'.repeat(108 - scene.dir.length - 1)
  const file = scene.write('config.ini', `[master]\nsocket = ${name}\n${web}`)
  const ran = await runPhd(['-c', file])
  assert.equal(ran.code, 78)
  assert.match(ran.stderr, /config\.ini:2: \[master\] socket: cannot be longer than 107 bytes: .* has 108/)
  const just = await startMaster(t, `[master]\nsocket = ${name.slice(1)}\n${web}`)
  assert.equal(await just.call('ping', {}), 'pong')
})

test('row 64: a file or a link at the socket, the pidfile, the lock or the pipes: refused or replaced, never followed', async (t) => {
  const scene = sceneOf(t)
  const victim = scene.write('victim', 'untouched\n')
  const config = scene.write('config.ini', web)
  const refused = async (words: RegExp): Promise<void> => {
    const ran = await runPhd(['-n', '-c', config])
    assert.equal(ran.code, 1, ran.stderr)
    assert.match(ran.stderr, words)
    assert.ok(!/internal error/.test(ran.stderr), ran.stderr)
  }
  scene.write('phd.sock', 'a file')
  await refused(/cannot listen on .*phd\.sock: something else than a socket stands there/)
  assert.equal(scene.read('phd.sock'), 'a file')
  rmSync(scene.path('phd.sock'))
  symlinkSync(victim, scene.path('phd.sock'))
  await refused(/cannot listen on .*phd\.sock/)
  rmSync(scene.path('phd.sock'))
  rmSync(scene.path('.phd'), { recursive: true })

  mkdirSync(scene.path('.phd/state'), { recursive: true })
  symlinkSync(victim, scene.path('.phd/state/lock'))
  await refused(/cannot use the lock .*\.phd\/state\/lock: it is a symbolic link/)
  rmSync(scene.path('.phd/state/lock'))

  mkdirSync(scene.path('elsewhere'))
  writeFileSync(scene.path('elsewhere/precious'), 'kept\n')
  rmSync(scene.path('.phd/io'), { recursive: true, force: true })
  symlinkSync(scene.path('elsewhere'), scene.path('.phd/io'))
  await refused(/cannot use the folder .*\.phd\/io: it is a symbolic link/)
  assert.deepEqual(readdirSync(scene.path('elsewhere')), ['precious'])
  rmSync(scene.path('.phd'), { recursive: true })

  symlinkSync(victim, scene.path('master.pid'))
  const master = await startMaster(t, web)
  assert.ok(lstatSync(scene.path('master.pid')).isFile(), 'replaced by a rename')
  assert.equal(scene.read('master.pid'), `${master.pid}\n`)
  assert.deepEqual(scene.lines('victim'), ['untouched'])
})

test("row 64: a run_path that is another user's: refused", { skip: needsRoot || missing('setpriv') }, async (t) => {
  const scene = sceneOf(t)
  mkdirSync(scene.path('.phd'), { mode: 0o777 })
  chmodSync(scene.dir, 0o777)
  chmodSync(scene.path('.phd'), 0o777)
  chownSync(scene.path('.phd'), 12_345, 12_345)
  const config = scene.write('config.ini', web)
  const ran = await runPhd(['-n', '-c', config], {
    wrap: ['setpriv', '--reuid', '23456', '--regid', '23456', '--clear-groups'],
  })
  if (/EACCES|permission denied/i.test(ran.stderr) && ran.code !== 1)
    return t.skip('the tests may not be read by others')
  assert.equal(ran.code, 1, ran.stderr)
  assert.match(ran.stderr, /cannot use the folder .*\.phd: it belongs to uid 12345/)
})

for (const umask of ['000', '077', '777']) {
  test(`row 67: umask ${umask} inherited: socket 0600, logs 0640, pidfile 0644, run_path 0711, all the same`, async (t) => {
    const master = await startMaster(t, web, { wrap: ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh'] })
    await master.state('web:0', 'RUNNING')
    const mode = (file: string): string => (statSync(master.scene.path(file)).mode & 0o777).toString(8)
    assert.deepEqual(
      ['phd.sock', 'web.log', 'phd.log', 'master.pid', '.phd', '.phd/state', '.phd/state/lock', '.phd/w.sock'].map(
        mode,
      ),
      ['600', '640', '640', '644', '711', '700', '600', '600'],
    )
  })
}

test('row 68: fd leak check: a process has 0, 1 and 2, whatever the master holds', async (t) => {
  const scene = sceneOf(t)
  // A descriptor of the shell that starts the master must not leak either.
  const master = await startMaster(
    t,
    `${quick}stderr_log_file = err.log\n[web]\ncommand = sleep 600\nnumber_workers = 3\n`,
    {
      wrap: ['sh', '-c', `exec 7<"$0"; exec "$@"`, scene.write('open', '')],
    },
  )
  const clients = await Promise.all([1, 2, 3].map(() => rawSocket(master.socket)))
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  await master.call('restart', { target: 'web' })
  for (const { pid } of (await master.call('status', {}))[0]?.processes ?? []) {
    assert.deepEqual([...descriptorsOf(pid ?? 0).keys()], [0, 1, 2])
  }
  for (const client of clients) client.socket.destroy()
})

test('row 68: the master itself leaks none: 100 deaths and 100 clients later it has as many as before', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\nnumber_workers = 10\n`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  await master.call('restart', { target: 'web' })
  const before = descriptorsOf(master.pid).size
  for (let round = 0; round < 10; round++) {
    const clients = await Promise.all(Array.from({ length: 10 }, () => rawSocket(master.socket)))
    await master.call('restart', { target: 'web' })
    for (const client of clients) client.socket.destroy()
  }
  await until('as many as before', () => descriptorsOf(master.pid).size <= before)
  assert.equal(readdirSync(master.scene.path('.phd/io')).length, 10, 'a pipe for each process that runs')
  assert.equal(childrenOf(master.pid).length, 10)
  assert.ok(readFileSync(master.scene.path('.phd/state/lock'), 'utf8').includes(String(master.pid)))
})
