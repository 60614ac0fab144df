// Sockets that the master keeps for its programs: which, with what mode, given how, for how long.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, fstatSync, statSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { nextMaster } from '../helpers/adoption.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { descriptorsOf } from '../helpers/proc.ts'
import { PHD } from '../helpers/programs.ts'
import { fixture, missing, sceneOf, until, within } from '../helpers/scene.ts'
import { freePort, get, load } from '../helpers/web.ts'

const SERVES = `command = node ${fixture('serves.js')}\n`
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))

/** Is the connection refused? */
const isRefused = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port })
    socket.on('error', () => resolve(true))
    socket.on('connect', () => {
      socket.destroy()
      resolve(false)
    })
  })

test('TCP and Unix sockets, several for a program: each process has them all, and nothing else', async (t) => {
  const [one, two, six] = [await freePort(), await freePort(), await freePort()]
  const v6 = hasIpv6 ? `, [::1]:${six}` : ''
  const master = await startMaster(
    t,
    `${quick}[web]\n${SERVES}number_workers = 2\nbind = 127.0.0.1:${one}, :${two}${v6}\nunix_socket = web.sock\nunix_socket_mode = 0660\n`,
  )
  const names = `tcp-${one}:tcp-${two}:${hasIpv6 ? `tcp-${six}:` : ''}unix-${master.scene.path('web.sock').replaceAll(':', '_')}`
  for (const place of [
    { port: one },
    { port: two },
    ...(hasIpv6
      ? [
          { port: two, host: '::1' },
          { port: six, host: '::1' },
        ]
      : []),
    { socketPath: master.scene.path('web.sock') },
  ]) {
    assert.match(await get(place), new RegExp(`^web:[01] \\d+ ${names} $`))
  }
  assert.equal(statSync(master.scene.path('web.sock')).mode & 0o777, 0o660)
  // Both of them answer.
  const seen = new Set<string>()
  await until('both', async () => seen.add((await get({ port: one })).split(' ')[0] ?? '').size === 2)
  const { pid } = await master.process('web:0')
  const inherited = [...descriptorsOf(pid ?? 0).values()].filter((target) => target.startsWith('socket:'))
  assert.equal(new Set(inherited).size, hasIpv6 ? 4 : 3)
  const [shown] = await master.call('show', { target: 'web' })
  assert.equal(shown?.listeners[0], `127.0.0.1:${one}`)
  assert.equal(shown?.environment.LISTEN_FDS, String(hasIpv6 ? 4 : 3))
  await master.stop()
  assert.equal(existsSync(master.scene.path('web.sock')), false)
  assert.ok(await isRefused(one))
})

test('who connects while no process lives waits, and is answered by the next one', async (t) => {
  const port = await freePort()
  const master = await startMaster(t, `${quick}[web]\n${SERVES}bind = 127.0.0.1:${port}\nautostart = false\n`)
  const early = get({ port })
  await master.call('start', { target: 'web' })
  assert.match(await within('the answer', early), /^web:0 /)
  await master.call('stop', { target: 'web' })
  const late = get({ port })
  await master.call('start', { target: 'web' })
  assert.match(await within('the answer', late), /^web:0 /)
})

test('a changed bind touches that listener alone: nobody of the other is refused, and a dropped one is closed', async (t) => {
  const [stays, goes, comes] = [await freePort(), await freePort(), await freePort()]
  const ini = (ports: readonly number[]): string =>
    `${quick}[web]\n${SERVES}bind = ${ports.map((port) => `127.0.0.1:${port}`).join(', ')}\n`
  const master = await startMaster(t, ini([stays, goes]))
  await get({ port: goes })
  const asking = load({ port: stays }, 4)
  master.scene.write('config.ini', ini([stays, comes]))
  const { diff } = await master.call('update', {})
  assert.deepEqual(diff.changed, [{ program: 'web', keys: ['bind'], effect: 'listener' }])
  assert.match(await get({ port: comes }), new RegExp(`tcp-${comes}`))
  await until('more answers', () => asking.answered > 50)
  await asking.end()
  assert.deepEqual(asking.failures, [])
  assert.ok(await isRefused(goes))
  // Another program takes the address over.
  master.scene.write('config.ini', ini([stays, comes]).replace('[web]', '[other]'))
  const renaming = load({ port: stays }, 4)
  await master.call('update', {})
  await renaming.end()
  assert.deepEqual(renaming.failures, [])
  assert.match(await get({ port: stays }), /^other:0 /)
})

