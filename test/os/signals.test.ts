// Calls of the C library in a rain of signals: SIGCHLD and SIGIO come at any moment, and cut a poll(2) short even
// when it does not wait.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { hungUp, openEpoll } from '../../src/os/libc-io.ts'
import { sceneOf, until } from '../helpers/scene.ts'

const CALLS = 300_000

test('asking whether a client has gone, and for arrivals, does not fail in a rain of signals', async (t) => {
  const file = sceneOf(t).path('s')
  const server = createServer().listen(file)
  t.after(() => server.close())
  const client = createConnection(file)
  t.after(() => client.destroy())
  const [served] = (await once(server, 'connection')) as [Socket]
  t.after(() => served.destroy())
  const fd = (served as unknown as { _handle: { fd: number } })._handle.fd
  const epoll = openEpoll()
  let heard = 0
  const listener = (): void => void heard++
  process.on('SIGURG', listener)
  t.after(() => process.off('SIGURG', listener))
  const rain = spawn('/bin/sh', ['-c', `echo; while kill -URG ${process.pid}; do /bin/true; done`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => rain.kill('SIGKILL'))
  await once(rain.stdout, 'data')

  for (let n = 0; n < CALLS; n++) {
    assert.equal(hungUp(fd), false)
    if (n % 10 === 0) assert.deepEqual(epoll.arrivals(), [])
  }
  await until('the rain, heard', () => heard > 0)
})
