// The words of the command line: what is read, and what is refused with which words.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseArgs, parseOptions, plainLine, seconds, usageOf } from '../../cli/args.ts'
import { type CommandName, catalog } from '../../cli/commands/catalog.ts'
import { handlers } from '../../cli/commands/index.ts'
import { nearest } from '../../cli/commands/nearest.ts'
import { PhError } from '../../src/errors.ts'

const read = (line: string) => parseArgs(line === '' ? [] : line.split(' '), nearest)

async function refusal(line: string): Promise<string> {
  try {
    await read(line)
  } catch (e) {
    assert.ok(e instanceof PhError && e.code === 'PH_USAGE', String(e))
    return e.message
  }
  throw new Error(`"${line}" was taken`)
}

const none = { socket: null, config: null, instance: null, json: false, timeout: null }

for (const [line, wanted] of [
  ['status', { command: 'status' }],
  ['status web api:1', { command: 'status', args: ['web', 'api:1'] }],
  ['status -w web', { command: 'status', args: ['web'], options: { watch: true } }],
  ['-s /a status', { command: 'status', globals: { ...none, socket: '/a' } }],
  ['status -s /a', { command: 'status', globals: { ...none, socket: '/a' } }],
  ['stop all --timeout 5s --json', { command: 'stop', args: ['all'], globals: { ...none, json: true, timeout: 5 } }],
  ['--timeout=500ms stop all', { command: 'stop', args: ['all'], globals: { ...none, timeout: 0.5 } }],
  ['-c a.ini --instance blue ping', { command: 'ping', globals: { ...none, config: 'a.ini', instance: 'blue' } }],
  ['start web --no-wait', { command: 'start', args: ['web'], options: { noWait: true } }],
  ['scale web 3', { command: 'scale', args: ['web', '3'] }],
  ['scale web +2', { command: 'scale', args: ['web', '+2'] }],
  ['scale web -1', { command: 'scale', args: ['web', '-1'] }],
  [
    'scale --no-wait web -1 --json',
    { command: 'scale', args: ['web', '-1'], options: { noWait: true }, globals: { ...none, json: true } },
  ],
  ['signal -9 web', { command: 'signal', args: ['-9', 'web'] }],
  ['wait web --state RUNNING', { command: 'wait', args: ['web'], options: { state: 'RUNNING' } }],
  ['wait --state RUNNING web api', { command: 'wait', args: ['web', 'api'], options: { state: 'RUNNING' } }],
  ['update --dry-run', { command: 'update', options: { dryRun: true } }],
  ['stop -- -odd', { command: 'stop', args: ['-odd'] }],
  // Words that are commands elsewhere are targets here.
  ['stop status', { command: 'stop', args: ['status'] }],
  ['stop logs', { command: 'stop', args: ['logs'] }],
  ['--help', { command: 'help' }],
  ['scale --help', { command: 'help', args: ['scale'] }],
  ['-h', { command: 'help' }],
  ['--version', { command: 'version' }],
  ['--json -V', { command: 'version', globals: { ...none, json: true } }],
] as const) {
  test(`phctl ${line}`, async () => {
    assert.deepEqual(await read(line), { args: [], options: {}, globals: none, ...wanted })
  })
}

for (const [line, words] of [
  ['', /^cannot tell what to do: a command is wanted/],
  ['--json', /^cannot tell what to do/],
  ['statsu', /^cannot run "statsu": there is no such command\n {2}did you mean: phctl status$/],
  ['stat', /did you mean: phctl status/],
  ['strat', /did you mean: phctl start/],
  ['xyzzy', /see: phctl help/],
  ['xyzzy status', /^cannot run "xyzzy"/],
  [
    'start',
    /^cannot run "start": missing required argument 'target'\n {2}usage: phctl start TARGET... \[--no-wait\]\n {2}as: {4}phctl start web$/,
  ],
  ['ping web', /^cannot run "ping": too many arguments/],
  ['status --wach', /unknown option '--wach' \(did you mean --watch\?\)/],
  ['--jsn', /^cannot read the command line: unknown option '--jsn'/],
  ['status --timeout', /argument missing/],
  ['status --timeout soon', /^cannot read --timeout "soon": wanted a time like 10/],
  ['status --timeout -1', /--timeout/],
] as const) {
  test(`phctl ${line}: refused`, async () => {
    assert.match(await refusal(line), words)
  })
}

test('an empty value is no value', async () => {
  await assert.rejects(parseArgs(['status', '-s', ''], nearest), /^PhError: cannot use --socket: its value is empty$/)
})

test('times carry a unit or are seconds', () => {
  for (const [text, wanted] of [
    ['10', 10],
    ['1.5', 1.5],
    ['500ms', 0.5],
    ['10s', 10],
    ['5m', 300],
    ['2h', 7200],
    ['1d', 86_400],
    ['0', 0],
  ] as const) {
    assert.equal(seconds(text), wanted, text)
  }
  for (const text of ['', 's', '-1', '1e3', '10 years', '30d', 'Infinity', '0x10']) {
    assert.throws(() => seconds(text), /cannot read --timeout/, text)
  }
})

test('every command of the catalog has a handler, a usage line and two examples', () => {
  assert.deepEqual(Object.keys(handlers).toSorted(), Object.keys(catalog).toSorted())
  for (const name of Object.keys(catalog) as CommandName[]) {
    assert.ok(usageOf(name).startsWith(`phctl ${name}`))
    assert.ok(catalog[name].examples.length >= 2, name)
  }
})

test('a plain line means what the parser says it means', async () => {
  const word = fc.constantFrom(...Object.keys(catalog), 'web', 'web:1', '3', '+1', '', 'logs', '-1', '-w', '--json')
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 4 }), async (argv) => {
      const plain = plainLine(argv)
      if (plain !== null) assert.deepEqual(plain, await parseOptions(argv, nearest))
    }),
  )
  assert.notEqual(plainLine(['status', 'web']), null)
  assert.deepEqual([plainLine(['start']), plainLine(['ping', 'x']), plainLine(['stop', '-x'])], [null, null, null])
})
