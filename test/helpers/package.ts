// A package of a test's own, whose program may be changed: other versions of phd, and broken ones.

import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { root, sceneOf } from './scene.ts'

export interface Package {
  /** Its phd. */
  readonly program: string
  /** The text of the program behind it. */
  readonly original: string
  /** Puts another program in its place, as an installation does; the edit must change something. */
  change(edit: (text: string) => string): void
}

export function packageOf(t: TestContext): Package {
  const scene = sceneOf(t)
  const bin = scene.path('package/dist/bin')
  mkdirSync(bin, { recursive: true })
  copyFileSync(join(root, 'package.json'), scene.path('package/package.json'))
  symlinkSync(join(root, 'node_modules'), scene.path('package/node_modules'))
  symlinkSync(join(root, 'dist/src'), scene.path('package/dist/src'))
  const program = join(bin, 'phd.cjs')
  copyFileSync(join(root, 'dist/bin/phd.cjs'), program)
  const bundle = join(bin, 'phd.bundle.cjs')
  copyFileSync(join(root, 'dist/bin/phd.bundle.cjs'), bundle)
  return {
    program,
    original: readFileSync(bundle, 'utf8'),
    change(edit) {
      const text = readFileSync(bundle, 'utf8')
      assert.notEqual(edit(text), text)
      rmSync(bundle)
      writeFileSync(bundle, edit(text))
    },
  }
}

/** The same program with another schema of the record, which alone it reads and writes. */
export const withNextSchema = (text: string): string =>
  text
    .replace(/schema:(\d+),/, (_all, schema) => `schema:${Number(schema) + 1},`)
    .replace(/schema>=\d+&&schema<=(\d+)/, (_all, last) => `schema===${Number(last) + 1}`)
