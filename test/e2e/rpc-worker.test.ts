// RpcWorker under a real master: which methods are served, every way to be wrong, limits, and what a
// stop does to calls in hand.

import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { sceneOf, until } from '../helpers/scene.ts'
import { freePort } from '../helpers/web.ts'

const SERVICE = `import { RpcError, RpcWorker } from 'processhandler/worker'
class Base extends RpcWorker {
  inherited() { return 'from the base' }
  hidden() { return 'no' }
}
export class Calc extends Base {
  field = () => 'a field is no method'
  hidden = null
  setup() { this.ready = true }
  add(a, b) { return a + b }
  greet({ name }) { return 'hello ' + name }
  nothing() {}
  who() { return this.name }
  async slow() { await new Promise((done) => setTimeout(done, 700)); return 'done' }
  fails() { throw new Error('a secret') }
  refuses() { throw new RpcError(7, 'not you', { why: 'no' }) }
  circle() { const a = {}; a.a = a; return a }
  big(n) { return 'x'.repeat(n) }
  _own() { return 'no' }
  get getter() { return () => 'no' }
}
`

interface Line {
  readonly socket: Socket
  heard(): string[]
  say(...texts: string[]): void
  /** The answers, as soon as there are so many. */
  answers(count: number): Promise<string[]>
  readonly closed: boolean
}

function lineTo(t: TestContext, place: { port: number } | { path: string }): Line {
  const socket = 'port' in place ? connect(place.port, '127.0.0.1') : connect(place.path)
  let text = ''
  let closed = false
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  t.after(() => socket.destroy())
  const heard = (): string[] => text.split('\n').slice(0, -1)
  return {
    socket,
    heard,
    say: (...texts) => void socket.write(texts.map((each) => `${each}\n`).join('')),
    answers: (count) => until(`${count} answers`, () => heard().length >= count && heard()),
    get closed() {
      return closed
    },
  }
}

const call = (id: unknown, method: string, params?: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })
const ok = (id: unknown, result: unknown): string => JSON.stringify({ jsonrpc: '2.0', id, result })

async function serve(t: TestContext): Promise<{ master: Master; port: number }> {
  const port = await freePort()
  sceneOf(t).write('calc.mjs', SERVICE)
  const master = await startMaster(
    t,
    `${quick}[calc]\nworker = calc.mjs:Calc\nbind = 127.0.0.1:${port}\nunix_socket = calc.sock\n`,
  )
  await master.call('wait', { target: 'calc', state: 'RUNNING' })
  return { master, port }
}

