// How things look, as tables; and that no text, however odd, breaks a column.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  clean,
  columns,
  count,
  countdown,
  cut,
  cutName,
  duration,
  padEnd,
  painter,
  percent,
  size,
  width,
} from '../../cli/format.ts'

function table<In>(name: string, f: (input: In) => unknown, rows: readonly (readonly [In, unknown])[]): void {
  test(name, () => {
    for (const [input, wanted] of rows) assert.equal(f(input), wanted, `of ${String(input)}`)
  })
}

table('duration', duration, [
  [-1, '0s'],
  [0, '0s'],
  [59.9, '59s'],
  [60, '1m 0s'],
  [3599, '59m 59s'],
  [3600, '1h 0m'],
  [86_399, '23h 59m'],
  [86_400, '1d 0h'],
  [99 * 86_400 + 86_399, '99d 23h'],
  [100 * 86_400, '100d'],
])
table('countdown', countdown, [
  [-3, '0.0s'],
  [0.04, '0.0s'],
  [3.21, '3.2s'],
  [9.94, '9.9s'],
  [9.96, '10s'],
  [63.2, '1m 3s'],
])
table('size', size, [
  [0, '0B'],
  [1023, '1023B'],
  [1024, '1K'],
  [512 * 1024, '512K'],
  [1024 * 1024, '1.0M'],
  [1000 * 1024, '1.0M'],
  [150 * 1024 * 1024, '150M'],
  [1.5 * 1024 ** 3, '1.5G'],
])
table('percent', percent, [
  [0, '0.0%'],
  [12.34, '12.3%'],
  [99.94, '99.9%'],
  [99.96, '100%'],
  [1600.4, '1600%'],
])
table('width', width, [
  ['', 0],
  ['web', 3],
  ['日本', 4],
  ['ｗ', 2],
  ['é', 1],
  ['e\u0301', 1],
  ['👍', 2],
  ['👨‍👩‍👧', 2],
  ['☎️', 2],
  ['…', 1],
  ['\x1b[32mok\x1b[39m', 2],
])
table('clean', clean, [
  ['plain', 'plain'],
  ['two\nlines\tand  more ', 'two lines and more'],
  ['\x1b[2Jgone', '\\x1b[2Jgone'],
  ['\x07\x9b', '\\x07\\x9b'],
  ['a\u202eb', 'a\\u202eb'],
  ['日本', '日本'],
])

test('cut keeps what fits and says that it cut', () => {
  assert.deepEqual(
    [cut('web', 3), cut('webs', 3), cut('日本語', 5), cut('日本語', 4), cut('日本', 1), cut('x', 0)],
    ['web', 'we…', '日本…', '日…', '…', ''],
  )
})

test('cutName keeps the slot readable', () => {
  assert.deepEqual(
    [cutName('web:12', 6), cutName('website:12', 8), cutName('website:12', 4), cutName('website', 4)],
    ['web:12', 'webs…:12', 'web…', 'web…'],
  )
})

test('no text is wider than it was cut to, nor narrower than it was padded to', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.nat(20), (text, room) => {
      assert.ok(width(cut(text, room)) <= room)
      assert.ok(width(cutName(`${clean(text)}:3`, room)) <= room)
      assert.equal(width(padEnd(cut(text, room), room)), room)
    }),
  )
})

test('clean leaves nothing that moves a cursor', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(clean(text), /\p{Cc}/u)
    }),
  )
})

test('numbers fit their columns of the status table', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (n) => {
      assert.ok(duration(n).length <= 7, duration(n))
      assert.ok(size(n * 1e5).length <= 6, size(n * 1e5))
    }),
  )
})

test('columns are as wide as their widest cell, colours and wide characters included', () => {
  const paint = painter(true)
  const lines = columns([
    ['a', paint('red', 'x'), 'end'],
    ['日本', 'long', 'end'],
    ['a', '', ''],
  ])
  assert.deepEqual(lines, [`a     ${paint('red', 'x')}     end`, '日本  long  end', 'a'])
})

test('count, and a painter without colour', () => {
  assert.deepEqual([count(1, 'process', 'processes'), count(0, 'problem')], ['1 process', '0 problems'])
  assert.deepEqual(
    [painter(false)('red', 'x'), painter(true)(null, 'x'), painter(true)('dim', 'x')],
    ['x', 'x', '\x1b[2mx\x1b[22m'],
  )
})
