// Servers that others have written, which know nothing of phd: the same socket before and after, and not one
// request that fails while they are replaced.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { fixture, missing, root, type Scene, sceneOf, until } from '../helpers/scene.ts'
import { freePort, get, load } from '../helpers/web.ts'

const RELOADS = 2

interface Server {
  readonly name: string
  readonly skip: string | false
  /** Returns its section's lines. */
  readonly make: (scene: Scene) => string
}

const APP = `import os
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getppid()]
`

/** From Node 26 on close() breaks off who has connected and whose request is on its way: they are waited for before. */
const FASTIFY = `import fastify from 'fastify'
import { Server } from 'node:net'
const app = fastify({ forceCloseConnections: 'idle' })
app.get('/', async () => String(process.pid))
await app.ready()
app.server.listen({ fd: 3 })
process.on('SIGTERM', () => {
  Server.prototype.close.call(app.server)
  setTimeout(() => app.close(), 300)
})
`

const servers: readonly Server[] = [
  { name: 'node, listen({ fd: 3 })', skip: false, make: () => `command = node ${fixture('serves.js')}` },
  {
    name: 'fastify, listen({ fd: 3 })',
    skip: false,
    make(scene) {
      symlinkSync(path.join(root, 'node_modules'), scene.path('node_modules'))
      scene.write('app.mjs', FASTIFY)
      return 'command = node app.mjs'
    },
  },
  {
    name: 'Python, socket.fromfd',
    skip: missing('python3'),
    make: () => `command = python3 ${fixture('serves.py')}`,
  },
  {
    name: 'gunicorn',
    skip: missing('gunicorn'),
    make(scene) {
      scene.write('app.py', APP)
      return 'command = gunicorn --workers 1 app:app'
    },
  },
  {
    name: 'C, sd_listen_fds',
    skip: missing('cc') || (existsSync('/usr/include/systemd/sd-daemon.h') ? false : 'needs libsystemd-dev'),
    make(scene) {
      execFileSync('cc', ['-O1', '-Wall', '-o', scene.path('serves'), fixture('serves.c'), '-lsystemd'])
      return 'command = ./serves'
    },
  },
]

for (const { name, skip, make } of servers) {
  test(`${name}: reloaded again and again under load, no request fails`, { skip }, async (t) => {
    const port = await freePort()
    const scene = sceneOf(t)
    const master = await startMaster(
      t,
      `${quick}[web]\n${make(scene)}\nnumber_workers = 2\nstart_seconds = 500ms\nbind = 127.0.0.1:${port}\n`,
    )
    const before = await get({ port })
    const asking = load({ port }, 4)
    for (let n = 0; n < RELOADS; n++) {
      const from = asking.answered
      assert.ok((await master.call('reload', { target: 'web' })).ok)
      await until('more answers', () => asking.answered > from + 20)
    }
    await asking.end()
    assert.deepEqual(asking.failures, [])
    assert.notEqual(await get({ port }), before)
  })
}

test('kill -9 of processes under load: only the request that each had in hand fails', {
  skip: missing('python3'),
}, async (t) => {
  const kills = 4
  const port = await freePort()
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = python3 ${fixture('serves.py')}\nnumber_workers = 2\nbind = 127.0.0.1:${port}\nbackoff_reset = 0\nenv.PAUSE = 0.01\n`,
  )
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const asking = load({ port }, 8)
  for (let n = 0; n < kills; n++) {
    const victim = `web:${n % 2}`
    const { pid } = await master.process(victim)
    const from = asking.answered
    await until('answers', () => asking.answered > from + 10)
    process.kill(pid ?? 0, 'SIGKILL')
    await until('its successor', async () => {
      const now = await master.process(victim)
      return now.state === 'RUNNING' && now.pid !== pid
    })
  }
  await asking.end()
  assert.ok(
    asking.failures.length <= kills,
    `${asking.failures.length} of ${asking.answered} failed: ${asking.failures.join()}`,
  )
})
