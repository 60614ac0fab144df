import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { lineOf, lineSplitter } from '../../src/worker/lines.ts'

function play(chunks: readonly Buffer[], limit: number): { lines: string[]; tooLong: number } {
  const lines: string[] = []
  let tooLong = 0
  const push = lineSplitter(
    limit,
    (text) => lines.push(text),
    () => tooLong++,
  )
  for (const chunk of chunks) push(chunk)
  return { lines, tooLong }
}

test('lines: however the bytes are cut, the same messages come out', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.array(fc.nat(200)), (messages, cuts) => {
      const bytes = Buffer.from(messages.map(lineOf).join(''))
      const chunks: Buffer[] = []
      let at = 0
      for (const cut of cuts) {
        chunks.push(bytes.subarray(at, at + cut))
        at += cut
      }
      chunks.push(bytes.subarray(at))
      const { lines } = play(chunks, 1 << 20)
      assert.deepEqual(
        lines.map((line) => JSON.parse(line) as unknown),
        messages.map((message) => JSON.parse(JSON.stringify(message)) as unknown),
      )
    }),
  )
})

test('lines: a line of the limit passes, one byte more ends it, once', () => {
  const limit = 8
  assert.deepEqual(play([Buffer.from('12345678\nx\n')], limit), { lines: ['12345678', 'x'], tooLong: 0 })
  assert.deepEqual(play([Buffer.from('ok\n123456789\nx\n'), Buffer.from('y\n')], limit), { lines: ['ok'], tooLong: 1 })
  assert.deepEqual(play([Buffer.from('12345'), Buffer.from('6789'), Buffer.from('\n')], limit), {
    lines: [],
    tooLong: 1,
  })
})

test('lines: a character cut in two is whole again; what has no newline yet waits', () => {
  const bytes = Buffer.from('grün\nrest')
  assert.deepEqual(play([bytes.subarray(0, 3), bytes.subarray(3)], 100).lines, ['grün'])
})
