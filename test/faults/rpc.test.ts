// Faults on the socket: clients that leave, never read, send what cannot be read, or all come at once.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { residentBytes } from '../helpers/proc.ts'
import { type Answer, type RawSocket, rawSocket } from '../helpers/raw-socket.ts'
import { fixture, until } from '../helpers/scene.ts'

const web = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`
const MB = 1024 * 1024

test('row 73: a slow client, a byte at a time, and one that says nothing: they cost nobody anything', async (t) => {
  const master = await startMaster(t, web)
  const idle = await rawSocket(master.socket)
  const slow = await rawSocket(master.socket)
  for (const byte of Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}\n')) {
    slow.send(Uint8Array.of(byte))
    assert.equal(await master.call('ping', {}), 'pong')
  }
  assert.equal((await slow.answer()).result, 'pong')
  assert.equal((await idle.call('ping')).result, 'pong')
})

test('row 74: a client that never reads its answers: let go, memory bounded, the others unaffected', async (t) => {
  const master = await startMaster(t, web)
  const raw = await rawSocket(master.socket)
  raw.socket.pause()
  const before = residentBytes(master.pid)
  const call = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'rpc.discover' })}\n`
  let over = false
  for (const event of ['error', 'close']) {
    raw.socket.on(event, () => {
      over = true
    })
  }
  await until('its end', async () => {
    if (!over) raw.send(call.repeat(200))
    assert.equal(await master.call('ping', {}), 'pong')
    return over
  })
  assert.ok(residentBytes(master.pid) - before < 200 * MB, `${(residentBytes(master.pid) - before) / MB} MB more`)
})

test('row 75: disconnect mid-call: the operation completes, visible in status and log', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 500ms\n`,
  )
  await until('its trap', () => master.lines('deaf.log').length > 0)
  const raw = await rawSocket(master.socket)
  raw.send(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'stop', params: { target: 'deaf' } })}\n`)
  await master.state('deaf:0', 'STOPPING')
  raw.socket.destroy()
  await master.state('deaf:0', 'STOPPED')
  assert.equal((await master.process('deaf:0')).wanted, 'down')
})

test('row 76: 1000 clients at once: those beyond max_clients are told so; afterwards all is as before', async (t) => {
  const master = await startMaster(t, web)
  // The kernel's queue holds 511: who comes while it is full is refused there (EAGAIN), on a busy machine.
  const attempts = await Promise.allSettled(Array.from({ length: 1000 }, () => rawSocket(master.socket)))
  const clients = attempts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const refusals = attempts.flatMap((one) =>
    one.status === 'rejected' ? [(one.reason as { code?: string }).code] : [],
  )
  assert.deepEqual(
    refusals.filter((code) => code !== 'EAGAIN'),
    [],
  )
  assert.ok(clients.length >= 511, `${clients.length} connected`)
  const answers = await Promise.all(
    clients.map((one) =>
      one.call('ping').then(
        ({ result, error }) => result ?? error?.code,
        () => 'closed',
      ),
    ),
  )
  assert.equal(answers.filter((one) => one === 'pong').length, 256)
  assert.ok(answers.every((one) => one === 'pong' || one === -32008 || one === 'closed'))
  for (const { socket } of clients) socket.destroy()
  await until('a free place', async () => {
    const one = await rawSocket(master.socket)
    const { result } = await one.call('ping').catch(() => ({ result: null }))
    one.socket.destroy()
    return result === 'pong'
  })
})

test('row 77: a frame over the limit, and no newline ever: -32008, then close; memory bounded', async (t) => {
  const master = await startMaster(t, web)
  const raw = await rawSocket(master.socket)
  const before = residentBytes(master.pid)
  raw.send('x'.repeat(1.5 * MB))
  const { id, error } = await raw.answer()
  assert.deepEqual([id, error?.code, error?.data.code], [null, -32008, 'PH_LIMIT'])
  await raw.closed

  const endless = await rawSocket(master.socket)
  for (let n = 0; n < 50; n++) endless.send('x'.repeat(MB))
  assert.equal((await endless.answer()).error?.code, -32008)
  await endless.closed
  assert.equal(await master.call('ping', {}), 'pong')
  assert.ok(residentBytes(master.pid) - before < 100 * MB, `${(residentBytes(master.pid) - before) / MB} MB more`)
})

