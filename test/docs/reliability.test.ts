// docs/reliability.md lists the faults that test/faults injects, by number and file: both ways.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { root } from '../helpers/scene.ts'
import { codes, table, text } from './pages.ts'

test('every fault that is injected, by number and file', () => {
  const files = readdirSync(path.join(root, 'test/faults')).filter((name) => name.endsWith('.test.ts'))
  const injected = files.flatMap((file) =>
    [...text(`test/faults/${file}`).matchAll(/^ *test\(\s*['"`]row (\d+): /gm)].map(
      (match) => `${match[1]} in ${file.replace('.test.ts', '')}`,
    ),
  )
  const listed = table('docs/reliability.md', 'row').map(([row, , file = '']) => `${row} in ${codes(file)[0]}`)
  const all = (rows: readonly string[]): string[] => [...new Set(rows)].toSorted()
  assert.ok(injected.length > 0)
  assert.deepEqual(all(listed), all(injected))
})
