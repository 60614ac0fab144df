// Lines out of bytes: however the bytes are cut, the lines are the same.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lineSplitter } from '../../src/api/framing.ts'

function collect(limit: number): {
  lines: string[]
  long: () => number
  push: (b: Buffer) => void
  pending: () => number
} {
  const lines: string[] = []
  let long = 0
  const splitter = lineSplitter(
    limit,
    (bytes) => lines.push(bytes.toString('utf8')),
    () => long++,
  )
  return { lines, long: () => long, push: (b) => splitter.push(b), pending: () => splitter.pending }
}

test('any cutting of the stream gives the same lines, also in the middle of a character', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: 'grapheme' }).map((s) => s.replace(/[\r\n]/g, '')),
        { maxLength: 8 },
      ),
      fc.array(fc.nat(12), { minLength: 1, maxLength: 40 }),
      (texts, cuts) => {
        const bytes = Buffer.from(texts.map((t) => `${t}\n`).join(''))
        const got = collect(1 << 20)
        let from = 0
        for (let i = 0; from < bytes.length; i++) {
          const to = from + Math.max(i < 1000 ? 0 : 1, cuts[i % cuts.length] ?? 1)
          got.push(bytes.subarray(from, to))
          from = Math.min(to, bytes.length)
        }
        assert.deepEqual(got.lines, texts)
        assert.equal(got.pending(), 0)
      },
    ),
  )
})

test('a CR before the newline is cut, one inside stays, empty lines are lines', () => {
  const got = collect(100)
  got.push(Buffer.from('a\r\n\nb\rc\n\r'))
  got.push(Buffer.from('\n'))
  assert.deepEqual(got.lines, ['a', '', 'b\rc', ''])
})

test('what waits for its newline is counted and not given', () => {
  const got = collect(100)
  got.push(Buffer.from('one\ntw'))
  assert.deepEqual([got.lines, got.pending()], [['one'], 2])
  got.push(Buffer.from('o\n'))
  assert.deepEqual([got.lines, got.pending()], [['one', 'two'], 0])
})

for (const [name, chunks] of [
  ['in one chunk', ['12345\n123456\nnever\n']],
  ['over many chunks', ['12345\n', '123', '45', '6', '\nnever\n']],
] as const) {
  test(`a line over the limit ends the reading once: ${name}`, () => {
    const got = collect(5)
    for (const chunk of chunks) got.push(Buffer.from(chunk))
    assert.deepEqual([got.lines, got.long(), got.pending()], [['12345'], 1, 0])
  })
}
