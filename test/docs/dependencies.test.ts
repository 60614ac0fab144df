// docs/dependencies.md, package.json and what is installed name the same packages, ranges and licences.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codes, table, text } from './pages.ts'

interface Manifest {
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const manifest = (file: string): Manifest => JSON.parse(text(file)) as Manifest

test('each dependency, at run time and for development, in order', () => {
  const { dependencies = {}, devDependencies = {} } = manifest('package.json')
  const expected = [...Object.entries(dependencies), ...Object.entries(devDependencies)].map(([name, range]) => [
    name,
    range,
    manifest(`node_modules/${name}/package.json`).license,
  ])
  assert.deepEqual(
    table('docs/dependencies.md', 'package').map(([name = '', range = '', licence]) => [
      codes(name)[0],
      codes(range)[0],
      licence,
    ]),
    expected,
  )
})

test('each says what it is for; at run time also what else there is', () => {
  const runtime = Object.keys(manifest('package.json').dependencies ?? {}).length
  for (const [at, [name, , , use, considered]] of table('docs/dependencies.md', 'package').entries()) {
    assert.ok(use, name)
    assert.ok(considered || at >= runtime, name)
  }
})
