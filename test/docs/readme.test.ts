// The READMEs' tables of commands, signals and exit codes, and the code: both ways, in both languages.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CommandRow, catalog } from '../../cli/commands/catalog.ts'
import { BAD_CONFIG, FAILED, NOT_AS_WANTED, OK } from '../../cli/commands/context.ts'
import { usage } from '../../src/arguments.ts'
import { EXIT_FATAL } from '../../src/core/exit-when.ts'
import { codes as errorCodes } from '../../src/errors.ts'
import { table, text } from './pages.ts'

const readmes = [
  { page: 'README.md', command: 'command', signal: 'signal' },
  { page: 'docs/README.zh-CN.md', command: '命令', signal: '信号' },
] as const

const commands = Object.entries(catalog).map(([name, { args, meaning }]: readonly [string, CommandRow]) => ({
  shown: [name, args.replaceAll(/[<>]/g, '').toUpperCase()].filter(Boolean).join(' '),
  meaning,
}))

test('README: each command of phctl with its arguments and its meaning, in order', () => {
  assert.deepEqual(
    table('README.md', 'command'),
    commands.map(({ shown, meaning }) => [`\`${shown}\``, meaning]),
  )
})

const sorted = (numbers: Iterable<number>): number[] => [...new Set(numbers)].sort((a, b) => a - b)
const facts = Object.values(errorCodes)
const phdExits = sorted([
  0,
  EXIT_FATAL,
  errorCodes.PH_INTERNAL.exit,
  ...facts.flatMap((f) => ('phd' in f ? [f.phd] : [])),
])
const phctlExits = sorted([OK, FAILED, NOT_AS_WANTED, BAD_CONFIG, ...facts.map((f) => f.exit)])

/** From the source: what is listened to, not what somebody says is. */
const heard = [...text('src/supervisor/signals.ts').matchAll(/'SIG([A-Z0-9]+)'/g)].map((match) => match[1] ?? '')

for (const { page, command, signal } of readmes) {
  test(`${page}: the commands`, () => {
    assert.deepEqual(
      table(page, command).map(([cell]) => cell),
      commands.map(({ shown }) => `\`${shown}\``),
    )
  })

  test(`${page}: the signals to the master`, () => {
    const named = table(page, signal).flatMap(([cell = '']) => cell.split(/[,、] ?/))
    assert.deepEqual(named.toSorted(), heard.toSorted())
  })

  test(`${page}: the exit codes of both programs`, () => {
    const column = (head: string): number[] => table(page, head).map(([cell]) => Number(cell))
    assert.deepEqual(column('phd'), phdExits)
    assert.deepEqual(column('phctl'), phctlExits)
  })

  test(`${page}: five minutes, no more`, () => {
    assert.ok(text(page).split('\n').length <= 200)
  })
}

test('phd --help names the same exit codes', () => {
  const line = usage.split('\n').find((one) => one.startsWith('exit:')) ?? ''
  assert.deepEqual([...line.matchAll(/(?<=[:;] )\d+/g)].map(Number), phdExits)
})
