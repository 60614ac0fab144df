// Listening sockets outlive their master: with their queues, in the processes that have them.

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { nextMaster, succeed } from '../helpers/adoption.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { fixture, sceneOf, until, within } from '../helpers/scene.ts'
import { freePort, get, load, type Place } from '../helpers/web.ts'

const SERVES = `command = node ${fixture('serves.js')}\n`

for (const { how, more, count } of [
  { how: 'one queue', more: '', count: 2 },
  { how: 'a queue for each slot', more: 'balance = reuseport\n', count: 3 },
  { how: 'a Unix socket', more: 'unix_socket = web.sock\n', count: 2 },
]) {
  test(`row 1: kill -9 master under load, ${how}: no request fails, and the next one starts processes on the same sockets`, async (t) => {
    const port = await freePort()
    const scene = sceneOf(t)
    const isUnix = more.startsWith('unix')
    const place: Place = isUnix ? { socketPath: scene.path('web.sock') } : { port }
    const bind = isUnix ? '' : `bind = 127.0.0.1:${port}\n`
    const ini = `${quick}[web]\n${SERVES}number_workers = ${count}\n${bind}${more}`
    let master = await startMaster(t, ini)
    await get(place)
    const asking = load(place, 4)
    const goOn = async (): Promise<void> => {
      const before = asking.answered
      await until('more answers', () => asking.answered > before + 50)
    }
    for (let round = 0; round < 3; round++) {
      await goOn()
      master = await succeed(t, master, ini)
      await master.call('reload', { target: 'web' })
      await goOn()
    }
    assert.equal((await master.phctl('upgrade')).code, 0)
    await goOn()
    await master.call('reload', { target: 'web' })
    await goOn()
    await asking.end()
    assert.deepEqual(asking.failures, [])
  })
}

test('row 1: who waits in a queue when the master is killed is answered by a process of the next one', async (t) => {
  const port = await freePort()
  // It holds the socket and never accepts; the next process does.
  const scene = sceneOf(t)
  scene.write('maybe.sh', `[ -e go ] && exec node ${fixture('serves.js')}\nexec sleep 600\n`)
  const ini = `${quick}[web]\ncommand = sh maybe.sh\nbind = 127.0.0.1:${port}\n`
  const first = await startMaster(t, ini)
  const early = get({ port })
  early.catch(() => undefined) // awaited below
  await first.murder()
  scene.write('go', '')
  const master = await nextMaster(t, ini)
  await master.call('reload', { target: 'web' })
  assert.match(await within('the answer', early), /^web:0 /)
})

test('row 55: the record is lost: sockets are found in the processes that have them', async (t) => {
  const [shared, own] = [await freePort(), await freePort()]
  const ini = `${quick}[web]\n${SERVES}bind = 127.0.0.1:${shared}\nunix_socket = web.sock\n[own]\n${SERVES}number_workers = 2\nbind = 127.0.0.1:${own}\nbalance = reuseport\n`
  const first = await startMaster(t, ini)
  await first.call('wait', { target: 'all', state: 'RUNNING' })
  const asking = [
    load({ port: shared }, 2),
    load({ port: own }, 2),
    load({ socketPath: first.scene.path('web.sock') }, 2),
  ]
  await first.murder()
  rmSync(first.scene.path('.phd/state/record'))
  const master = await nextMaster(t, ini)
  assert.ok((await master.call('reload', { target: 'all' })).ok)
  await until('more answers', () => asking.every((one) => one.answered > 50))
  for (const one of asking) await one.end()
  assert.deepEqual(
    asking.map((one) => one.failures),
    [[], [], []],
  )
})
