// The examples run as they stand: examples/config.ini under a real master, but for its ports.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, symlinkSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { type Master, startMaster } from '../helpers/master.ts'
import { missing, root, sceneOf, until } from '../helpers/scene.ts'
import { freePort, get } from '../helpers/web.ts'

const run = promisify(execFile)

/** One section of the examples, in a folder of the test, on a free port. */
async function startExample(t: TestContext, section: string): Promise<{ master: Master; port: number }> {
  const scene = sceneOf(t)
  cpSync(path.join(root, 'examples'), scene.dir, { recursive: true })
  symlinkSync(path.join(root, 'node_modules'), scene.path('node_modules'))
  const port = await freePort()
  const ini = scene.read('config.ini').replace(/^log_path .*$/m, 'log_path = .')
  const master = await startMaster(t, ini.replaceAll(/127\.0\.0\.1:\d+/g, `127.0.0.1:${port}`), {
    args: ['-s', section],
  })
  const { ok } = await master.call('wait', { target: section, state: 'RUNNING' })
  assert.ok(ok)
  return { master, port }
}

test('jobexecute: a job loop', async (t) => {
  const { master } = await startExample(t, 'jobexecute')
  await until('work', () => master.lines('jobexecute.log').filter((line) => line.includes('go...')).length >= 2)
})

test('calc: a JSON-RPC service, and its client', async (t) => {
  const { master } = await startExample(t, 'calc')
  const env = { ...process.env, CALC_SOCKET: master.scene.path('calc.sock') }
  const call = async (...words: string[]): Promise<string> =>
    (await run(process.execPath, [master.scene.path('call-calc.js'), ...words], { env })).stdout
  assert.equal(await call('add', '2', '3'), '5\n')
  assert.match(await call('nobody'), /^error -32601: no such method: "nobody"\n$/)
})

test('rest: plain Node', async (t) => {
  const { port } = await startExample(t, 'rest')
  assert.deepEqual(JSON.parse(await get({ port }, '/notes/1')), { text: 'buy milk' })
  assert.deepEqual(JSON.parse(await get({ port }, '/nothing')), { error: 'no such note' })
})

test('rest-fastify: an app of a framework', async (t) => {
  const { port } = await startExample(t, 'rest-fastify')
  assert.deepEqual(JSON.parse(await get({ port }, '/notes/7')), { id: '7', by: 'rest-fastify:0' })
})

test('primes: a pool of threads', async (t) => {
  const { port } = await startExample(t, 'primes')
  const ask = async (limit: number): Promise<string> => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${limit}\n`))
    return text(socket)
  }
  assert.deepEqual(await Promise.all([ask(100), ask(1000), ask(1_000_000)]), ['25\n', '168\n', '78498\n'])
})

test('gunicorn: a server that takes its socket from us', { skip: missing('gunicorn') }, async (t) => {
  const { master, port } = await startExample(t, 'gunicorn')
  assert.equal(await get({ port }), 'hello from gunicorn:0\n')
  const { ok } = await master.call('reload', { target: 'gunicorn' })
  assert.ok(ok)
  assert.equal(await get({ port }), 'hello from gunicorn:0\n')
})

test('clock: a shell script', async (t) => {
  const { master } = await startExample(t, 'clock')
  await until('a line', () => master.lines('clock.log').some((line) => /^tick 0 \d\d:\d\d:\d\d$/.test(line)))
  await master.call('stop', { target: 'clock' })
  await until('its last word', () => master.lines('clock.log').at(-1) === 'bye')
})

test('clock-py: a Python script', { skip: missing('python3') }, async (t) => {
  const { master } = await startExample(t, 'clock-py')
  await until('a line', () => master.lines('clock-py.log').some((line) => /^\d\d:\d\d:\d\d$/.test(line)))
  await master.call('stop', { target: 'clock-py' })
  await until('its last word', () => master.lines('clock-py.log').at(-1) === 'bye')
})
