// The transport to etcd where a real one does not misbehave enough: members that hang, refuse, or talk nonsense.

import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { hostname } from 'node:os'
import { type TestContext, test } from 'node:test'
import type { LeaseCall, LeaseReply } from '../../src/core/lease-state.ts'
import { etcd } from '../../src/os/etcd.ts'

async function member(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
}

const says =
  (status: number, text: string): RequestListener =>
  (request, response) => {
    request.resume().on('end', () => response.writeHead(status).end(text))
  }

const ask = (endpoints: readonly string[], ms = 1_000, call: LeaseCall = { do: 'look' }): Promise<LeaseReply> =>
  new Promise((resolve) => etcd(null).ask({ endpoints, key: 'web', ms: 10_000 }, call, ms, resolve))

const refused = '127.0.0.1:1'

test('members are tried in turn, and share the time; one without a leader is none that can tell', async (t) => {
  const good = await member(t, says(200, '{"header":{}}'))
  const hangs = await member(t, () => undefined)
  const headless = await member(
    t,
    says(503, '{"error":"etcdserver: no leader","code":14,"message":"etcdserver: no leader"}'),
  )
  assert.deepEqual(await ask([refused, headless, hangs, good]), { type: 'free' })
  const began = performance.now()
  const none = await ask([refused, hangs, headless], 600)
  assert.ok(performance.now() - began < 900)
  assert.equal(none.type, 'failed')
  assert.match(
    'why' in none ? none.why : '',
    /^cannot reach etcd \(127\.0\.0\.1:1: connection refused; 127\.0\.0\.1:\d+: no answer within \d+ ms; 127\.0\.0\.1:\d+: etcdserver: no leader\)$/,
  )
})

test('the one that has answered is asked first from then on', async (t) => {
  let asked = 0
  const hangs = await member(t, () => {
    asked++
  })
  const good = await member(t, says(200, '{}'))
  const server = etcd(null)
  for (let n = 0; n < 3; n++) {
    const at = { endpoints: [hangs, good], key: 'web', ms: 10_000 }
    await new Promise((resolve) => server.ask(at, { do: 'look' }, 400, resolve))
  }
  assert.equal(asked, 1)
})

for (const [what, text, call, reply] of [
  ['nonsense', '<html>', { do: 'look' }, /^etcd refuses: <html>|^cannot reach etcd \(.*<html>\)/],
  ['a stranger at the key', '{"kvs":[{"value":"//79"}]}', { do: 'look' }, /^somebody else$/],
  [
    'ourselves at the key',
    JSON.stringify({ kvs: [{ value: Buffer.from(`${hostname()} (pid ${process.pid})`).toString('base64') }] }),
    { do: 'look' },
    /^an earlier lease of ours has not ended in etcd yet$/,
  ],
  ['no lease', '{"header":{}}', { do: 'grant' }, /^etcd has granted no lease/],
  ['an ended lease', '{"result":{"ID":"1"}}', { do: 'renew', lease: '1', fence: '5' }, /^its lease has ended in etcd$/],
] as const) {
  test(`an answer of ${what}`, async (t) => {
    const got = await ask([await member(t, says(200, text))], 1_000, call)
    assert.match('why' in got ? got.why : 'by' in got ? got.by : got.type, reply)
  })
}

test('the key is gone, though the lease lives; a lease that is not there any more', async (t) => {
  const renew: LeaseCall = { do: 'renew', lease: '1', fence: '5' }
  const deleted = await member(t, (request, response) => {
    const text = request.url === '/v3/lease/keepalive' ? '{"result":{"ID":"1","TTL":"9"}}' : '{"header":{}}'
    says(200, text)(request, response)
  })
  assert.deepEqual(await ask([deleted], 1_000, renew), { type: 'gone', why: 'its key was deleted in etcd' })
  const missing = await member(t, says(404, '{"error":"etcdserver: requested lease not found","code":5}'))
  assert.deepEqual(await ask([missing], 1_000, renew), { type: 'gone', why: 'its lease has ended in etcd' })
})
