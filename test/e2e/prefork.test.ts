// Servers that others have written, which know nothing of phd: the same socket before and after, and not one
// request that fails while they are replaced.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { fixture, missing, type Scene, sceneOf, until } from '../helpers/scene.ts'
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

const servers: readonly Server[] = [
  { name: 'node, listen({ fd: 3 })', skip: false, make: () => `command = node ${fixture('serves.js')}` },
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
