// Values of PM2's ecosystem file, which may be anything that JavaScript has, as texts. Pure.

import { relative } from 'node:path'
import { splitWords } from '../../src/config/words.ts'
import { literal } from './draft.ts'
import type { Value } from './pm2-file.ts'

export const isNothing = (value: Value): boolean =>
  value === false || value === null || value === undefined || value === ''

/** Numbers are ms; `10s`, `5m` and `1h` are themselves. */
export const timeOf = (value: Value): string =>
  /^\d+(?:\.\d+)?$/.test(String(value)) ? `${Number(value)}ms` : literal(text(value) ?? '')

/** `300M` and plain bytes. */
export const sizeOf = (text: string): string =>
  /^\d+$/.test(text) ? `${text}B` : literal(text.replace(/^(\d+(?:\.\d+)?)\s*([KMG])B?$/i, '$1$2B').toUpperCase())

export function list(value: Value): readonly string[] {
  if (Array.isArray(value)) return value.map((one) => text(one) ?? JSON.stringify(one))
  const whole = text(value)
  if (whole === null) return []
  try {
    return splitWords(whole)
  } catch {
    return whole.split(/\s+/)
  }
}

export function text(value: Value): string | null {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null
}

/** Below the folder of the configuration a path is relative to it. */
export function shownPath(path: string, folder: string | null): string {
  const inside = folder === null ? '..' : relative(folder, path)
  return literal(inside === '' ? '.' : inside.startsWith('..') ? path : inside)
}
