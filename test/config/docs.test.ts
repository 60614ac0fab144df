// docs/configuration.md and the tables of keys say the same, both ways.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { formatProblem, loadConfig } from '../../src/config/load.ts'
import type { SettingRow } from '../../src/config/setting-row.ts'
import { rows } from '../../src/config/settings.ts'
import { folder, load, problems, root } from './support.ts'

const text = readFileSync(path.join(root(), 'docs/configuration.md'), 'utf8')

/** The rows of the first table below a heading, cell by cell, without the head. */
function tableBelow(heading: string): readonly (readonly string[])[] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0]
  assert.ok(section, `no heading ${heading}`)
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  )
}

const names = (row: SettingRow): string => [row.name, ...(row.aliases ?? [])].map((name) => `\`${name}\``).join(', ')
const usual = (row: SettingRow): string => (row.default === null ? '' : `\`${row.default}\``)
const type = (row: SettingRow): string => (row.type === 'duration' ? 'time' : row.type)

test('keys of [master]', () => {
  const expected = rows.master.map((row) => [names(row), usual(row), type(row), row.meaning])
  assert.deepEqual(tableBelow('`[master]`'), expected)
})

test('keys of a program', () => {
  const expected = rows.program.map((row) => [names(row), usual(row), type(row), row.effect ?? 'indirect', row.meaning])
  assert.deepEqual(tableBelow('Program sections'), expected)
})

test('no name means two things in one place', () => {
  for (const list of Object.values(rows)) {
    const all = list.flatMap((row) => [row.name, ...(row.aliases ?? [])])
    assert.deepEqual(all, [...new Set(all)])
    for (const row of list) assert.match(row.name, /^[a-z_]+$/)
  }
})

test('every default of the tables is what a file without the key gets', (t) => {
  const config = load(t, '[web]\ncommand = x\n')
  const settings = { master: config.master.settings, program: config.programs.get('web')?.settings ?? [] }
  for (const where of ['master', 'program'] as const) {
    const expected = rows[where].filter((row) => row.partOf === undefined).map((row) => row.name)
    assert.deepEqual(
      settings[where].map(({ key }) => key),
      expected,
    )
    for (const row of rows[where]) {
      const found = settings[where].find(({ key }) => key === row.name)
      if (row.default === null || row.type === 'path' || row.type === 'output' || !found) continue
      if (row.default.includes('%(')) continue
      assert.equal(found.value, row.default.replaceAll('%%', '%'), row.name)
    }
  }
})

test('the example loads, and the errors are those of the program', (t) => {
  const [example] = /```ini\n([\s\S]*?)```/.exec(text)?.slice(1) ?? []
  assert.ok(example)
  assert.equal(load(t, example).programs.get('web')?.spec.workers, 2)
  const found = problems(t, '[web]\ncommand = x\nnumber_worker = 2\ngraceful_timeout = 10 ; s\n').map((line) =>
    line.replace(/^.*?: /, ''),
  )
  for (const line of found) assert.ok(text.includes(line), line)
})

test('the shipped fixture has no warnings', (t) => {
  const dir = folder(t, {
    'config.ini': readFileSync(path.join(root(), 'test/config/fixtures/seed.ini')),
    'jobexecute.js': '',
  })
  assert.deepEqual(loadConfig(path.join(dir, 'config.ini')).warnings.map(formatProblem), [])
})
