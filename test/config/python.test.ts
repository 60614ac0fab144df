// The dialect is Python's: the same files and command lines, read by Python itself.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLayer, type Entries } from '../../src/config/layers.ts'
import { lex } from '../../src/config/lexer.ts'
import { BadValue, Findings } from '../../src/config/problems.ts'
import { splitWords } from '../../src/config/words.ts'

const skip = spawnSync('python3', ['--version']).status === 0 ? false : 'python3 is not installed'

/** What `code` makes of each case, in one run of Python: it reads `cases`, and fills `out`. */
function python(code: string, cases: readonly unknown[]): readonly unknown[] {
  const script = `import configparser, json, shlex, sys\ncases = json.load(sys.stdin)\nout = []\n${code}\njson.dump(out, sys.stdout)`
  const run = spawnSync('python3', ['-c', script], {
    input: JSON.stringify(cases),
    maxBuffer: 2 ** 28,
    encoding: 'utf8',
  })
  assert.equal(run.status, 0, run.stderr)
  return JSON.parse(run.stdout) as readonly unknown[]
}

test('words are those of shlex.split', { skip }, () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    ' ',
    '"',
    "'",
    '\\',
    '$',
    '\n',
    '\t',
    '#',
    ';',
    '=',
    'é',
    '|',
    '\0slot:d\0',
    '\u00a0',
  )
  const cases = fc.sample(
    fc.array(piece, { maxLength: 14 }).map((parts) => parts.join('')),
    { numRuns: 5000, seed: 7 },
  )
  const theirs = python(
    'for case in cases:\n  try: out.append(shlex.split(case))\n  except ValueError: out.append(None)',
    cases,
  )
  const ours = cases.map((text) => {
    try {
      return splitWords(text)
    } catch (e) {
      if (!(e instanceof BadValue)) throw e
      return null
    }
  })
  for (const [index, text] of cases.entries()) assert.deepEqual(ours[index], theirs[index], JSON.stringify(text))
})

test('sections, continuations, comments and interpolation are those of configparser', { skip }, () => {
  // Not empty: where a value begins on the next line, configparser keeps the newline before it.
  const value = fc
    .array(fc.constantFrom('x', 'y z', ';', ' #', '=', '"', '%%', '%(a)s', '%(B)s', '%(c)s', '[q]', "'", 'é'), {
      minLength: 1,
      maxLength: 5,
    })
    .map((parts) => parts.join(''))
  const more = fc.oneof(
    value.map((text) => `\n  ${text}`),
    fc.constantFrom('', '', '\n', '\n# comment', '\n  ; comment', '\n\n'),
  )
  const line = (key: string): fc.Arbitrary<string> =>
    fc.tuple(value, more, more).map((parts) => `${key} = ${parts.join('')}`)
  const section = fc.tuple(line('a'), line('B'), line('c')).chain((lines) => fc.shuffledSubarray(lines))
  const file = fc.tuple(section, section).map(([one, other]) => ['[DEFAULT]', ...one, '[s]', ...other, ''].join('\n'))
  const cases = fc.sample(file, { numRuns: 3000, seed: 11 })
  const theirs = python(
    `for case in cases:
  p = configparser.ConfigParser(delimiters=('=',))
  p.read_string(case)
  row = {}
  for key in p['s']:
    try: row[key] = p['s'][key]
    except configparser.Error: row[key] = None
  out.append(row)`,
    cases,
  )
  const builtins = { program: 's', instance: null, cpus: 1, env: {}, here: '/', place: null }
  for (const [index, text] of cases.entries()) {
    const findings = new Findings()
    const sections = lex(text, 'f', findings)
    findings.settle()
    const entries = (name: string): Entries => sections.find((each) => each.name === name)?.entries ?? new Map()
    const layer = createLayer('program', entries('s'), entries('DEFAULT'), builtins)
    const names = [...new Set([...entries('DEFAULT').keys(), ...entries('s').keys()])]
    const row = names.map((name): [string, string | null] => {
      try {
        return [name, layer.value(name)?.text ?? '']
      } catch (e) {
        if (!(e instanceof BadValue)) throw e
        return [name, null]
      }
    })
    assert.deepEqual(Object.fromEntries(row), theirs[index], JSON.stringify(text))
  }
})
