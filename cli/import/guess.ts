// What a file is, by its name, else by what stands in it.

import { basename } from 'node:path'
import { readText } from '../../src/config/files.ts'

export const kinds = ['supervisord', 'pm2', 'procfile', 'systemd'] as const

export type Kind = (typeof kinds)[number]

const names: readonly (readonly [RegExp, Kind])[] = [
  [/^Procfile(?:\..+)?$/i, 'procfile'],
  [/\.(?:service|socket|timer)$/, 'systemd'],
  [/\.(?:[cm]?js|[cm]?ts|json5?|ya?ml)$/i, 'pm2'],
  [/supervisor/i, 'supervisord'],
]

const contents: readonly (readonly [RegExp, Kind])[] = [
  [/^\[(?:supervisord|program:|eventlistener:|fcgi-program:|group:)/m, 'supervisord'],
  [/^\[(?:Unit|Service|Socket|Timer)\]/m, 'systemd'],
  [/^\s*(?:module\.exports|export default|\{)/m, 'pm2'],
  [/^[\w-]+:\s*\S/m, 'procfile'],
]

/** null = it looks like none of them. */
export function guess(file: string): Kind | null {
  const byName = names.find(([pattern]) => pattern.test(basename(file)))?.[1]
  if (byName !== undefined) return byName
  const reading = readText(file)
  const text = 'text' in reading ? reading.text : ''
  return contents.find(([pattern]) => pattern.test(text))?.[1] ?? null
}
