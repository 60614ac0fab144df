// The socket as scripts use it: plain lines, batches, notifications, many calls in flight.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { type Answer, rawSocket } from '../helpers/raw-socket.ts'
import { fixture, until } from '../helpers/scene.ts'

const ini = `${quick}[web]\ncommand = sleep 600\n`
const call = (id: unknown, method: string, params?: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })

test('one JSON text a line, both ways; empty lines and CR are nothing; the id comes back as it was', async (t) => {
  const master = await startMaster(t, ini)
  const raw = await rawSocket(master.socket)
  raw.send(`\n\r\n${call('a name', 'ping')}\r\n${call(1.5, 'ping')}\n`)
  assert.deepEqual(await raw.answer(), { jsonrpc: '2.0', id: 'a name', result: 'pong' })
  assert.deepEqual(await raw.answer(), { jsonrpc: '2.0', id: 1.5, result: 'pong' })
})

test('half lines are whole when their newline comes, also inside a character', async (t) => {
  const master = await startMaster(t, ini)
  const raw = await rawSocket(master.socket)
  const bytes = Buffer.from(`${call('grüße', 'ping')}\n`)
  for (const byte of bytes) {
    raw.send(Uint8Array.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal((await raw.answer()).id, 'grüße')
})

test('batches: one answer with all that are owed; none for notifications', async (t) => {
  const master = await startMaster(t, ini)
  const raw = await rawSocket(master.socket)
  const notification = { jsonrpc: '2.0', method: 'ping' }
  raw.send(`[${call(1, 'ping')},${JSON.stringify(notification)},${call(2, 'info')},7,${call(3, 'nothing')}]\n`)
  const answers = JSON.parse(await raw.line()) as Answer[]
  assert.deepEqual(
    answers.map((one) => [one.id, one.error?.code ?? 'ok']),
    [
      [1, 'ok'],
      [2, 'ok'],
      [null, -32600],
      [3, -32601],
    ],
  )
  raw.send(`${JSON.stringify([notification, notification])}\n${JSON.stringify(notification)}\n[${call(4, 'ping')}]\n`)
  assert.deepEqual(JSON.parse(await raw.line()), [{ jsonrpc: '2.0', id: 4, result: 'pong' }], 'a list of one is a list')
})

test('a notification acts', async (t) => {
  const master = await startMaster(t, ini)
  await master.state('web:0', 'RUNNING')
  const raw = await rawSocket(master.socket)
  raw.send(`${JSON.stringify({ jsonrpc: '2.0', method: 'stop', params: { target: 'web' } })}\n`)
  await master.state('web:0', 'STOPPED')
})

test('many calls in flight: a slow one does not hold the others up', async (t) => {
  const master = await startMaster(
    t,
    `${ini}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 600ms\n`,
  )
  await until('its trap', () => master.lines('deaf.log').length > 0)
  const raw = await rawSocket(master.socket)
  const pings = Array.from({ length: 500 }, (_, n) => `${call(n, 'ping')}\n`)
  raw.send(`${call('slow', 'stop', { target: 'deaf' })}\n${pings.join('')}`)
  for (let n = 0; n < 500; n++) assert.equal((await raw.answer()).id, n)
  const slow = await raw.answer()
  assert.deepEqual([slow.id, (slow.result as { ok: boolean }).ok], ['slow', true])
})

test('junk is answered, and the connection stays for a good call', async (t) => {
  const master = await startMaster(t, ini)
  const raw = await rawSocket(master.socket)
  for (const [text, code] of [
    ['{"jsonrpc":"2.0","id":1,"method":"ping"', -32700],
    ['nonsense', -32700],
    ['null', -32600],
    ['0', -32600],
    ['""', -32600],
    ['[]', -32600],
    ['{}', -32600],
    [call(1, 'start'), -32602],
    [call(1, 'start', { target: 'web', when: 'now' }), -32602],
    [call(1, 'start', ['web']), -32602],
  ] as const) {
    raw.send(`${text}\n`)
    const { error } = await raw.answer()
    assert.equal(error?.code, code, text)
    assert.ok(!/\bat .*\.(js|ts|cjs):\d+/.test(JSON.stringify(error)), 'no stack')
  }
  assert.equal((await raw.call('ping')).result, 'pong')
})

test('what is wrong with parameters is said by name', async (t) => {
  const master = await startMaster(t, ini)
  const raw = await rawSocket(master.socket)
  const { error } = await raw.call('scale', { program: 'web', workers: 'two', extra: 1 })
  assert.equal(error?.code, -32602)
  const issues = (error?.data.issues ?? []) as { path: string }[]
  const paths = issues.map((one) => one.path)
  assert.ok(paths.includes('workers'), JSON.stringify(error))
  assert.match(error?.message ?? '', /cannot call scale: workers: wanted a number, came "two".*"extra"/s)
})

test('a script that has said all and waits with a closed mouth still gets its answer', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 500ms\n`,
  )
  await until('its trap', () => master.lines('deaf.log').length > 0)
  const raw = await rawSocket(master.socket)
  raw.socket.end(`${call(1, 'ping')}\n${call(2, 'stop', { target: 'deaf' })}\n`)
  const answers = (await raw.rest()).split('\n').filter(Boolean)
  assert.deepEqual(
    answers.map((text) => (JSON.parse(text) as Answer).id),
    [1, 2],
  )
})

test('each change is in the log with uid, pid and method; questions are not', async (t) => {
  const master = await startMaster(t, ini)
  const raw = await rawSocket(master.socket)
  await raw.call('status')
  await raw.call('stop', { target: 'web' })
  const audits = master.log.filter((line) => line.audit)
  assert.deepEqual(
    audits.map(({ method, params, uid, pid }) => ({ method, params, uid, pid })),
    [{ method: 'stop', params: { target: 'web', wait: true }, uid: process.getuid?.(), pid: process.pid }],
  )
})

test('max_clients: one more is told -32008, and comes in when another leaves', async (t) => {
  const master = await startMaster(t, `[master]\nmax_clients = 3\n${ini.replace('[DEFAULT]\n', '[DEFAULT]\n')}`)
  const three = await Promise.all([1, 2, 3].map(() => rawSocket(master.socket)))
  for (const one of three) assert.equal((await one.call('ping')).result, 'pong')
  const fourth = await rawSocket(master.socket)
  assert.equal((await fourth.answer()).error?.code, -32008)
  await fourth.closed
  three[0]?.socket.destroy()
  await until('a free place', async () => {
    const again = await rawSocket(master.socket)
    const { result } = await again.call('ping').catch(() => ({ result: null }))
    again.socket.destroy()
    return result === 'pong'
  })
})
