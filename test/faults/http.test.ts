// HTTP on the control socket, from those who mean it badly or are broken: each costs a bounded share, is told why
// where it can be told, and nobody else waits.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlSocket } from '../helpers/control-socket.ts'
import { type RawSocket, rawSocket } from '../helpers/raw-socket.ts'
import { until } from '../helpers/scene.ts'

const HEAD = 'Host: phd\r\n'
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\n${HEAD}${more}\r\n`
const post = (body: string, more = ''): string =>
  `POST / HTTP/1.1\r\n${HEAD}Content-Length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`
const call = (id: number, method = 'ping'): string => JSON.stringify({ jsonrpc: '2.0', id, method })
const statuses = (text: string): number[] => [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, code]) => Number(code))

async function spoken(path: string, text: string): Promise<string> {
  const raw = await rawSocket(path)
  raw.send(text)
  raw.socket.end()
  return raw.rest()
}

/** Whatever else goes on. */
async function bystander(path: string): Promise<() => Promise<void>> {
  const raw = await rawSocket(path)
  return async () => assert.equal((await raw.call('ping')).result, 'pong')
}

test('row 73: a head or a body that has no end, silent or a byte at a time: 408 in its time', async (t) => {
  const path = await controlSocket(t, { lineMs: 200 })
  const others = await bystander(path)
  const begun = performance.now()
  const silent = ['G', `GET / HTTP/1.1\r\n${HEAD}`, post('{}').slice(0, -1), post('').replace('Length: 0', 'Length: 9')]
  const slow = await rawSocket(path)
  slow.send('GET /healthz HTTP/1.1\r\nHost: ')
  let over = false
  void slow.closed.then(() => {
    over = true
  })
  const answers = silent.map(async (text) => {
    const raw = await rawSocket(path)
    raw.send(text)
    return raw.rest()
  })
  await until('its end', () => {
    if (!over) slow.send('x')
    return over
  })
  assert.ok(performance.now() - begun >= 199, 'not before its time')
  for (const text of [await slow.rest(), ...(await Promise.all(answers))]) {
    assert.deepEqual(statuses(text), [408])
    assert.match(text, /cannot wait longer: a request was begun 0\.2 s ago and has no end/)
  }
  await others()
})

test('row 73: who is between two requests may be silent; who begins another one has its time for it', async (t) => {
  const path = await controlSocket(t, { lineMs: 200 })
  const raw = await rawSocket(path)
  for (let n = 0; n < 3; n++) {
    raw.send(post(call(n)))
    while ((await raw.line()) !== '\r');
    assert.deepEqual(JSON.parse(await raw.line()), { jsonrpc: '2.0', id: n, result: 'pong' })
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  raw.send(get('/healthz').slice(0, -4))
  assert.deepEqual(statuses(await raw.rest()), [408])
})

test('row 77: heads and bodies that are too long, declared or not: refused, and not kept', async (t) => {
  const path = await controlSocket(t, { maxMessage: 1000 })
  const chunk = `3e8\r\n${' '.repeat(1000)}\r\n`
  const chunked = `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`
  const long: Readonly<Record<string, number>> = {
    [post(' '.repeat(1001))]: 413,
    [post('').replace('Length: 0', 'Length: 99999999999')]: 413,
    [post('', 'Expect: 100-continue\r\n').replace('Length: 0', 'Length: 1001')]: 413,
    [chunked + chunk.repeat(3)]: 413,
    [get('/healthz', `X: ${'x'.repeat(20_000)}\r\n`)]: 431,
    [get('/healthz', 'X: x\r\n'.repeat(10_000))]: 431,
    [get(`/${'x'.repeat(20_000)}`)]: 431,
  }
  for (const [text, status] of Object.entries(long)) {
    const answer = await spoken(path, text)
    assert.deepEqual([statuses(answer), /Connection: close/.test(answer)], [[status], true], text.slice(0, 100))
  }
  const fits = await spoken(path, post(call(1).padEnd(1000)))
  assert.deepEqual(statuses(fits), [200])
})

test('row 77: a body without end on what takes none: answered, then 408 or closed, and not kept', async (t) => {
  const path = await controlSocket(t, { lineMs: 200 })
  const raw = await rawSocket(path)
  raw.send(`${get('/healthz', 'Transfer-Encoding: chunked\r\n')}`)
  let over = false
  void raw.closed.then(() => {
    over = true
  })
  await until('its end', () => {
    if (!over) raw.send(`400\r\n${' '.repeat(1024)}\r\n`)
    return over
  })
  assert.equal(statuses(await raw.rest())[0], 200)
})

test('smuggling: what two readers could understand in two ways is refused, and nothing of it is carried out', async (t) => {
  let pings = 0
  const path = await controlSocket(t, { handlers: { ping: () => ++pings } })
  const body = call(1)
  const length = `Content-Length: ${body.length}\r\n`
  const shapes = [
    `POST / HTTP/1.1\r\n${HEAD}${length}Transfer-Encoding: chunked\r\n\r\n${body}`,
    `POST / HTTP/1.1\r\n${HEAD}${length}Content-Length: 0\r\n\r\n${body}`,
    `POST / HTTP/1.1\r\n${HEAD}Content-Length: +${body.length}\r\n\r\n${body}`,
    `POST / HTTP/1.1\r\n${HEAD}Content-Length: ${body.length}, ${body.length}\r\n\r\n${body}`,
    `POST / HTTP/1.1\r\n${HEAD}Content-Length : ${body.length}\r\n\r\n${body}`,
    `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n${body}`,
    `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: xchunked\r\n\r\n${body}`,
    `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\n${body}`,
    `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(17)}\r\n${body}`,
    `POST / HTTP/1.1\r\n${length}\r\n${body}`, // no Host
    `POST / HTTP/1.1\r\n${HEAD}X: a\0b\r\n${length}\r\n${body}`,
    `POST / HTTP/1.1\r\n${HEAD} folded\r\n${length}\r\n${body}`,
    `POST / HTTP/9.9\r\n${HEAD}${length}\r\n${body}`,
    `CONNECT phd:80 HTTP/1.1\r\n${HEAD}\r\n`,
    'ABC\r\n\r\n',
    'GET\n\n',
  ]
  for (const shape of shapes) {
    const answer = await spoken(path, shape)
    assert.deepEqual(statuses(answer).length, 1, `${JSON.stringify(shape)} -> ${answer}`)
    assert.ok([400, 405].includes(statuses(answer)[0] ?? 0), `${JSON.stringify(shape)} -> ${answer}`)
  }
  assert.equal(pings, 0)
})

test('pipelining: answers in the order of the requests; junk behind them gets its own after them; a flood is cut', async (t) => {
  let go: () => void = () => undefined
  const slow = new Promise<string>((answer) => {
    go = () => answer('slow')
  })
  const path = await controlSocket(t, { handlers: { slow: () => slow } })
  const raw = await rawSocket(path)
  raw.send(`${post(call(1, 'slow'))}${post(call(2))}${get('/healthz')}BAD\r\n\r\n`)
  const others = await bystander(path)
  await others()
  go()
  const text = await raw.rest()
  assert.deepEqual(statuses(text), [200, 200, 200, 400])
  assert.ok(text.indexOf('"slow"') < text.indexOf('"pong"') && text.indexOf('"pong"') < text.indexOf('ok\n'))
  const never = await controlSocket(t, { handlers: { slow: () => new Promise(() => undefined) } }, 'd.sock')
  const flood = await rawSocket(never)
  flood.send(post(call(1, 'slow')) + get('/healthz').repeat(1000))
  assert.equal(await flood.rest(), '')
})

/** One that does not read notices its end when it writes. */
async function cut({ socket }: RawSocket): Promise<void> {
  let over = false
  socket.on('close', () => {
    over = true
  })
  await until('its end', () => {
    socket.write('x')
    return over
  })
}

test('row 74: an answer that nobody takes: parts of it are made, the client is let go, others are served', async (t) => {
  let made = 0
  const long = 'x'.repeat(100_000)
  const path = await controlSocket(t, {
    handlers: {
      long() {
        made++
        return long
      },
      huge: () => 'x'.repeat(5_000_000),
    },
    unreadMs: 300,
  })
  const batch = JSON.stringify(Array.from({ length: 500 }, (_none, id) => ({ jsonrpc: '2.0', id, method: 'long' })))
  const raw = await rawSocket(path)
  raw.socket.pause()
  raw.send(post(batch))
  const others = await bystander(path)
  await until('the first parts', () => made > 3)
  await others()
  // When it has been let go the rest of what it asked for is done, and its answers go nowhere.
  assert.ok(made < 100, `${made} answers were made of which none was read`)
  await cut(raw)
  const single = await rawSocket(path)
  single.socket.pause()
  single.send(post(call(1, 'huge')))
  await others()
  await cut(single)
  // The same, read: one array in one body.
  const reader = await rawSocket(path)
  reader.send(post(batch, 'Connection: close\r\n'))
  const text = await reader.rest()
  assert.match(text, /Transfer-Encoding: chunked/)
  assert.equal((text.match(/"result":"x{1000}/g) ?? []).length, 500)
})

test('row 76: 1,000 keep-alive connections: those that ask nothing make room for those that do', async (t) => {
  const path = await controlSocket(t, { maxClients: 50 })
  const others = await bystander(path)
  const all: RawSocket[] = []
  let served = 0
  for (let n = 0; n < 20; n++) {
    const some = await Promise.all(Array.from({ length: 50 }, () => rawSocket(path)))
    all.push(...some)
    for (const one of some) one.send(get('/healthz'))
    const lines = await Promise.all(some.map((one) => one.line().catch(() => '')))
    served += lines.filter((line) => line.startsWith('HTTP/1.1 200')).length
    for (const line of lines) assert.match(line, /^HTTP\/1\.1 (?:200|503)|^$/)
    await others()
  }
  assert.ok(served >= 500, `${served} of 1000 were served`)
  for (const { socket } of all) socket.destroy()
})
