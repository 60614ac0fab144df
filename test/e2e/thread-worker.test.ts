// ThreadWorker under a real master: work that computes runs in threads, and the process stays awake.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { sceneOf, until } from '../helpers/scene.ts'
import { freePort } from '../helpers/web.ts'

const TASKS = `import { threadId } from 'node:worker_threads'
export function spin({ ms }) {
  const end = performance.now() + ms
  while (performance.now() < end);
  return threadId
}
export function fails() { throw new Error('bad sum') }
`
const POOL = `import { ThreadWorker } from 'processhandler/worker'
export class Pool extends ThreadWorker {
  static TASKS = new URL('./tasks.mjs', import.meta.url)
  async handleRequest(connection) {
    for await (const chunk of connection) {
      const name = String(chunk).trim()
      connection.write(String(await this.thread(name, { ms: 800 })))
      break
    }
  }
}
`

async function say(port: number, word: string): Promise<string> {
  const socket = connect(port, '127.0.0.1', () => socket.write(`${word}\n`))
  return text(socket)
}

test('requests that compute run side by side in threads, and the heartbeat goes on', async (t) => {
  const port = await freePort()
  const scene = sceneOf(t)
  scene.write('tasks.mjs', TASKS)
  scene.write('pool.mjs', POOL)
  const master = await startMaster(
    t,
    `${quick}[pool]\nworker = pool.mjs\nbind = 127.0.0.1:${port}\nmax_greenlets = 2\nworker_timeout = 600ms\n`,
  )
  await master.call('wait', { target: 'pool', state: 'RUNNING' })
  const answers = [say(port, 'spin'), say(port, 'spin'), say(port, 'spin')]
  await until('two in hand', async () => (await master.process('pool:0')).inFlight === 2)
  const ids = await Promise.all(answers)
  assert.equal(new Set(ids).size, 2, ids.join())
  assert.equal(await say(port, 'fails'), '')
  await until('the log', () => master.lines('pool.log').some((line) => line.includes('bad sum')))
  const last = say(port, 'spin')
  await until('it in hand', async () => (await master.process('pool:0')).inFlight === 1)
  await master.call('stop', { target: 'pool' })
  assert.match(await last, /^\d+$/)
  const { exit, restarts } = await master.process('pool:0')
  assert.deepEqual([exit?.code, exit?.signal, restarts], [0, null, 0])
})

test('a class without TASKS does not boot', async (t) => {
  sceneOf(t).write(
    'pool.mjs',
    "import { ThreadWorker } from 'processhandler/worker'\nexport class Pool extends ThreadWorker { handleRequest() {} }\n",
  )
  const master = await startMaster(t, '[pool]\nworker = pool.mjs\nstart_retries = 0\n')
  await master.call('wait', { target: 'pool', state: 'FATAL' })
  assert.match((await master.process('pool:0')).reason ?? '', /class Pool has no static TASKS/)
})