const table: readonly (readonly [what: string, said: string, answer: string | RegExp])[] = [
  ['a list of params', call(1, 'add', [2, 3]), ok(1, 5)],
  ['named params', call('a', 'greet', { name: 'you' }), ok('a', 'hello you')],
  ['an inherited method, no params', call(1, 'inherited'), ok(1, 'from the base')],
  ['this is the worker', call(1, 'who'), ok(1, 'calc:0')],
  ['nothing is null', call(1, 'nothing'), ok(1, null)],
  [
    'an own error',
    call(1, 'refuses'),
    '{"jsonrpc":"2.0","id":1,"error":{"code":7,"message":"not you","data":{"why":"no"}}}',
  ],
  [
    'any other error stays inside',
    call(1, 'fails'),
    /^\{"jsonrpc":"2.0","id":1,"error":\{"code":-32603,"message":"internal error"/,
  ],
  ['a result that JSON cannot say', call(1, 'circle'), /"id":1,"error":\{"code":-32603/],
  ...[
    'setup',
    'stop',
    'run',
    'handleRequest',
    'constructor',
    'toString',
    '_own',
    'getter',
    'field',
    'hasOwnProperty',
    '__proto__',
    'nobody',
  ].map((name) => [`no method: ${name}`, call(1, name), /"id":1,"error":\{"code":-32601/] as const),
  ['junk', '{nope', /"id":null,"error":\{"code":-32700/],
  ['no request', '7', /"id":null,"error":\{"code":-32600/],
  ['too deep', '['.repeat(65) + ']'.repeat(65), /-32008,"message":"cannot parse: nested deeper than 64/],
  ['an empty batch', '[]', /-32600/],
  ['a batch too large', JSON.stringify(Array(1001).fill(0)), /-32008/],
  [
    'a batch',
    `[${call(1, 'add', [1, 1])},${call(undefined, 'add', [1, 1])},5,${call(2, 'circle')}]`,
    /^\[\{"jsonrpc":"2.0","id":1,"result":2\},\{.*-32600.*\},\{.*"id":2,"error".*\}\]$/,
  ],
]

test('every call, right and wrong, gets its answer on one connection; over TCP and Unix', async (t) => {
  const { master, port } = await serve(t)
  for (const place of [{ port }, { path: master.scene.path('calc.sock') }]) {
    const line = lineTo(t, place)
    for (const [at, [what, said, answer]] of table.entries()) {
      line.say(said)
      const got = (await line.answers(at + 1))[at] ?? ''
      if (typeof answer === 'string') assert.equal(got, answer, what)
      else assert.match(got, answer, what)
      assert.doesNotMatch(got, /secret|\.mjs|stack/, what)
    }
    line.say(call(undefined, 'add', [1, 1]), '', call(9, 'who'))
    assert.equal((await line.answers(table.length + 1)).at(-1), ok(9, 'calc:0'), 'a notification has no answer')
  }
  assert.ok(master.lines('calc.log').some((each) => each.includes('a secret')))
  const { requests, errors } = await until('the counters', async () => {
    const process = await master.process('calc:0')
    return (process.requests ?? 0) >= 20 && process
  })
  assert.ok(requests !== null && errors !== null && errors >= 4 && errors < requests)
})

test('a fast call overtakes a slow one; who says no more still gets the answers', async (t) => {
  const { port } = await serve(t)
  const line = lineTo(t, { port })
  line.say(call(1, 'slow'), call(2, 'who'))
  line.socket.end()
  assert.deepEqual(await line.answers(2), [ok(2, 'calc:0'), ok(1, 'done')])
  await until('the end', () => line.closed)
})

test('a call that is too long is refused and the connection ends; the worker lives', async (t) => {
  const { port } = await serve(t)
  const line = lineTo(t, { port })
  line.say('x'.repeat(1024 * 1024 + 1))
  assert.match((await line.answers(1))[0] ?? '', /-32008,"message":"cannot take a call of more than 1048576 bytes/)
  await until('the end', () => line.closed)
  const next = lineTo(t, { port })
  next.say(call(1, 'who'))
  assert.deepEqual(await next.answers(1), [ok(1, 'calc:0')])
})

test('a caller that does not read costs bounded memory, and gets every answer when it does', async (t) => {
  const { master, port } = await serve(t)
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  for (let id = 0; id < 300; id++) socket.write(`${call(id, 'big', [1_000_000])}\n`)
  const other = lineTo(t, { port })
  other.say(call(1, 'who'))
  await other.answers(1)
  await until('some of them', async () => ((await master.process('calc:0')).requests ?? 0) > 60)
  const { memory } = await master.process('calc:0')
  assert.ok((memory ?? 0) < 300e6, `${memory} bytes`)
  let answers = 0
  socket.on('data', (bytes: Buffer) => {
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) answers++
  })
  await until('all answers', () => answers === 300)
})

test('a stop answers what it has begun, then ends the connections', async (t) => {
  const { master, port } = await serve(t)
  const line = lineTo(t, { port })
  const idle = lineTo(t, { port })
  line.say(call(1, 'slow'))
  await until('it in hand', async () => (await master.process('calc:0')).inFlight === 1)
  await master.call('stop', { target: 'calc' })
  assert.deepEqual(line.heard(), [ok(1, 'done')])
  await until('both ends', () => line.closed && idle.closed)
  assert.equal((await master.process('calc:0')).exit?.code, 0)
})

test('reloads under load: a caller that comes back when its connection ends loses no call and none is done twice', async (t) => {
  const { master, port } = await serve(t)
  let on = true
  let answered = 0
  const wrong: string[] = []
  const caller = async (): Promise<void> => {
    let line = lineTo(t, { port })
    for (let id = 1; on; ) {
      const before = line.heard().length
      line.say(call(id, 'add', [id, 1]))
      await until('an answer, or the end', () => line.heard().length > before || line.closed)
      const answer = line.heard()[before]
      if (answer === undefined) {
        line = lineTo(t, { port })
        continue
      }
      if (answer !== ok(id, id + 1)) wrong.push(answer)
      answered++
      id++
    }
  }
  const all = Promise.all([caller(), caller(), caller()])
  for (let round = 0; round < 3; round++) {
    await master.call('reload', { target: 'calc' })
    const before = answered
    await until('more answers', () => answered > before + 20)
  }
  on = false
  await all
  assert.deepEqual(wrong, [])
})

test('a class without methods, and a section without listeners, are refused', async (t) => {
  const scene = sceneOf(t)
  scene.write(
    'none.mjs',
    "import { RpcWorker } from 'processhandler/worker'\nexport class None extends RpcWorker { setup() {} }\n",
  )
  scene.write('calc.mjs', SERVICE)
  const master = await startMaster(
    t,
    'start_retries = 0\n[none]\nworker = none.mjs\nunix_socket = n.sock\n[deaf]\nworker = calc.mjs:Calc\n'.replace(
      /^/,
      '[DEFAULT]\n',
    ),
  )
  await master.call('wait', { target: ['none', 'deaf'], state: 'FATAL' })
  assert.match((await master.process('none:0')).reason ?? '', /class None has no methods/)
  assert.match((await master.process('deaf:0')).reason ?? '', /neither bind nor unix_socket/)
})
