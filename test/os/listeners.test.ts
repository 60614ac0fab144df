// Listening sockets where they cannot be taken over: a new one is opened beside the old, when a process needs it.

import assert from 'node:assert/strict'
import { closeSync, existsSync, fstatSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { socketsOf } from '../../src/core/listening.ts'
import type { ListenerRow } from '../../src/core/record.ts'
import type { Address } from '../../src/core/spec.ts'
import { addressOfSocket, chooseAmong } from '../../src/os/libc-socket.ts'
import { systemListeners } from '../../src/os/listeners.ts'
import { needsRoot, sceneOf } from '../helpers/scene.ts'
import { freePort } from '../helpers/web.ts'

const tcp = (port: number, host: string | null = '127.0.0.1'): Address => ({
  kind: 'tcp',
  text: `${host}:${port}`,
  host,
  port,
})
const wantedOf = (listeners: readonly Address[], slot = 0) =>
  socketsOf({ listeners, backlog: 16, balance: 'shared' }, slot)

function stage(kept: ReadonlyMap<string, ListenerRow> | null = null) {
  const rows = new Map<string, ListenerRow | null>()
  const said: string[] = []
  const listeners = systemListeners({
    store: { put: (_kind, key, row) => void rows.set(key, row as ListenerRow | null), flush: () => undefined },
    kept,
    handed: {},
    log: (facts, text) => void said.push(`${text} ${JSON.stringify(facts)}`),
  })
  return { listeners, rows, said }
}

test('an address that a process of an earlier master holds and nobody may take from it', async (t) => {
  const scene = sceneOf(t)
  const port = await freePort()
  const path = scene.path('web.sock')
  const unix: Address = { kind: 'unix', text: path, path, mode: 0o600, owner: null }
  const wanted = wantedOf([tcp(port), unix])
  const old = stage()
  old.listeners.keep('web', wanted)
  const file = old.rows.get(`unix ${path}`)?.file ?? null
  assert.deepEqual([file?.ino, statSync(path).mode & 0o777], [statSync(path).ino, 0o600])
  // No socket has this number: as if it were not ours to look.
  const nowhere = { inode: 1 }
  const next = stage(
    new Map([
      [`tcp 127.0.0.1:${port}`, { ...nowhere, file: null }],
      [`unix ${path}`, { ...nowhere, file }],
    ]),
  )
  next.listeners.keep('web', wanted)
  assert.deepEqual(next.listeners.handOver(), {}, 'the processes that have it go on alone')
  assert.equal(next.said.length, 2, next.said.join('\n'))
  const fds = next.listeners.of('web', wanted)
  assert.deepEqual(fds.map(addressOfSocket), [`tcp 127.0.0.1:${port}`, `unix ${path}`])
  assert.notEqual(statSync(path).ino, file?.ino)
  // A stranger still cannot.
  assert.throws(() => stage().listeners.of('other', wanted), /EADDRINUSE: cannot listen on 127\.0\.0\.1/)
  old.listeners.close()
  assert.ok(existsSync(path), 'the file is not the old one any more')
  next.listeners.close()
  assert.ok(!existsSync(path))
})

test('one socket for all programs that name it; it is closed when the last lets go; a new backlog and mode at once', async (t) => {
  const path = sceneOf(t).path('web.sock')
  const unix = { kind: 'unix', text: path, path, mode: 0o600, owner: null } as const
  const { listeners, rows } = stage()
  listeners.keep('a', wantedOf([unix]))
  const [fd = -1] = listeners.of('a', wantedOf([unix]))
  const { ino } = fstatSync(fd)
  listeners.keep('b', wantedOf([{ ...unix, mode: 0o666 }]))
  assert.equal(statSync(path).mode & 0o777, 0o666)
  listeners.keep('a', [])
  assert.deepEqual(listeners.of('b', wantedOf([unix])), [fd])
  assert.equal(rows.get(`unix ${path}`)?.inode, ino)
  listeners.keep('b', [])
  assert.deepEqual([existsSync(path), rows.get(`unix ${path}`)], [false, null])
})

test('an owner that nobody is, and one that is', { skip: needsRoot }, (t) => {
  const path = sceneOf(t).path('web.sock')
  const unix = { kind: 'unix', text: path, path, mode: 0o660, owner: 'nobody:nogroup' } as const
  const { listeners } = stage()
  listeners.keep('a', wantedOf([unix]))
  const { uid, gid, mode } = statSync(path)
  assert.deepEqual([uid, gid, mode & 0o777], [65534, 65534, 0o660])
  listeners.close()
  assert.throws(
    () => stage().listeners.of('a', wantedOf([{ ...unix, owner: 'no-such-user' }])),
    /EINVAL: cannot listen on .*: there is no user "no-such-user"/,
  )
})

test('the kernel takes any choice among sockets of one address', async () => {
  const port = await freePort()
  const { listeners } = stage()
  const wanted = [0, 1, 2].flatMap((slot) =>
    socketsOf({ listeners: [tcp(port)], backlog: 16, balance: 'reuseport' }, slot, 3),
  )
  listeners.keep('web', wanted)
  const fds = listeners.of('web', wanted)
  assert.equal(new Set(fds).size, 3)
  for (const places of [[0], [2], [0, 2], [0, 1, 2]]) chooseAmong(fds[0] ?? -1, places)
  listeners.close()
  for (const fd of fds) assert.throws(() => closeSync(fd), /EBADF/)
})
