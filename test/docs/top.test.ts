// docs/top.md and the keys of `top`: each row, in order, with where it works and what it does.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KeyRow, keyRows } from '../../cli/top/keys.ts'
import { SMALLEST } from '../../cli/top/layout.ts'
import { blocks, table, text } from './pages.ts'

const where = ({ views }: KeyRow): string => (views.length === 2 ? 'everywhere' : views[0] === 'log' ? 'log' : 'table')

test('docs/top.md names every key of top', () => {
  assert.deepEqual(
    table('docs/top.md', 'key'),
    Object.values<KeyRow>(keyRows).map((row) => [row.shown, where(row), row.meaning]),
  )
})

test('docs/top.md shows the screen, and says what it needs', () => {
  assert.match(blocks('docs/top.md', 'text')[0] ?? '', /^phd .* pid \d+[\s\S]* NAME +STATE +READY/)
  assert.match(text('docs/top.md'), new RegExp(`at least ${SMALLEST.columns} columns and ${SMALLEST.rows} rows`))
  assert.match(text('docs/pictures/top.svg'), /^<svg [\s\S]*RUNNING[\s\S]*<\/svg>\n$/)
})
