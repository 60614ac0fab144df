// Lines in the formats of log_format, for any bytes that a process may print: what is read back is what was
// written, and each line can be read by itself.

import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatLines, type LineFacts } from '../../src/os/line-format.ts'

/** What makes trouble for somebody who writes JSON by hand, or cuts lines. */
const pieces = [
  '\n',
  '\n\n',
  '\r\n',
  '\t',
  '"',
  '\\',
  '\\"',
  '\\n',
  '\0',
  '\b\f\v',
  '\x1b[31m',
  '\x7f',
  ' ',
  'plain text',
  '{"text":"x"}',
  'é',
  '€',
  '😀',
  '\u2028\u2029',
  '\ufeff',
].map((text) => Buffer.from(text))
const torn = [
  [0xff],
  [0x80],
  [0xc3],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x98],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
].map((bytes) => Buffer.from(bytes))

const bytes = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...pieces) },
      { weight: 2, arbitrary: fc.constantFrom(...torn) },
      { weight: 2, arbitrary: fc.uint8Array({ maxLength: 40 }).map((some) => Buffer.from(some)) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 5000 }).map((length) => Buffer.alloc(length, 'long ')) },
      // More than is formatted at a time: with newlines, and without.
      { weight: 1, arbitrary: fc.integer({ min: 30_000, max: 70_000 }).map((length) => Buffer.alloc(length, 'wide ')) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 2000, max: 4000 }).map((n) => Buffer.from('a line "of" text\n'.repeat(n))),
      },
    ),
    { maxLength: 30 },
  )
  .map((parts) => Buffer.concat(parts))
const facts = fc.record({
  name: fc.constantFrom('web:0', 'a-long.name_of:9999'),
  label: fc.constantFrom('stdout', 'stderr'),
  time: fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }).map((date) => date.getTime()),
})

/** The lines of it, and whether the last one goes on. */
function linesOf(whole: Buffer): { readonly lines: readonly Buffer[]; readonly goesOn: boolean } {
  const lines: Buffer[] = []
  let from = 0
  for (let at = whole.indexOf(0x0a); at >= 0; at = whole.indexOf(0x0a, from)) {
    lines.push(whole.subarray(from, at))
    from = at + 1
  }
  const goesOn = from < whole.length
  return { lines: goesOn ? [...lines, whole.subarray(from)] : lines, goesOn }
}

const decoded = (line: Buffer): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(line)

test('json: each line is an object of its own, with the text as it reads in UTF-8', () => {
  fc.assert(
    fc.property(bytes, facts, (printed, { name, label, time }) => {
      const { lines, goesOn } = linesOf(printed)
      const out = formatLines(printed, { format: 'json', name, label, time })
      assert.ok(isUtf8(out))
      const objects = out.toString('utf8').split('\n')
      assert.equal(objects.pop(), '', 'ends with a newline')
      assert.deepEqual(
        objects.map((text) => JSON.parse(text) as unknown),
        lines.map((line, at) => ({
          time: new Date(time).toISOString(),
          name,
          stream: label,
          text: decoded(line),
          ...(goesOn && at === lines.length - 1 ? { more: true } : {}),
        })),
      )
    }),
    { numRuns: 2000 },
  )
})

test('prefix: without the heads it is what was printed, byte for byte', () => {
  fc.assert(
    fc.property(bytes, facts, (printed, { name, label, time }) => {
      const out = formatLines(printed, { format: 'prefix', name, label, time })
      const { lines, goesOn } = linesOf(out)
      assert.ok(!goesOn, 'ends with a newline')
      const back = lines.map((line, at) => {
        const more = at === lines.length - 1 && linesOf(printed).goesOn
        const head = `${new Date(time).toISOString()} ${name} ${label}${more ? '+' : ''} `
        assert.equal(line.toString('latin1', 0, head.length), head)
        return Buffer.concat([line.subarray(head.length), Buffer.from(more ? '' : '\n')])
      })
      assert.deepEqual(Buffer.concat(back), printed)
    }),
    { numRuns: 2000 },
  )
})

const time = Date.parse('2026-11-24T11:40:00.123Z')
const of = (format: LineFacts['format'], text: string): string =>
  formatLines(Buffer.from(text), { format, name: 'web:0', label: 'stderr', time }).toString()

test('as they stand in a file', () => {
  assert.equal(
    of('prefix', 'one\n\ntwo'),
    '2026-11-24T11:40:00.123Z web:0 stderr one\n2026-11-24T11:40:00.123Z web:0 stderr \n2026-11-24T11:40:00.123Z web:0 stderr+ two\n',
  )
  const head = '{"time":"2026-11-24T11:40:00.123Z","name":"web:0","stream":"stderr","text":'
  assert.equal(of('json', 'one\n\ta "b"\ntwo'), `${head}"one"}\n${head}"\\ta \\"b\\""}\n${head}"two","more":true}\n`)
  assert.deepEqual([of('prefix', ''), of('json', '')], ['', ''])
})
