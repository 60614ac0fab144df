// What goes out on a connection, and when.

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { sender } from '../../src/control/sender.ts'
import { turnsOf } from '../../src/control/turns.ts'
import { systemClock } from '../../src/os/clock.ts'

/** Notes each write as it comes to the world. */
function noting(seen: string[]): Writable {
  const note = (chunks: readonly { readonly chunk: Buffer }[], done: () => void): void => {
    seen.push(chunks.map(({ chunk }) => chunk.toString()).join(''))
    done()
  }
  return new Writable({ write: (chunk: Buffer, _encoding, done) => note([{ chunk }], done), writev: note })
}

test('answers to what came together are one write, and go out before a share of starts that is due next', async () => {
  const seen: string[] = []
  const clock = { ...systemClock(), now: () => 0 } // however slow the machine is
  const out = sender(noting(seen), clock, () => 1)
  const place = turnsOf(clock).place()
  const starts = new Promise<void>((done) =>
    setImmediate(() => {
      seen.push('starts')
      done()
    }),
  )
  for (const answer of ['one', 'two', 'three']) {
    place.add(async () => {
      await Promise.resolve() // as a handler does that only looks
      out.send(answer)
    })
  }
  await starts
  assert.deepEqual(seen, ['one\ntwo\nthree\n', 'starts'])
})
