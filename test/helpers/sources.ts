// The source text of the house, for tests that read it: files, what each imports, code without comments.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { packageFile } from '../../src/package.ts'

export interface Source {
  /** From the root of the package: `src/core/state.ts`. */
  readonly path: string
  readonly text: string
  /** Without comments. */
  readonly code: string
  /** Files of the house, from the root; type imports too. */
  readonly imports: readonly string[]
  /** Node's modules (`node:fs`) and packages. */
  readonly packages: readonly string[]
}

const IMPORT = /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g

/** Every TypeScript file below src/ and cli/. */
export function readSources(): Source[] {
  const root = packageFile('.')
  return ['src', 'cli'].flatMap((folder) =>
    filesBelow(join(root, folder)).map((file) => {
      const text = readFileSync(file, 'utf8')
      const code = withoutComments(text)
      const all = [...code.matchAll(IMPORT)].map((m) => m[1] ?? m[2] ?? '')
      const local = all.filter((name) => name.startsWith('.'))
      return {
        path: relative(root, file),
        text,
        code,
        imports: local.map((name) => relative(root, join(dirname(file), name))),
        packages: all.filter((name) => !name.startsWith('.')),
      }
    }),
  )
}

/** Comments out; strings and patterns stay. */
export function withoutComments(text: string): string {
  const token = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|(?<![:\\[])\/\/[^\n]*/g
  return text.replace(token, (found) => (found.startsWith('/') ? '' : found))
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
    .sort()
}