test('an address that another program has: the start says so, and comes about when it is free', async (t) => {
  const scene = sceneOf(t)
  const other = createServer()
  const port = await new Promise<number>((resolve) => {
    other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port))
  })
  t.after(() => other.close())
  const served = createServer().listen(scene.path('taken.sock'))
  t.after(() => served.close())
  scene.write('file.sock', 'no socket')
  const master = await startMaster(
    t,
    `${quick}backoff_max = 200ms\nstart_retries = -1\n[tcp]\n${SERVES}bind = 127.0.0.1:${port}\n[unix]\n${SERVES}unix_socket = taken.sock\n[file]\n${SERVES}unix_socket = file.sock\n`,
  )
  const reason = async (name: string) => (await master.process(name)).reason ?? ''
  await until(
    'the reasons',
    async () => (await reason('tcp:0')) && (await reason('unix:0')) && (await reason('file:0')),
  )
  assert.match(
    await reason('tcp:0'),
    new RegExp(`EADDRINUSE: cannot listen on 127.0.0.1:${port}: another program does`),
  )
  assert.match(await reason('unix:0'), /EADDRINUSE: cannot listen on .*taken\.sock: another program does/)
  assert.match(
    await reason('file:0'),
    /EEXIST: cannot listen on .*file\.sock: something else than a socket stands there/,
  )
  assert.equal(scene.read('file.sock'), 'no socket')
  other.close()
  await master.call('wait', { target: 'tcp', state: 'RUNNING' })
  assert.match(await get({ port }), /^tcp:0 /)
})

test('a stale Unix socket is replaced', async (t) => {
  const scene = sceneOf(t)
  const ini = `${quick}[web]\n${SERVES}unix_socket = web.sock\n`
  const first = await startMaster(t, ini)
  await get({ socketPath: scene.path('web.sock') })
  const { pid } = await first.process('web:0')
  await first.murder()
  process.kill(pid ?? 0, 'SIGKILL')
  assert.ok(existsSync(scene.path('web.sock')))
  await nextMaster(t, ini)
  assert.match(await get({ socketPath: scene.path('web.sock') }), /^web:0 /)
})

test('reuseport: each slot has a queue of its own, and a slot that leaves loses none of it', {
  skip: missing('python3'),
}, async (t) => {
  const port = await freePort()
  // One connection after the other: whoever comes meanwhile waits in the queue of the slot.
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = python3 ${fixture('serves.py')}\nnumber_workers = 4\nbind = 127.0.0.1:${port}\nbalance = reuseport\nenv.PAUSE = 0.005\nstart_seconds = 500ms\n`,
  )
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const seen = new Set<string>()
  await until('all of them', async () => seen.add(await get({ port })).size === 4)
  const asking = load({ port }, 16)
  for (const workers of [2, 5, 1, 4, 1]) {
    await master.call('scale', { program: 'web', workers })
    const before = asking.answered
    await until('more answers', () => asking.answered > before + 100)
  }
  await asking.end()
  assert.deepEqual(asking.failures, [])
})

test('systemd may have opened a socket for phd: it is the one that the programs get, and no other listens there', async (t) => {
  const scene = sceneOf(t)
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  const inode = fstatSync(fd).ino
  const config = scene.write('config.ini', `${quick}[web]\n${SERVES}bind = 127.0.0.1:${port}\n`)
  const told = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
  const phd = spawn('sh', ['-c', told, 'sh', process.execPath, PHD, '-n', '-c', config], {
    stdio: ['ignore', 'ignore', 'inherit', fd],
  })
  const over = once(phd, 'exit')
  server.close()
  scene.after(async () => {
    phd.kill('SIGTERM')
    assert.deepEqual(await over, [0, null])
  })
  assert.match(await get({ port }), /^web:0 /)
  assert.equal([...descriptorsOf(phd.pid ?? 0).values()].filter((link) => link === `socket:[${inode}]`).length, 1)
})
