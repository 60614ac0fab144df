// docs/architecture.md and the tree: the state table is the one that runs, and what it names is there.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { root } from '../helpers/scene.ts'
import { stateTable } from '../helpers/state-table.ts'
import { inline, pages, text } from './pages.ts'

const page = text('docs/architecture.md')

test('the printed state table is the table that runs', () => {
  const [, printed] = /<!-- state table -->\n([\s\S]*?)\n<!-- \/state table -->/.exec(page) ?? []
  assert.equal(printed, stateTable())
})

test('every function stands in the file that is named beside it', () => {
  const pairs = [...page.matchAll(/`(\w+)` in `((?:src|cli)\/[\w./-]+\.ts)`/g)]
  assert.ok(pairs.length >= 25, String(pairs.length))
  for (const [, name = '', file = ''] of pairs) {
    const defined = new RegExp(`\\b(?:function|class|interface|const) ${name}\\b|^ {2,4}(?:async )?${name}[(<]`, 'm')
    assert.match(text(file), defined, `${name} in ${file}`)
  }
})

for (const name of pages) {
  test(`${name}: every path of the repository that it names is there`, () => {
    const named = inline(name).filter((code) => /^(src|cli|test|docs|examples|bench)\/[\w./-]*$/.test(code))
    assert.deepEqual(
      named.filter((file) => !existsSync(path.join(root, file))),
      [],
    )
  })
}
