// The manual pages: all commands, options and keys are in them, and the two programs that show manuals have nothing to
// complain of.

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { catalog, globalOptions } from '../../cli/commands/catalog.ts'
import { manualPages } from '../../docs/man/pages.ts'
import { inline, plain } from '../../docs/man/roff.ts'
import { usage } from '../../src/arguments.ts'
import { rows } from '../../src/config/settings.ts'
import { text } from '../docs/pages.ts'
import { sceneOf } from '../helpers/scene.ts'

const sources = {
  version: '1.2.3',
  date: '2026-11-28',
  readme: text('README.md'),
  configuration: text('docs/configuration.md'),
}
const pages = manualPages(sources)
const run = promisify(execFile)
const has = (program: string): boolean => spawnSync(program, ['-h']).error === undefined

/** A page without its markup. */
const words = (name: string): string =>
  (pages.get(name) ?? '')
    .replace(/\\f[BRP]|\\&/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\(aq', "'")

test('the package has the pages that are made', () => {
  const { man } = JSON.parse(text('package.json')) as { man: readonly string[] }
  assert.deepEqual(
    man,
    [...pages.keys()].map((name) => `./dist/man/${name}`),
  )
})

test('phctl(1): every command with its examples, every option', () => {
  const page = words('phctl.1')
  for (const [name, row] of Object.entries(catalog)) {
    assert.match(page, new RegExp(`^${name}( |$)`, 'm'), name)
    for (const example of row.examples) assert.ok(page.includes(example.replaceAll('\\', '\\e')), example)
  }
  for (const [flags, meaning] of globalOptions) assert.ok(page.includes(`${flags}\n${meaning}`), flags)
})

test('phd(1): every option of its help; phd-config(5): every key', () => {
  for (const option of usage.match(/--[a-z-]+/g) ?? []) assert.ok(words('phd.1').includes(option), option)
  const keys = [...rows.master, ...rows.program]
  const page = words('phd-config.5')
  for (const { name } of keys) assert.match(page, new RegExp(`^${name}(,|$)`, 'm'), name)
  assert.doesNotMatch(page, /\]\(|\*\*|^\|/m, 'no Markdown is left')
})

test('text means nothing but itself', () => {
  assert.deepEqual(['.so x', "'x", 'a\\b -c `d` ^~'].map(plain), [
    '\\&.so x',
    '\\(aqx',
    'a\\eb \\-c \\(gad\\(ga \\(ha\\(ti',
  ])
  assert.equal(inline('**a** `-b` [c](d.md)'), '\\fBa\\fR \\fB\\-b\\fR c')
})

for (const [program, args] of [
  ['mandoc', ['-T', 'lint', '-W', 'warning']],
  ['man', ['--warnings', '-E', 'UTF-8', '-l']],
] as const) {
  test(`${program} has nothing to complain of`, { skip: has(program) ? false : `no ${program}` }, async (t) => {
    const scene = sceneOf(t)
    for (const [name, page] of pages) {
      const file = scene.write(name, page)
      const { stdout, stderr } = await run(program, [...args, file], {
        env: { ...process.env, MANPAGER: 'cat', MANWIDTH: '80' },
      })
      assert.equal(stderr + (program === 'mandoc' ? stdout : ''), '', name)
      if (program === 'man') assert.ok(stdout.includes('NAME') && stdout.includes('SEE ALSO'), name)
    }
  })
}
