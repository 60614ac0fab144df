// Lines into sections: what is kept, what is refused, and that nothing else can happen.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Entry, lex, type Section } from '../../src/config/lexer.ts'
import { Findings } from '../../src/config/problems.ts'
import { PhError } from '../../src/errors.ts'

function scan(text: string): readonly Section[] {
  const findings = new Findings()
  const sections = lex(text, 'f', findings)
  findings.settle()
  return sections
}

const entriesOf = (text: string): [string, Entry][] => [...(scan(text)[0]?.entries ?? [])]
const valuesOf = (text: string): [string, string][] => entriesOf(text).map(([key, { value }]) => [key, value])

test('a value is what follows the first =, trimmed and otherwise untouched', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['k = v', 'v'],
    ['k=v', 'v'],
    ['k \t=\t  v \t', 'v'],
    ['k = a=b', 'a=b'],
    ['k = a ; b # c', 'a ; b # c'],
    ['k = "quoted"', '"quoted"'],
    ["k = 'single'", "'single'"],
    ['k = true', 'true'],
    ['k = null', 'null'],
    ['k = [x]', '[x]'],
    ['k = a\\;b\\n', 'a\\;b\\n'],
    ['k = \u2028\u2029\u0085\u00a0', '\u2028\u2029\u0085\u00a0'],
    ['k =', ''],
    ['k = a\n b\n\tc', 'a\nb\nc'],
    ['k = a\n\n  b\n\n', 'a\n\nb'],
    ['k =\n  a', 'a'],
    ['k = a\n# no\n  # no\n  b', 'a\nb'],
    ['k = a\n  [b]\n  c = d', 'a\n[b]\nc = d'],
  ]
  for (const [line, value] of rows) {
    for (const text of [`[s]\n${line}\n`, `\ufeff[s]\n${line}`, `[s]\n${line}\n`.replaceAll('\n', '\r\n')]) {
      assert.deepEqual(valuesOf(text), [['k', value]], JSON.stringify(text))
    }
  }
})

test('names that mean something to a parser of objects mean nothing here', () => {
  const keys = ['__proto__', 'constructor', 'toString', 'a.b', 'hasOwnProperty']
  for (const name of ['__proto__', 'a.b.c', 'constructor', '0']) {
    const [section] = scan(`[${name}]\n${keys.map((key) => `${key} = 1\n`).join('')}`)
    assert.equal(section?.name, name)
    assert.deepEqual(
      [...(section?.entries.keys() ?? [])],
      keys.map((key) => key.toLowerCase()),
    )
  }
})

test('keys ignore case, variables of an environment keep it', () => {
  const keys = entriesOf('[s]\nMax_Age = 1\nENV.Path = 2\nenv.path = 3\nENV_A = 4\nEnv_A = 5\n')
  assert.deepEqual(
    keys.map(([key, { written }]) => [key, written]),
    [
      ['max_age', 'Max_Age'],
      ['env.Path', 'ENV.Path'],
      ['env.path', 'env.path'],
      ['ENV_A', 'ENV_A'],
      ['env_a', 'Env_A'],
    ],
  )
})

test('every entry and section knows its line', () => {
  const [first, second] = scan('\n# c\n[a]\nk = 1\n  2\n\nl = 3\n[b]\n')
  assert.equal(first?.line, 3)
  assert.deepEqual(
    [...(first?.entries.values() ?? [])].map(({ line }) => line),
    [4, 7],
  )
  assert.equal(second?.line, 8)
})

test('any value comes back verbatim', () => {
  const value = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => !/[\n\r\0]/.test(text))
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), fc.boolean(), fc.boolean(), (list, crlf, bom) => {
      const lines = ['[s]', ...list.map((each, index) => `k${index} = ${each}`)]
      const text = (bom ? '\ufeff' : '') + lines.join(crlf ? '\r\n' : '\n')
      const trimmed = list.map((each): string => each.replace(/^[ \t]+|[ \t]+$/g, ''))
      assert.deepEqual(
        valuesOf(text).map(([, each]) => each),
        trimmed,
      )
    }),
    { numRuns: 500 },
  )
})

test('random text is read or refused, never anything else', () => {
  const pieces = fc.constantFrom(
    '[',
    ']',
    '=',
    '\n',
    '\r\n',
    ' ',
    '\t',
    '#',
    ';',
    '"',
    "'",
    '\\',
    'a',
    'key',
    '%(x)s',
    '__proto__',
    '.',
    '\ufeff',
  )
  const text = fc.array(fc.oneof({ weight: 4, arbitrary: pieces }, fc.string({ unit: 'binary', maxLength: 3 })), {
    maxLength: 60,
  })
  fc.assert(
    fc.property(text, (parts) => {
      try {
        for (const section of scan(parts.join(''))) {
          for (const entry of section.entries.values()) assert.equal(typeof entry.value, 'string')
        }
      } catch (e) {
        if (!(e instanceof PhError)) throw e
        assert.equal(e.code, 'PH_CONFIG')
        assert.match(e.message, /^f:\d+: /)
      }
    }),
    { numRuns: 3000 },
  )
})
