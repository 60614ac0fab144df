// SyncWorker and ConcurrentWorker on listeners, under a real master: how many connections one process
// has in hand, that the others wait where every process can take them, and that none is lost.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { sceneOf, until } from '../helpers/scene.ts'
import { freePort, load } from '../helpers/web.ts'

/** Answers each line with its name; `slow` takes a second, `held` until there is a file `go`, `throws` throws. */
const worker = (kind: string): string => `import { existsSync } from 'node:fs'
import { ${kind} } from 'processhandler/worker'
let inHand = 0
export class Echo extends ${kind} {
  async handleRequest(connection) {
    inHand++
    try {
      for await (const chunk of connection) {
        const word = String(chunk).trim()
        if (word === 'throws') throw new Error('bad luck')
        if (word.startsWith('slow')) await new Promise((done) => setTimeout(done, 1000))
        while (word === 'held' && !existsSync('go')) await new Promise((done) => setTimeout(done, 10))
        connection.write(this.name + ' ' + inHand + '\\n')
        break
      }
    } finally {
      inHand--
    }
  }
}
`

/** Answers HTTP requests by hand, so that the load of HTTP clients can be used. */
const RAW = `import { once } from 'node:events'
import { SyncWorker } from 'processhandler/worker'
export class Raw extends SyncWorker {
  async handleRequest(connection) {
    await once(connection, 'data')
    connection.write('HTTP/1.1 200 OK\\r\\nconnection: close\\r\\ncontent-length: 2\\r\\n\\r\\nok')
  }
}
`

/** What one connection is answered; rejects when it is cut. */
function say(port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(`${word}\n`))
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text
    })
    socket.on('error', reject)
    socket.on('close', () => (heard === '' ? reject(new Error('no answer')) : resolve(heard.trim())))
  })
}

async function serve(t: TestContext, kind: string, more: string): Promise<{ master: Master; port: number }> {
  const port = await freePort()
  sceneOf(t).write('echo.mjs', worker(kind))
  const master = await startMaster(t, `${quick}[echo]\nworker = echo.mjs\nbind = 127.0.0.1:${port}\n${more}`)
  await master.call('wait', { target: 'echo', state: 'RUNNING' })
  return { master, port }
}

test('SyncWorker: while one is busy the other takes all that come', async (t) => {
  const { master, port } = await serve(t, 'SyncWorker', 'number_workers = 2\n')
  const held = say(port, 'held')
  const answers: string[] = []
  // They would be stuck behind the one that is held if its process accepted them.
  await until('the other one alone', async () => {
    answers.push(await say(port, 'quick'))
    return answers.length >= 30
  })
  master.scene.write('go', '')
  const [busy] = (await held).split(' ')
  assert.ok(!answers.some((answer) => answer.startsWith(`${busy} `)), `${busy}: ${answers.join()}`)
})

test('SyncWorker: one at a time, the next ones wait', async (t) => {
  const { port } = await serve(t, 'SyncWorker', '')
  const all = await Promise.all(['slow', 'quick', 'quick'].map((word) => say(port, word)))
  assert.deepEqual(all, ['echo:0 1', 'echo:0 1', 'echo:0 1'])
})

test('ConcurrentWorker: max_concurrency in hand, and no more', async (t) => {
  const { master, port } = await serve(t, 'ConcurrentWorker', 'max_concurrency = 3\n')
  const answers = Promise.all(Array.from({ length: 7 }, () => say(port, 'slow')))
  await until('three in hand', async () => (await master.process('echo:0')).inFlight === 3)
  const most = Math.max(...(await answers).map((answer) => Number(answer.split(' ')[1])))
  assert.equal(most, 3)
})

test('a stop finishes the connection in hand; one that waits is for the next process', async (t) => {
  const { master, port } = await serve(t, 'SyncWorker', '')
  const slow = say(port, 'slow')
  await until('it in hand', async () => (await master.process('echo:0')).inFlight === 1)
  const waiting = say(port, 'quick')
  await master.call('restart', { target: 'echo' })
  assert.deepEqual(await Promise.all([slow, waiting]), ['echo:0 1', 'echo:0 1'])
})

test('a throw closes the connection, and is logged and counted', async (t) => {
  const { master, port } = await serve(t, 'SyncWorker', '')
  await assert.rejects(say(port, 'throws'))
  assert.equal(await say(port, 'quick'), 'echo:0 1')
  const { errors } = await until('the count', async () => {
    const process = await master.process('echo:0')
    return process.requests === 2 && process
  })
  assert.equal(errors, 1)
  assert.ok(master.lines('echo.log').some((line) => line.includes('bad luck')))
})

for (const balance of ['shared', 'reuseport']) {
  test(`${balance}: reloads, scaling and recycling lose no connection`, async (t) => {
    const port = await freePort()
    sceneOf(t).write('raw.mjs', RAW)
    const master = await startMaster(
      t,
      `${quick}[raw]\nworker = raw.mjs\nbind = 127.0.0.1:${port}\nnumber_workers = 2\nmax_requests = 300\nbalance = ${balance}\n`,
    )
    await master.call('wait', { target: 'raw', state: 'RUNNING' })
    const asking = load({ port }, 8)
    for (const workers of [3, 1, 2]) {
      await master.call('scale', { program: 'raw', workers })
      const before = asking.answered
      await master.call('reload', { target: 'raw' })
      await until('more answers', () => asking.answered > before + 100)
    }
    await asking.end()
    assert.deepEqual(asking.failures, [])
    assert.ok(asking.answered > 300)
  })
}

test('ConcurrentWorker without listeners: so many loops', async (t) => {
  sceneOf(t).write(
    'job.mjs',
    `import { ConcurrentWorker } from 'processhandler/worker'
export class Job extends ConcurrentWorker {
  async handleRequest() { await new Promise((done) => setTimeout(done, 1500)) }
}
`,
  )
  const master = await startMaster(t, '[job]\nworker = job.mjs\nmax_greenlets = 4\n')
  await until('four in hand', async () => (await master.process('job:0')).inFlight === 4)
  await master.call('stop', { target: 'job' })
  assert.equal((await master.process('job:0')).exit?.code, 0)
})
