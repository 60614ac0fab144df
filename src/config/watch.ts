// `watch`: the files whose change reloads a program, as absolute globs; those that begin with `!` are exceptions.

import path from 'node:path'
import picomatch from 'picomatch'
import type { Schedule } from '../core/spec.ts'
import { BadValue } from './problems.ts'
import type { Reader } from './reader.ts'
import { quote, unfit } from './units.ts'

export function readWatch(
  reader: Reader,
  basePath: string,
  { schedule }: { readonly schedule?: Schedule },
): { readonly watch?: readonly string[] } {
  const watch = reader.take<readonly string[]>('watch', (text) => parseGlobs(text, basePath), [])
  if (watch.length === 0) return {}
  if (!schedule) return { watch }
  if (reader.level('watch') === 2)
    reader.refuse('watch', 'cannot be used with schedule: each run takes the files as they are then')
  return {}
}

function parseGlobs(text: string, basePath: string): readonly string[] {
  const globs = splitOutsideBraces(text).map((one) => {
    const [, not = '', glob = ''] = /^(!?)(.*)$/s.exec(one) ?? []
    if (glob === '') throw unfit(text, 'globs, comma separated, as src/**/*.js, views, !src/**/*.test.js')
    const full = path.resolve(basePath, glob)
    if (full.includes('\0')) throw new BadValue('cannot watch that: base_path differs by slot; wanted an absolute path')
    if (picomatch.scan(full).base.length < 2) {
      throw new BadValue(`cannot be ${quote(one)}: that is every file of this machine; begin with a folder`)
    }
    return not + full
  })
  if (globs.every((one) => one.startsWith('!'))) throw unfit(text, 'a glob that does not begin with !')
  return globs
}

/** At commas and newlines, but for those in `{js,ts}`. */
function splitOutsideBraces(text: string): string[] {
  const parts = ['']
  let depth = 0
  for (const char of text) {
    if (char === '{') depth += 1
    if (char === '}') depth = Math.max(0, depth - 1)
    if (char === '\n' || (char === ',' && depth === 0)) parts.push('')
    else parts[parts.length - 1] += char
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}
