// Lines that are begun and not ended, on a real socket, with shorter times than a master has.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlSocket } from '../helpers/control-socket.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { until } from '../helpers/scene.ts'

test('row 73: a line that has no end, silent or a byte at a time: refused in its time; who says nothing stays', async (t) => {
  const path = await controlSocket(t, { lineMs: 200 })
  const idle = await rawSocket(path)
  const used = await rawSocket(path)
  assert.equal((await used.call('ping')).result, 'pong')
  const silent = await rawSocket(path)
  silent.send('{"jsonrpc":"2.0",')
  const slow = await rawSocket(path)
  const begun = performance.now()
  slow.send('{')
  let over = false
  void slow.closed.then(() => {
    over = true
  })
  await until('its end', () => {
    if (!over) slow.send(' ')
    return over
  })
  assert.ok(performance.now() - begun >= 199, 'not before its time')
  for (const one of [silent, slow]) {
    const { error } = JSON.parse(await one.rest()) as { error: { code: number; message: string } }
    assert.deepEqual(
      [error.code, error.message],
      [-32008, 'cannot wait longer: a line was begun 0.2 s ago and has no end'],
    )
  }
  assert.equal((await idle.call('ping')).result, 'pong')
  assert.equal((await used.call('ping')).result, 'pong')
  for (const one of [idle, used]) one.socket.destroy()
})

test('row 77: lines that many clients begin: together they hold a bounded number of bytes, and the greatest goes', async (t) => {
  const path = await controlSocket(t, { maxMessage: 1000, lineMs: 2_000 })
  const modest = await rawSocket(path)
  modest.send('{"jsonrpc":"2.0","id":1,')
  const greedy = await Promise.all(Array.from({ length: 20 }, () => rawSocket(path)))
  for (const one of greedy) one.send(' '.repeat(990))
  const refused: string[] = []
  for (const one of greedy) void one.closed.then(async () => refused.push(await one.rest()))
  await until('four refusals', () => refused.length >= 4)
  modest.send('"method":"ping"}\n')
  assert.equal((await modest.answer()).result, 'pong')
  assert.equal(refused.length, 4)
  assert.match(refused[0] ?? '', /-32008.*what all clients have begun is more than 16 times max_message/)
  for (const one of [modest, ...greedy]) one.socket.destroy()
})
