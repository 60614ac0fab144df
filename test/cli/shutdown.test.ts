// phctl shutdown returns when the master is gone, whatever way it goes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { against, answering, info, ok, type Reply } from './fake-master.ts'
import { phctl } from './phctl.ts'

const soon = { timeout: 60_000 }

test('it answers and goes', soon, () =>
  against(
    ({ id, method }, socket, fake) => {
      if (method === 'info') return void socket.write(ok(id, info))
      socket.write(ok(id, { ok: true }))
      setTimeout(() => void fake.die(), 300)
    },
    async (_fake, env) => {
      const began = Date.now()
      const ran = await phctl(['shutdown'], { env })
      assert.deepEqual([ran.code, ran.stdout, ran.stderr], [0, `master ${info.pid} is gone\n`, ''])
      assert.ok(Date.now() - began >= 300)
    },
  ),
)

test('it goes without an answer', soon, () =>
  against(
    ({ id, method }, socket, fake) => {
      if (method === 'info') socket.write(ok(id, info))
      else void fake.die()
    },
    async (_fake, env) => {
      const ran = await phctl(['shutdown', '--json'], { env })
      assert.deepEqual([ran.code, ran.stdout], [0, '{"ok":true}\n'])
    },
  ),
)

test('it closes the connection and still answers as that pid for a while', soon, () => {
  let answers = 0
  const reply: Reply = ({ id, method }, socket, fake) => {
    if (method === 'shutdown') return void socket.end(ok(id, { ok: true }))
    answers++
    socket.write(ok(id, info))
    if (answers > 3) setImmediate(() => void fake.die())
  }
  return against(reply, async (_fake, env) => {
    assert.equal((await phctl(['shutdown'], { env })).code, 0)
    assert.ok(answers > 3)
  })
})

test('another one answers there already', soon, () => {
  let { pid } = info
  const reply: Reply = ({ id, method }, socket) => {
    if (method === 'info') return void socket.write(ok(id, { ...info, pid }))
    pid++
    socket.end(ok(id, { ok: true }))
  }
  return against(reply, async (_fake, env) => assert.equal((await phctl(['shutdown'], { env })).code, 0))
})

test('somebody else asked before: wait for the end all the same', soon, () => {
  const table = answering({ shutdown: [-32007, 'PH_STOPPING'] })
  const reply: Reply = (request, socket, fake) => {
    table(request, socket, fake)
    if (request.method === 'shutdown') setTimeout(() => void fake.die(), 100)
  }
  return against(reply, async (_fake, env) => assert.equal((await phctl(['shutdown'], { env })).code, 0))
})

test('it never goes: --timeout ends the wait', soon, () =>
  against(answering({ shutdown: { ok: true } }), async (_fake, env) => {
    const ran = await phctl(['shutdown', '--timeout', '300ms'], { env })
    assert.deepEqual([ran.code, ran.stdout], [7, ''])
    assert.match(ran.stderr, /cannot wait longer for the end of master/)
  }),
)

test('--no-wait does not wait', soon, () =>
  against(answering({ shutdown: { ok: true } }), async (fake, env) => {
    assert.equal((await phctl(['shutdown', '--no-wait'], { env })).code, 0)
    assert.deepEqual(fake.asked.at(-1)?.params, { wait: false })
  }),
)

test('it refuses: nobody waits', soon, () =>
  against(answering({ shutdown: [-32005, 'PH_DENIED'] }), async (_fake, env) =>
    assert.equal((await phctl(['shutdown'], { env })).code, 5),
  ),
)
