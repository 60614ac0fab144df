// What one connection may cost: the answer to a batch goes out as it comes, and is not made faster than it is read.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlSocket } from '../helpers/control-socket.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { until } from '../helpers/scene.ts'

const call = (id: number, method: string): object => ({ jsonrpc: '2.0', id, method })

test('a batch of long answers, to a client that does not read: few are made, and then all come, in one line', async (t) => {
  let made = 0
  const long = 'é'.repeat(10_000)
  const path = await controlSocket(t, {
    handlers: {
      long() {
        made++
        return long
      },
    },
  })
  const raw = await rawSocket(path)
  raw.socket.pause()
  const batch = Array.from({ length: 1000 }, (_none, id) => call(id, 'long'))
  raw.send(`${JSON.stringify(batch)}\n${JSON.stringify(call(1000, 'ping'))}\n`)
  await until('the first answers', () => made > 50)
  const other = await rawSocket(path)
  for (let n = 0, before = -1; n < 20 || made !== before; n++) {
    before = made
    assert.equal((await other.call('ping')).result, 'pong')
  }
  assert.ok(made < 200, `${made} answers were made, of which none was read`)
  raw.socket.resume()
  const answers = (await raw.answer()) as unknown as { id: number; result: string }[]
  assert.deepEqual(
    answers.map(({ id }) => id),
    batch.map((_none, id) => id),
  )
  assert.ok(answers.every(({ result }) => result === long))
  assert.equal((await raw.answer()).id, 1000)
  for (const one of [raw, other]) one.socket.destroy()
})

test('what is answered while a long answer to a batch goes out comes after it, whole', async (t) => {
  let go: (value: string) => void = () => undefined
  const slow = new Promise<string>((answer) => {
    go = answer
  })
  const path = await controlSocket(t, { handlers: { long: () => 'x'.repeat(300_000), slow: () => slow } })
  const raw = await rawSocket(path)
  let text = ''
  raw.socket.on('data', (chunk: string) => {
    text += chunk
  })
  raw.send(`${JSON.stringify([call(1, 'long'), call(2, 'slow')])}\n${JSON.stringify(call(3, 'ping'))}\n`)
  await until('the beginning', () => text.includes('"id":1'))
  assert.ok(!text.includes('\n'))
  go('at last')
  const answers = (await raw.answer()) as unknown as { id: number }[]
  assert.deepEqual(
    answers.map(({ id }) => id),
    [1, 2],
  )
  assert.equal((await raw.answer()).id, 3)
  raw.socket.destroy()
})
