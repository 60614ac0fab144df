// The numbered lines that the programs of a chaos run print, and how they stand in logs of each format. Every
// line says who printed it (the token of its launch), its number, and by its length that it is whole. Pure.

export interface Line {
  readonly token: string
  readonly number: number
  /** When the master read it, Unix ms; null in raw logs. */
  readonly time: number | null
  /** `web:0`; null in raw logs. */
  readonly name: string | null
}

export type Format = 'raw' | 'prefix' | 'json'

/** What a program prints as its line `number`, without the newline. */
export const lineOf = (token: string, number: number, most: number): string =>
  `${token} ${number} ${'.'.repeat(dots(number, most))}|`

/** Bytes of it, with the newline. */
export const lengthOf = (token: string, number: number, most: number): number =>
  token.length + String(number).length + dots(number, most) + 4

const dots = (number: number, most: number): number => (number * 7919) % most

const PRINTED = /^([0-9a-f]{32}) ([1-9]\d*) (\.*)\|$/
const PREFIXED = /^(\d{4}-\S+Z) (\S+) std(?:out|err) (.*)$/

/** A line of a log; null when it is not one that a program printed, or not all of it. */
export function readLine(text: string, format: Format, most: number): Line | null {
  if (format === 'raw') return printed(text, most, null, null)
  if (format === 'prefix') {
    const [, time, name, rest] = PREFIXED.exec(text) ?? []
    return rest === undefined ? null : printed(rest, most, Date.parse(time ?? ''), name ?? null)
  }
  const parsed = parse(text)
  if (parsed === null || parsed.more !== undefined) return null
  const [time, name, rest] = [wordsIn(parsed, 'time'), wordsIn(parsed, 'name'), wordsIn(parsed, 'text')]
  return printed(rest ?? '', most, Date.parse(time ?? ''), name)
}

/** What was printed there, whole or not. */
export function bareText(text: string, format: Format): string {
  if (format === 'raw') return text
  if (format === 'json') return wordsIn(parse(text), 'text') ?? text
  return /^\S+Z \S+ std(?:out|err)\+? (.*)$/.exec(text)?.[1] ?? text
}

function printed(text: string, most: number, time: number | null, name: string | null): Line | null {
  const [, token, digits, padding] = PRINTED.exec(text) ?? []
  if (token === undefined || padding === undefined) return null
  const number = Number(digits)
  return padding.length === dots(number, most) ? { token, number, time, name } : null
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null // half a line: the caller says so
  }
}

function wordsIn(record: Readonly<Record<string, unknown>> | null, key: string): string | null {
  const value = record?.[key]
  return typeof value === 'string' ? value : null
}
