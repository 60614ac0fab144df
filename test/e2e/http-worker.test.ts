// HttpWorker under a real master: what it serves, what it counts, and that a reload loses nothing.

import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { keepAliveLoad } from '../helpers/keep-alive.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { sceneOf, until } from '../helpers/scene.ts'
import { freePort, get, type Place } from '../helpers/web.ts'

const HELLO = `import { HttpWorker } from 'processhandler/worker'
export class Web extends HttpWorker {
  async handleRequest(request, response) {
    if (request.url === '/throws') throw new Error('not today')
    if (request.url === '/half') {
      response.write('half')
      throw new Error('not all of it')
    }
    if (request.url === '/slow') await new Promise((done) => setTimeout(done, 700))
    response.end(this.name + ' ' + this.pid)
  }
}
`

/** Status, headers and body. */
function whole(place: Place, path: string): Promise<{ status: number; connection: string; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', ...place, path, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, connection: String(response.headers.connection), body }),
      )
    })
      .on('error', reject)
      .end()
  })
}

test('a request is answered; a throw is 500, half an answer is cut; all are counted', async (t) => {
  const port = await freePort()
  sceneOf(t).write('web.mjs', HELLO)
  const master = await startMaster(
    t,
    `${quick}[web]\nworker = web.mjs\nbind = 127.0.0.1:${port}\nunix_socket = w.sock\n`,
  )
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  assert.match(await get({ port }), /^web:0 \d+$/)
  assert.match(await get({ socketPath: master.scene.path('w.sock') }), /^web:0 \d+$/)
  const thrown = await whole({ port }, '/throws')
  assert.deepEqual([thrown.status, thrown.body], [500, 'Internal Server Error\n'])
  await assert.rejects(whole({ port }, '/half'))
  await until(
    'the log',
    () => master.lines('web.log').filter((line) => line.includes('handleRequest failed')).length === 2,
  )
  assert.ok(master.lines('web.log').some((line) => line.includes('not today')))
  const counted = await until('the counters', async () => {
    const process = await master.process('web:0')
    return process.requests === 4 && process
  })
  assert.deepEqual([counted.errors, counted.inFlight], [2, 0])
  assert.ok(counted.latency && counted.latency.p50 > 0 && counted.latency.p50 <= counted.latency.p99)
})

test('reloads and restarts under keep-alive load: no request fails, whether clients pause or not', async (t) => {
  const port = await freePort()
  sceneOf(t).write('web.mjs', HELLO)
  const master = await startMaster(t, `${quick}[web]\nworker = web.mjs\nbind = 127.0.0.1:${port}\nnumber_workers = 2\n`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const busy = keepAliveLoad({ port }, 6)
  const slow = keepAliveLoad({ port }, 4, 120)
  for (let round = 0; round < 4; round++) {
    const before = busy.answered
    await master.call('reload', { target: 'web' })
    await until('more answers', () => busy.answered > before + 100)
  }
  await master.call('restart', { target: 'web' })
  await busy.end()
  await slow.end()
  assert.deepEqual([...busy.failures, ...slow.failures], [])
})

test('a stop finishes the request in hand, and says that it was the last', async (t) => {
  const port = await freePort()
  sceneOf(t).write('web.mjs', HELLO)
  const master = await startMaster(t, `${quick}[web]\nworker = web.mjs\nbind = 127.0.0.1:${port}\n`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const slow = whole({ port }, '/slow')
  await until('it in hand', async () => (await master.process('web:0')).inFlight === 1)
  await master.call('stop', { target: 'web' })
  const { status, connection } = await slow
  assert.deepEqual([status, connection], [200, 'close'])
  assert.equal((await master.process('web:0')).exit?.code, 0)
})

test('what takes longer than graceful_timeout is cut, and the worker still ends by itself', async (t) => {
  const port = await freePort()
  sceneOf(t).write('web.mjs', HELLO.replace('700', '60_000'))
  const master = await startMaster(
    t,
    `${quick}graceful_timeout = 1500ms\n[web]\nworker = web.mjs\nbind = 127.0.0.1:${port}\n`,
  )
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const slow = assert.rejects(whole({ port }, '/slow'))
  await until('it in hand', async () => (await master.process('web:0')).inFlight === 1)
  await master.call('stop', { target: 'web' })
  await slow
  const { exit } = await master.process('web:0')
  assert.deepEqual([exit?.code, exit?.forced], [0, false])
  assert.ok(master.lines('web.log').some((line) => line.includes('cut requests that took longer')))
})

test('max_requests replaces it, and nobody notices', async (t) => {
  const port = await freePort()
  sceneOf(t).write('web.mjs', HELLO)
  const master = await startMaster(t, `${quick}[web]\nworker = web.mjs\nbind = 127.0.0.1:${port}\nmax_requests = 200\n`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const asking = keepAliveLoad({ port }, 4)
  await until('two recycles', async () => (await master.process('web:0')).recycles >= 2)
  await asking.end()
  assert.deepEqual(asking.failures, [])
  assert.equal((await master.process('web:0')).restarts, 0)
})

test('apps: a function, and an instance like that of fastify; what is none is refused with the reason', async (t) => {
  const [one, two] = [await freePort(), await freePort()]
  const scene = sceneOf(t)
  scene.write(
    'one.mjs',
    `import { HttpWorker } from 'processhandler/worker'
export class One extends HttpWorker {
  async createApp() { return (request, response) => response.end('function ' + this.name) }
}
`,
  )
  scene.write(
    'two.mjs',
    `import { HttpWorker } from 'processhandler/worker'
export class Two extends HttpWorker {
  get app() {
    let isReady = false
    return { ready: async () => { isReady = true }, routing: (request, response) => response.end('routing ' + isReady) }
  }
}
`,
  )
  scene.write(
    'bad.mjs',
    `import { HttpWorker } from 'processhandler/worker'
export class Bad extends HttpWorker { createApp() { return { fetch() {} } } }
`,
  )
  const master = await startMaster(
    t,
    `${quick}start_retries = 0\n[one]\nworker = one.mjs\nbind = 127.0.0.1:${one}\n[two]\nworker = two.mjs\nbind = 127.0.0.1:${two}\n[bad]\nworker = bad.mjs\nunix_socket = bad.sock\n[deaf]\nworker = one.mjs\n`,
  )
  assert.equal(await get({ port: one }), 'function one:0')
  assert.equal(await get({ port: two }), 'routing true')
  await master.call('wait', { target: ['bad', 'deaf'], state: 'FATAL' })
  assert.match(
    (await master.process('bad:0')).reason ?? '',
    /neither a function \(request, response\) nor a fastify instance \(got object\): for hono/,
  )
  assert.match((await master.process('deaf:0')).reason ?? '', /the section has neither bind nor unix_socket/)
})
