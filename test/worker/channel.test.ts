// A worker whose master goes away and comes back.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { openChannel } from '../../src/worker/channel.ts'
import { masterOf } from './master.ts'

const BOOT = fileURLToPath(new URL('../../src/worker/boot.js', import.meta.url))

test('channel: without a master the worker works on, and tells the next one everything', async (t) => {
  const master = masterOf(t)
  const welcome = master.welcomeOf('slow-request.js', { maxRequests: 2, cfg: { request_ms: '40' } })
  const worker = master.spawn(welcome)
  await worker.happened('recycle')
  master.channel.close()
  const before = worker.logs().length
  await worker.logged('end', 10)
  assert.ok(worker.logs().length > before)

  master.happenings.length = 0
  master.listen()
  master.expect('secret', worker.pid, welcome)
  await worker.happened('recycle')
  const [ready, beat, recycle] = master.happenings
  assert.deepEqual([ready?.type, beat?.type, recycle?.type], ['ready', 'beat', 'recycle'])
  assert.ok((beat?.requests ?? 0) >= 10)

  worker.child.kill('SIGTERM')
  assert.equal((await worker.exited()).code, 0)
})

test('channel: without a master a worker can be stopped, and ends at once', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('slow-request.js', { cfg: { request_ms: '30' } }))
  await worker.happened('ready')
  master.channel.close()
  await worker.logged('end', 2)
  const told = performance.now()
  worker.child.kill('SIGTERM')
  assert.deepEqual(await worker.exited(), { code: 0, signal: null })
  assert.ok(performance.now() - told < 950, `the stop took ${performance.now() - told} ms`)
})

test('channel: it comes back again and again, and takes the numbers of the newest welcome', async (t) => {
  const master = masterOf(t)
  const welcome = master.welcomeOf('trivial.js')
  const worker = master.spawn(welcome)
  await worker.happened('ready')
  for (let i = 0; i < 3; i++) {
    master.channel.close()
    master.happenings.length = 0
    master.listen()
    master.expect('secret', worker.pid, i < 2 ? welcome : { ...welcome, beatMs: 50 })
    await worker.happened('ready')
  }
  await master.until('the heartbeat', () => master.happenings.filter((one) => one.type === 'beat').length > 3)
})

test('channel: a refused worker knocks ever more slowly', async (t) => {
  const master = masterOf(t)
  const welcome = master.welcomeOf('trivial.js')
  const worker = master.spawn(welcome)
  master.channel.forget('secret')
  await master.until('the refusal', () => master.happenings.some((one) => one.type === 'trouble'))
  // 50 + 100 + 200 + 400 ms: in its fifth pause it is let in again.
  await new Promise((resolve) => setTimeout(resolve, 800))
  master.expect('secret', worker.pid, welcome)
  await worker.happened('ready')
  assert.equal(master.happenings.filter((one) => one.type === 'trouble').length, 1, 'the same words come once')
})

for (const [what, reads, least, most] of [
  ['it ends when the master has read its last words', true, 150, 900],
  ['it gives up on a master that never reads them', false, 990, 5000],
] as const) {
  test(`channel: ${what}`, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'ph-channel-'))
    const path = join(dir, 'w.sock')
    const heard: string[] = []
    const sockets: Socket[] = []
    // A master that is busy for 200 ms once it has greeted, or for ever.
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket)
      socket.setEncoding('utf8').once('data', () => {
        socket.write('{"type":"welcome"}\n')
        socket.pause()
        socket.on('data', (text: string) => heard.push(text)).on('end', () => socket.end())
        socket.pause()
        if (reads) setTimeout(() => socket.resume(), 200)
      })
    }).listen(path)
    t.after(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
      rmSync(dir, { recursive: true, force: true })
    })
    await new Promise<void>((resolve) => {
      const channel = openChannel(path, 'secret', {
        welcome() {
          const began = performance.now()
          void channel.end({ type: 'beat', requests: 1, errors: 0, inFlight: 0, latency: null }).then(() => {
            const took = performance.now() - began
            assert.ok(took >= least && took < most, `it took ${took} ms`)
            resolve()
          })
        },
        lost() {},
        reopen() {},
      })
    })
    assert.deepEqual(heard, reads ? ['{"type":"beat","requests":1,"errors":0,"inFlight":0,"latency":null}\n'] : [])
  })
}

test('boot.js by hand says who starts it, exit 3', () => {
  const { status, stderr } = spawnSync(process.execPath, [BOOT], { env: { PATH: process.env.PATH }, encoding: 'utf8' })
  assert.equal(status, 3)
  assert.match(stderr, /^cannot start a worker by hand: phd starts it, with PHD_CHANNEL and PHD_TOKEN/)
})
