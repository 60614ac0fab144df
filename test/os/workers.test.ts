// The master's end of the worker channel, against raw sockets that behave and misbehave.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { listenForWorkers, type WorkerChannel } from '../../src/os/workers.ts'
import type { Welcome } from '../../src/worker/protocol.ts'

const welcome: Welcome = {
  type: 'welcome',
  program: 'web',
  name: 'web:0',
  slot: 0,
  procName: 'web',
  module: '/app/web.js',
  className: null,
  cfg: { color: 'grün' },
  maxRequests: 0,
  beatMs: 0,
  concurrency: 10,
  graceMs: 10_000,
  backlog: 511,
  ownQueues: false,
  endsWithMaster: false,
}
const PID = 4711

interface Peer {
  readonly socket: Socket
  say(message: object | string): void
  /** Whole lines received so far. */
  heard(): unknown[]
  closed(): boolean
}

interface Stage {
  readonly path: string
  readonly channel: WorkerChannel
  /** `ready 4711` and the like, in order. */
  readonly told: string[]
  /** What the kernel says of the next connections. */
  peerPid: () => number
  peer(): Promise<Peer>
  until(what: string, look: () => boolean): Promise<void>
}

function stageOf(t: TestContext): Stage {
  const dir = mkdtempSync(join(tmpdir(), 'ph-channel-'))
  const path = join(dir, 'w.sock')
  const told: string[] = []
  const sockets: Socket[] = []
  const channel = listenForWorkers(
    path,
    {
      ready: (pid) => void told.push(`ready ${pid}`),
      bootFailed: (pid, message) => void told.push(`bootFailed ${pid} ${message}`),
      beat: (pid, { requests, errors, inFlight, latency }) =>
        void told.push(`beat ${pid} ${requests} ${errors} ${inFlight} ${latency?.p99Ms}`),
      recycle: (pid, requests) => void told.push(`recycle ${pid} ${requests}`),
      trouble: (text) => void told.push(`trouble: ${text}`),
    },
    (fd) => {
      assert.ok(fd > 2, `not a socket: ${fd}`)
      return stage.peerPid()
    },
  )
  const stage: Stage = {
    path,
    channel,
    told,
    peerPid: () => PID,
    async peer() {
      const socket = connect(path)
      sockets.push(socket)
      let text = ''
      let closed = false
      socket.setEncoding('utf8').on('data', (more: string) => {
        text += more
      })
      // A refused peer may see ECONNRESET; 'close' says what matters.
      socket.on('error', () => {})
      socket.on('close', () => {
        closed = true
      })
      await new Promise((resolve) => socket.once('connect', resolve))
      return {
        socket,
        say: (message) => void socket.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`),
        heard: () =>
          text
            .split('\n')
            .slice(0, -1)
            .map((line) => JSON.parse(line) as unknown),
        closed: () => closed,
      }
    },
    async until(what, look) {
      const deadline = performance.now() + 5000
      while (!look()) {
        if (performance.now() > deadline) throw new Error(`waited in vain for ${what}; told: ${told.join('; ')}`)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    },
  }
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    channel.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return stage
}

const hello = (token = 'secret', pid = PID): object => ({ type: 'hello', token, pid })

async function greeted(stage: Stage, token = 'secret'): Promise<Peer> {
  stage.channel.expect(token, welcome)
  stage.channel.bind(token, PID)
  const peer = await stage.peer()
  peer.say(hello(token))
  await stage.until('the welcome', () => peer.heard().length > 0)
  return peer
}

test('workers: hello brings the welcome, every message its event', async (t) => {
  const stage = stageOf(t)
  const peer = await greeted(stage)
  assert.deepEqual(peer.heard(), [welcome])
  peer.say({ type: 'ready' })
  peer.say({ type: 'beat', requests: 5, errors: 1 })
  peer.say({
    type: 'beat',
    requests: 6,
    errors: 1,
    inFlight: 2,
    latency: { p50Ms: 1, p95Ms: 2.5, p99Ms: 3 },
  })
  peer.say({ type: 'recycle', requests: 5 })
  peer.say({ type: 'bootFailed', message: 'two\nlines' })
  await stage.until('five events', () => stage.told.length === 5)
  assert.deepEqual(stage.told, [
    `ready ${PID}`,
    `beat ${PID} 5 1 null undefined`, // as an older worker says it
    `beat ${PID} 6 1 2 3`,
    `recycle ${PID} 5`,
    `bootFailed ${PID} two lines`,
  ])
})

test('workers: a message in pieces, and many in one', async (t) => {
  const stage = stageOf(t)
  const peer = await greeted(stage)
  peer.socket.setNoDelay(true)
  peer.say('{"type":"be')
  await new Promise((resolve) => setTimeout(resolve, 20))
  peer.say('at","requests":1,"errors":0}\n{"type":"ready"}\n{"type":"beat","requests":2,"errors":0}\n')
  await stage.until('three events', () => stage.told.length === 3)
  assert.deepEqual(stage.told, [`beat ${PID} 1 0 null undefined`, `ready ${PID}`, `beat ${PID} 2 0 null undefined`])
})

test('workers: hello before bind is held until the pid is known', async (t) => {
  const stage = stageOf(t)
  stage.channel.expect('secret', welcome)
  const peer = await stage.peer()
  peer.say(hello())
  // A second, complete conversation shows that the first hello was read and is being held.
  await greeted(stage, 'other')
  assert.deepEqual([peer.heard(), peer.closed()], [[], false])
  stage.channel.bind('secret', PID)
  await stage.until('the welcome', () => peer.heard().length === 1)
  assert.deepEqual(stage.told, [])
})

test('workers: held, and bound to another pid: refused; the right one still gets in', async (t) => {
  const stage = stageOf(t)
  stage.channel.expect('secret', welcome)
  stage.peerPid = () => 666
  const thief = await stage.peer()
  thief.say(hello('secret', 666))
  stage.peerPid = () => PID
  await greeted(stage, 'other')
  stage.channel.bind('secret', PID)
  await stage.until('the refusal', () => thief.closed())
  assert.deepEqual(thief.heard(), [])
  assert.deepEqual(stage.told, [
    `trouble: cannot let process 666 use the worker channel: it shows the token of process ${PID}`,
  ])
  const peer = await stage.peer()
  peer.say(hello())
  await stage.until('the welcome', () => peer.heard().length === 1)
})

const refusals: [string, number, (object | string)[], RegExp][] = [
  ['an unknown token', PID, [hello('wrong')], /it shows a token that nobody waits for$/],
  ['a pid that is not its own', PID, [hello('secret', 1)], /it calls itself 1$/],
  [
    "another process with a worker's token",
    666,
    [hello('secret', 666)],
    /process 666 .* shows the token of process 4711$/,
  ],
  ['words before hello', PID, [{ type: 'ready' }], /it sent "ready" before it was greeted$/],
  ['hello twice', PID, [hello(), hello()], /it said hello twice$/],
  ['junk', PID, ['junk\n'], /it sent what is no message: junk$/],
  ['an empty line', PID, ['\n'], /it sent what is no message: $/],
  ['JSON that is no message', PID, ['[1]\n'], /it sent what is no message: \[1\]$/],
  ['an unknown type', PID, [hello(), { type: 'shutdown' }], /no message: \{"type":"shutdown"\}$/],
  ['counters that are none', PID, [hello(), { type: 'beat', requests: -1, errors: 0 }], /no message: /],
  ['counters that are too large', PID, [hello(), { type: 'recycle', requests: 1e300 }], /no message: /],
  ['a reason that is no text', PID, [hello(), { type: 'bootFailed', message: [] }], /no message: /],
  ['a line without end', PID, ['x'.repeat(64 * 1024 + 1)], /it sent a line of more than 65536 bytes$/],
  ['all after the junk', PID, [hello(), 'junk\n{"type":"ready"}\n'], /no message: junk$/],
]
for (const [what, pid, messages, text] of refusals) {
  test(`workers: refuses ${what}, and says so`, async (t) => {
    const stage = stageOf(t)
    stage.channel.expect('secret', welcome)
    stage.channel.bind('secret', PID)
    stage.peerPid = () => pid
    const peer = await stage.peer()
    for (const message of messages) peer.say(message)
    await stage.until('the refusal', () => peer.closed())
    assert.equal(stage.told.length, 1, stage.told.join('; '))
    assert.match(stage.told[0] ?? '', text)
  })
}

test('workers: a peer that the kernel cannot name is refused', async (t) => {
  const stage = stageOf(t)
  stage.peerPid = () => {
    throw new Error('ENOTCONN')
  }
  const peer = await stage.peer()
  await stage.until('the refusal', () => peer.closed())
  assert.deepEqual(stage.told, ['trouble: cannot tell who connects to the worker channel: ENOTCONN'])
})

test('workers: the same trouble is told once', async (t) => {
  const stage = stageOf(t)
  for (let i = 0; i < 3; i++) {
    const peer = await stage.peer()
    peer.say(hello())
    await stage.until('the refusal', () => peer.closed())
  }
  assert.equal(stage.told.length, 1)
})

test('workers: a new line of the same worker replaces the old one', async (t) => {
  const stage = stageOf(t)
  const old = await greeted(stage)
  const peer = await greeted(stage)
  await stage.until('the end of the old line', () => old.closed())
  peer.say({ type: 'ready' })
  await stage.until('ready', () => stage.told.length === 1)
  stage.channel.reopen()
  await stage.until('reopen', () => peer.heard().length === 2)
  assert.deepEqual(stage.told, [`ready ${PID}`])
})

test('workers: reopen goes to those who were greeted, and to them only', async (t) => {
  const stage = stageOf(t)
  const stranger = await stage.peer()
  const peer = await greeted(stage)
  stage.channel.reopen()
  await stage.until('reopen', () => peer.heard().length === 2)
  assert.deepEqual(peer.heard()[1], { type: 'reopen' })
  assert.deepEqual(stranger.heard(), [])
})

test('workers: forget ends the line and the token', async (t) => {
  const stage = stageOf(t)
  const peer = await greeted(stage)
  stage.channel.forget('secret')
  stage.channel.forget('never heard of')
  await stage.until('the end', () => peer.closed())
  assert.deepEqual(stage.told, [])
  assert.throws(() => stage.channel.bind('secret', PID), /cannot bind process 4711: its token is not expected/)
})

test('workers: a worker that says its last words and goes is heard', async (t) => {
  const stage = stageOf(t)
  const peer = await greeted(stage)
  peer.socket.end('{"type":"beat","requests":9,"errors":0}\n')
  await stage.until('the close', () => peer.closed())
  assert.deepEqual(stage.told, [`beat ${PID} 9 0 null undefined`], 'told before the close is seen')
})

test('workers: the socket is 0600 from birth, replaces a stale one, and goes with close', async (t) => {
  const stage = stageOf(t)
  const umask = process.umask()
  assert.equal(statSync(stage.path).mode & 0o777, 0o600)
  const stale = `${stage.path}.stale`
  writeFileSync(stale, '')
  const events = { ready() {}, bootFailed() {}, beat() {}, recycle() {}, trouble() {} }
  const other = listenForWorkers(stale, events, () => PID)
  assert.ok(statSync(stale).isSocket())
  assert.equal(process.umask(), umask, 'the umask is put back')
  other.close()
  await stage.until('the removal', () => !existsSync(stale))
})

test('workers: refuses a path that cannot be', (t) => {
  const stage = stageOf(t)
  const events = { ready() {}, bootFailed() {}, beat() {}, recycle() {}, trouble() {} }
  const long = join(stage.path, '..', 'x'.repeat(100))
  assert.throws(
    () => listenForWorkers(long, events, () => PID),
    /^Error: cannot listen for workers on .*: longer than 107/,
  )
  assert.throws(() => listenForWorkers('/nowhere/w.sock', events, () => PID), /ENOENT/)
})

test('workers: after close nobody gets in, and lines are broken', async (t) => {
  const stage = stageOf(t)
  const peer = await greeted(stage)
  stage.channel.close()
  await stage.until('the end', () => peer.closed())
  await assert.rejects(
    new Promise((_resolve, reject) => connect(stage.path).on('error', reject)),
    /ENOENT|ECONNREFUSED/,
  )
  // The path is free for the next master.
  const next = createServer().listen(stage.path)
  await new Promise((resolve) => next.once('listening', resolve))
  next.close()
})
