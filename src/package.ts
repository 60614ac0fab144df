// Where this installation stands, and which version it is. The bundles (dist/bin) and the compiled
// files (dist/src) are equally deep, so one path serves both.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Absolute path of a file of the package. */
export const packageFile = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

export function packageVersion(): string {
  const found: unknown = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'))
  return (found as { version: string }).version
}
