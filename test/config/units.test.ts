// Words and numbers of an INI file: what is understood, and what is not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isSecret, masked, parsePairs } from '../../src/config/environment.ts'
import { expandGlob } from '../../src/config/files.ts'
import { instanceFile, parseOutput } from '../../src/config/paths.ts'
import { BadValue } from '../../src/config/problems.ts'
import { nearest } from '../../src/config/settings.ts'
import * as units from '../../src/config/units.ts'
import { folder } from './support.ts'

/** What each text is; a text that is refused is not in the table of results. */
function table<T>(
  name: string,
  parse: (text: string) => T,
  good: Readonly<Record<string, T>>,
  bad: readonly string[],
): void {
  test(name, () => {
    for (const [text, value] of Object.entries(good)) assert.deepEqual(parse(text), value, text)
    for (const text of bad) assert.throws(() => parse(text), BadValue, text)
  })
}

table(
  'booleans',
  units.parseBoolean,
  { true: true, YES: true, On: true, 1: true, false: false, no: false, off: false, 0: false },
  ['', '2', 'y', 'true ;', 'enabled', 'ja'],
)
table(
  'durations in ms',
  units.parseDuration,
  {
    0: 0,
    10: 10_000,
    '1.5': 1500,
    '500ms': 500,
    '10s': 10_000,
    '5m': 300_000,
    '2h': 7_200_000,
    '1d': 86_400_000,
    '2H': 7_200_000,
    '3650d': units.LONGEST_MS,
  },
  ['', '-1', '+1', '1w', '1y', '10 s', '1e3', '.5', '5.', 'ms', 'Infinity', '3651d', '0x10', '1s2', '１'],
)
table(
  'sizes in bytes',
  (text) => units.parseSize(text, 0, 2 ** 40),
  { 0: 0, '1B': 1, '512KB': 524_288, '64mb': 67_108_864, '2GB': 2_147_483_648, '1.5KB': 1536, '1TB': 2 ** 40 },
  ['', '1', '50M', '50K', '1 MB', '-1KB', '2TB', 'KB', '1KiB', '1e3KB'],
)
table(
  'jitters',
  (text) => units.parseJitter(text, units.parseDuration),
  {
    '10%': { share: 0.1 },
    '0': { amount: 0 },
    '30s': { amount: 30_000 },
    '0.5%': { share: 0.005 },
    '100%': { share: 1 },
  },
  ['101%', '-1%', '%', 'x'],
)
table('signals', units.parseSignal, { TERM: 'SIGTERM', sigint: 'SIGINT', Hup: 'SIGHUP', 9: 'SIGKILL', 6: 'SIGABRT' }, [
  '',
  '0',
  '99',
  'SIG',
  'SIGSIGTERM',
  'toString',
  '-9',
])
table('modes', units.parseMode, { '0600': 0o600, 660: 0o660, '0777': 0o777 }, ['', '0800', '01777', '6', 'rw', '-600'])
table('exit codes', units.parseCodes, { 0: [0], '2,0, 2': [0, 2], 255: [255] }, ['', ',', '256', '-1', '1;2', '0,'])
table('whole numbers', (text) => units.parseInteger(text, -1, 10), { '-1': -1, 0: 0, '010': 10, '+3': 3 }, [
  '',
  '11',
  '-2',
  '1.0',
  '1e1',
  '0x1',
  ' 1',
  '99999999999999999999',
])
table('choices', (text) => units.parseChoice(text, { a: 'A', b: 'A' }), { a: 'A', B: 'A' }, [
  '',
  'c',
  'constructor',
  '__proto__',
])
table(
  'outputs',
  (text) => parseOutput(text, '/b'),
  {
    none: 'none',
    INHERIT: 'inherit',
    '/dev/stdout': 'inherit',
    '/dev/fd/2': 'inherit',
    '/dev/null': 'none',
    'x.log': '/b/x.log',
    './none': '/b/none',
    '/a/../c': '/c',
  },
  ['a\nb'],
)

test('what is refused says what came and what was wanted', () => {
  assert.throws(
    () => units.parseBoolean('yes ; sure'),
    /^Error: cannot be "yes ; sure": wanted true or false .*there are no inline comments/,
  )
  assert.throws(() => units.parseBoolean(`${'x'.repeat(100)}`), /cannot be "x{77}\.\.\."/)
})