test('row 78: nesting of 65, 10^4, 5*10^5: refused by a look before the parser, the loop is not blocked', async (t) => {
  const master = await startMaster(t, web)
  const raw = await rawSocket(master.socket)
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
  for (const depth of [65, 10_000, 500_000]) {
    const begun = performance.now()
    raw.send(`${nested(depth)}\n`)
    assert.equal((await raw.answer()).error?.code, -32008, String(depth))
    assert.ok(performance.now() - begun < 1000, `${depth}: ${performance.now() - begun} ms`)
  }
  raw.send(`{"a":${'{"a":'.repeat(100_000)}\n`)
  assert.equal((await raw.answer()).error?.code, -32008)
  raw.send(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{},"x":"${'['.repeat(500)}"}\n`)
  assert.equal((await raw.answer()).result, 'pong', 'brackets in a string are no depth')
})

test('row 79: invalid UTF-8, BOM, NUL, lone surrogate: -32700, and the connection stays', async (t) => {
  const master = await startMaster(t, web)
  const raw = await rawSocket(master.socket)
  const status = (target: string): string =>
    `{"jsonrpc":"2.0","id":1,"method":"status","params":{"target":"${target}"}}\n`
  const bad: (string | Uint8Array)[] = [
    Buffer.concat([Buffer.from(status('w').slice(0, -5)), Buffer.from([0xff]), Buffer.from('"}}\n')]),
    Buffer.concat([Buffer.from(status('w').slice(0, -5)), Buffer.from([0xc3]), Buffer.from('"}}\n')]),
    `\ufeff${status('web')}`,
    status('we\0b'),
    status('\\ud800'),
    status('\\udc00x'),
    '\0\n',
  ]
  for (const bytes of bad) {
    raw.send(bytes)
    const { id, error } = await raw.answer()
    assert.deepEqual([id, error?.code], [null, -32700], JSON.stringify(String(bytes)))
  }
  raw.send(status('web'))
  assert.ok((await raw.answer()).result)
})

test('row 80: batches of 10 000, empty, all notifications, mixed junk', async (t) => {
  const master = await startMaster(t, web)
  const raw = await rawSocket(master.socket)
  const ping = (id?: number): object => ({ jsonrpc: '2.0', ...(id === undefined ? {} : { id }), method: 'ping' })
  const send = (batch: unknown[]): void => raw.send(`${JSON.stringify(batch)}\n`)
  send(Array.from({ length: 10_000 }, (_, n) => ping(n)))
  assert.equal((await raw.answer()).error?.code, -32008)
  send([])
  assert.equal((await raw.answer()).error?.code, -32600)
  send(Array.from({ length: 1000 }, () => ping()))
  send(Array.from({ length: 1000 }, (_, n) => ping(n)))
  const full = JSON.parse(await raw.line()) as Answer[]
  assert.deepEqual(
    full.map((one) => one.id),
    Array.from({ length: 1000 }, (_, n) => n),
    'and nothing for the notifications',
  )
  send([null, 1, 'x', [], {}, ping(5), { jsonrpc: '2.0', id: 6, method: 7 }, { jsonrpc: '1.0', id: 7, method: 'ping' }])
  const mixed = JSON.parse(await raw.line()) as Answer[]
  assert.deepEqual(
    mixed.map((one) => one.error?.code ?? one.result),
    [-32600, -32600, -32600, -32600, -32600, 'pong', -32600, -32600],
  )
})

test('row 81: ids of every kind, params of the wrong kind, __proto__ keys', async (t) => {
  const master = await startMaster(t, web)
  const raw = await rawSocket(master.socket)
  const answer = async (text: string): Promise<Answer> => {
    raw.send(`${text}\n`)
    return raw.answer()
  }
  assert.deepEqual(await answer('{"jsonrpc":"2.0","id":null,"method":"ping"}'), {
    jsonrpc: '2.0',
    id: null,
    result: 'pong',
  })
  for (const id of ['-1', '1.25', '"x"', '""', '9007199254740993']) {
    assert.equal(
      JSON.stringify((await answer(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`)).id),
      JSON.stringify(JSON.parse(id)),
    )
  }
  for (const id of ['{}', '[1]', 'true']) {
    const { id: back, error } = await answer(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`)
    assert.deepEqual([back, error?.code], [null, -32600], id)
  }
  raw.send('{"jsonrpc":"2.0","id":1,"method":"ping"}\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
  assert.deepEqual([(await raw.answer()).id, (await raw.answer()).id], [1, 1], 'twice the same id: twice an answer')
  for (const [params, code] of [
    ['"x"', -32600],
    ['1', -32600],
    ['null', -32600],
    ['[]', -32602],
    ['["web"]', -32602],
    ['{"__proto__":{"target":"web"}}', -32602],
    ['{"target":"web","__proto__":{"wait":false}}', -32602],
    ['{"constructor":{"prototype":{"target":"web"}}}', -32602],
    ['{"target":{"__proto__":"web"}}', -32602],
    ['{"target":[]}', -32602],
    ['{"target":"web","timeout":-1}', -32602],
    ['{"target":"web","timeout":"1"}', -32602],
    ['{"target":"__proto__"}', -32001],
    ['{"target":"constructor:0"}', -32001],
  ] as const) {
    const { error } = await answer(`{"jsonrpc":"2.0","id":1,"method":"stop","params":${params}}`)
    assert.equal(error?.code, code, params)
  }
  assert.equal(
    (await master.call('status', {}))[0]?.processes.every((one) => one.wanted === 'up'),
    true,
  )
})

test('row 82: unknown methods, names of the inside, names of every object', async (t) => {
  const master = await startMaster(t, web)
  const raw = await rawSocket(master.socket)
  const names = [
    'nothing',
    '',
    'rpc.internal',
    'rpc.',
    'constructor',
    '__proto__',
    'hasOwnProperty',
    'toString',
    'valueOf',
    'PING',
  ]
  for (const name of names) {
    const { error } = await raw.call(name, {})
    assert.deepEqual([error?.code, error?.data.code], [-32601, 'PH_METHOD'], name)
  }
  const { error } = await raw.call('x'.repeat(100_000))
  assert.ok((error?.message.length ?? 0) < 300)
  assert.equal((await raw.call('ping')).result, 'pong')
})

test('row 84: clients that start and stop the same program: serialised, each told a final state', async (t) => {
  const master = await startMaster(t, web)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const clients = await Promise.all(Array.from({ length: 6 }, () => rawSocket(master.socket)))
  const verbs = ['stop', 'start', 'restart'] as const
  const rounds = clients.map(async (client, n) => {
    for (let round = 0; round < 5; round++) {
      const verb = verbs[(n + round) % 3] ?? 'start'
      told(verb, await client.call(verb, { target: 'web' }))
    }
  })
  await Promise.all(rounds)
  await master.call('start', { target: 'web' })
  await settled(master, clients)
})

/** Either all is as it was asked for, or the answer says what took its place. */
function told(verb: string, { result, error }: Answer): void {
  if (error) {
    assert.equal(error.code, -32002, `${verb}: ${error.message}`)
    return
  }
  const { ok, results } = result as { ok: boolean; results: { state: string; ok: boolean; error?: string }[] }
  for (const one of results) {
    assert.ok(['RUNNING', 'STOPPED', 'STARTING', 'STOPPING', 'BACKOFF'].includes(one.state))
    assert.ok(one.ok || one.error, JSON.stringify(one))
  }
  assert.equal(
    ok,
    results.every((one) => one.ok),
  )
}

async function settled(master: Master, clients: readonly RawSocket[]): Promise<void> {
  const [program] = await master.call('status', {})
  assert.deepEqual(
    program?.processes.map((one) => one.state),
    ['RUNNING', 'RUNNING'],
  )
  for (const client of clients) client.socket.destroy()
}

test('row 85: wait = true with a program that never becomes ready: bounded by the timeout, the change goes on', async (t) => {
  const master = await startMaster(t, `[slow]\ncommand = sleep 600\nstart_seconds = 1500ms\nautostart = false\n`)
  const raw = await rawSocket(master.socket)
  const begun = performance.now()
  const { error } = await raw.call('start', { target: 'slow', timeout: 0.3 })
  assert.ok(performance.now() - begun < 1300)
  assert.equal(error?.code, -32004)
  const results = (error?.data.results ?? []) as { state: string }[]
  assert.deepEqual(
    results.map((one) => one.state),
    ['STARTING'],
  )
  await master.state('slow:0', 'RUNNING')
})
