// Values of a supervisord.conf as values of ours: %(name)s, and the pairs of `environment`. Pure.

import { literal } from './draft.ts'

/** A value that cannot be carried over, and why. */
export class Untranslated extends Error {}

/** What a name stands for: a text of our dialect, or `slot`, a number that each process has for itself. */
export type Names = (name: string) => { readonly text: string } | 'slot' | null

const REFERENCE = /%(?:%|\(([^)]*)\)([-+ #0]*\d*(?:\.\d+)?[a-zA-Z]))/y

/** Our dialect's text of a value; Python's % says what it means. */
export function translate(raw: string, names: Names): string {
  return parts(raw, names)
    .map((part) => (typeof part === 'string' ? literal(part) : part.text))
    .join('')
}

/** What supervisord expands a second time when it has expanded it once: its own `environment`, and names of log files. */
export const twice = (raw: string): string => raw.replaceAll('%%', '%')

/** Whether it says %(NAME). */
export const mentions = (raw: string, name: string): boolean => raw.replaceAll('%%', '').includes(`%(${name})`)

/** Whether each use of the number of the process can be written here. */
export const hasOddNumber = (raw: string): boolean =>
  [...raw.replaceAll('%%', '').matchAll(/%\(process_num\)([-+ #0]*\d*(?:\.\d+)?[a-zA-Z])/g)].some(
    ([, format = '']) => !/^(?:s|0?\d{0,2}d)$/.test(format),
  )

type Part = string | { readonly text: string }

function parts(raw: string, names: Names): readonly Part[] {
  const found: Part[] = []
  let from = 0
  for (let at = raw.indexOf('%'); at >= 0; at = raw.indexOf('%', from)) {
    found.push(raw.slice(from, at))
    REFERENCE.lastIndex = at
    const match = REFERENCE.exec(raw)
    if (!match) throw new Untranslated('it has a % that supervisord cannot read either')
    found.push(match[1] === undefined ? '%' : reference(match[1], match[2] ?? 's', names))
    from = REFERENCE.lastIndex
  }
  found.push(raw.slice(from))
  return found
}

function reference(name: string, format: string, names: Names): Part {
  const value = names(name)
  if (value === null) throw new Untranslated(`nothing is called %(${name})s`)
  if (value === 'slot') return { text: `%(process_num)${format}` }
  return format === 's' ? value : { text: numbered(value.text, format) }
}

/** Python's `%5.2d` and its like of a number. */
function numbered(text: string, format: string): string {
  const [, flags = '', width = '', , kind = ''] = /^([-+ #0]*)(\d*)(\.\d+)?([a-zA-Z])$/.exec(format) ?? []
  if (!/^-?\d+$/.test(text)) throw new Untranslated(`%${format} wants a number`)
  const radix: Readonly<Record<string, number>> = { d: 10, i: 10, u: 10, x: 16, X: 16, o: 8 }
  const base = radix[kind]
  if (base === undefined) throw new Untranslated(`%${format} has no equal`)
  const digits = Number(text).toString(base)
  const shown = kind === 'X' ? digits.toUpperCase() : digits
  if (flags.includes('-')) return shown.padEnd(Number(width))
  return shown.padStart(Number(width), flags.includes('0') ? '0' : ' ')
}

/** Stands for a reference while pairs are looked for. */
const MARK = /\uE000(\d+)\uE001/g

/**
 * The pairs of `environment`: values are texts of our dialect. As supervisord's own reader, with its ways: words are of
 * letters, digits and _/.+-():, all else wants quotes, and what stands where the comma should be is passed over.
 */
export function pairsOf(raw: string, names: Names): ReadonlyMap<string, string> {
  const references: string[] = []
  const text = parts(raw, names)
    .map((part) => (typeof part === 'string' ? part : `\uE000${references.push(part.text) - 1}\uE001`))
    .join('')
  const written = (token: string): string =>
    literal(token).replace(MARK, (_all, at: string) => references[Number(at)] ?? '')
  const words = tokens(text)
  const pairs = new Map<string, string>()
  for (let at = 0; at < words.length; at += 4) {
    const [key, equals, value] = words.slice(at, at + 3)
    if (key === undefined || equals !== '=' || value === undefined) {
      throw new Untranslated('supervisord itself would end at it: wanted KEY="value" pairs')
    }
    pairs.set(written(key), written(value.replace(/^['"]+|['"]+$/g, '')))
  }
  return pairs
}

/** Python's shlex.shlex, not posix, with supervisord's word characters. */
function tokens(text: string): readonly string[] {
  const token =
    /\s+|#[^\n]*\n?|"[^"]*(?:"|$)|'[^']*(?:'|$)|[\w/.+\-():\uE000-\uE001][\w/.+\-():\uE000-\uE001"']*|[\s\S]/gy
  return [...text.matchAll(token)].map(([word]) => word).filter((word) => !/^(?:\s|#)/.test(word))
}