test('any whole number of seconds is that many ms, with and without its unit', () => {
  fc.assert(
    fc.property(fc.nat(units.LONGEST_MS / 1000), (seconds) => {
      assert.equal(units.parseDuration(`${seconds}`), seconds * 1000)
      assert.equal(units.parseDuration(`${seconds}s`), seconds * 1000)
    }),
  )
})

test('an instance stands before the last extension', () => {
  const files: Readonly<Record<string, string>> = {
    '/a/master.pid': '/a/master.i.pid',
    '/a.b/phd': '/a.b/phd.i',
    '/a/.env': '/a/.env.i',
    '/a/x.tar.gz': '/a/x.tar.i.gz',
  }
  for (const [file, expected] of Object.entries(files)) assert.equal(instanceFile(file, 'i'), expected)
})

test('pairs of an environment', () => {
  const good: Readonly<Record<string, Record<string, string>>> = {
    'A=1': { A: '1' },
    'A=1,B="2"': { A: '1', B: '2' },
    " A = 1 , B = 'x, y' ,": { A: '1', B: 'x, y' },
    'A=\nB=x y\nC="1\n2"': { A: '', B: 'x y', C: '1\n2' },
    'A="say \\"hi\\" \\\\ \\n"': { A: 'say "hi" \\ \\n' },
    'A=b=c;d#e': { A: 'b=c;d#e' },
    '': {},
  }
  for (const [text, expected] of Object.entries(good))
    assert.deepEqual(Object.fromEntries(parsePairs(text)), expected, text)
  for (const text of ['A', 'A=1,B', '1A=2', 'A="x', 'A="x"y', 'A=1,A=2', '=x', 'A-B=1', "A=it's"]) {
    assert.throws(() => parsePairs(text), BadValue, text)
  }
})

test('pairs that are written quoted come back', () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/)
  fc.assert(
    fc.property(fc.dictionary(name, fc.string({ unit: 'binary' }), { noNullPrototype: true }), (variables) => {
      const text = Object.entries(variables).map(([key, value]) => `${key}="${value.replace(/["\\]/g, '\\$&')}"`)
      assert.deepEqual(Object.fromEntries(parsePairs(text.join(', '))), variables)
    }),
  )
})

test('secrets are known by their names, passwords in URLs by their place', () => {
  for (const name of [
    'PASSWORD',
    'DB_PASSWD',
    'db_password',
    'API_KEY',
    'apikey',
    'GITHUB_TOKEN',
    'AWS_SECRET_ACCESS_KEY',
    'x_secret',
    'AUTH',
  ])
    assert.ok(isSecret(name), name)
  for (const name of ['PATH', 'KEYBOARD', 'HOME', 'number_workers', 'COMPASS', 'passenger'])
    assert.ok(!isSecret(name), name)
  assert.equal(masked('TOKEN', 'x'), '***')
  assert.equal(masked('TOKEN', ''), '')
  assert.equal(masked('URL', 'postgres://u:p@h/d,amqp://v:q@h'), 'postgres://u:***@h/d,amqp://v:***@h')
})

test('the nearest names', () => {
  assert.deepEqual(nearest('numberworkers', ['program'], 0.34)[0], 'number_workers')
  assert.deepEqual(nearest('stopwaitsec', ['program'], 0.34)[0], 'stopwaitsecs')
  assert.deepEqual(nearest('zzzzzzzz', ['program', 'master'], 0.34), [])
})

test('patterns of files', (t) => {
  const dir = folder(t, { 'b.ini': '', 'a.ini': '', '.h.ini': '', 'd/x.ini': '', 'e/x.ini': '', 'f/y.ini': '' })
  const found = (pattern: string): string[] => expandGlob(pattern, dir).map((file) => file.slice(dir.length + 1))
  assert.deepEqual(found('*.ini'), ['a.ini', 'b.ini'])
  assert.deepEqual(found('./[de]/*.ini'), ['d/x.ini', 'e/x.ini'])
  assert.deepEqual(found('{d,f}/?.ini'), ['d/x.ini', 'f/y.ini'])
  assert.deepEqual(found(`${dir}/*/y.ini`), ['f/y.ini'])
  assert.deepEqual(found('none/*.ini'), [])
  assert.deepEqual(found('none.ini'), ['none.ini'])
})
