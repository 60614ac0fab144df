// The values of an INI file as numbers and words: durations, sizes, booleans, signals ... Strict:
// what does not match throws BadValue, which says what was wanted and what came. Knows no keys, no files.

import { constants } from 'node:os'
import bytes from 'bytes'
import ms from 'ms'
import type { Jitter } from '../core/spec.ts'
import { BadValue } from './problems.ts'

/** Ten years: beyond it a duration is a slip of the pen. */
export const LONGEST_MS = 3650 * 24 * 3600 * 1000

const TRUE = new Set(['true', 'yes', 'on', '1'])
const FALSE = new Set(['false', 'no', 'off', '0'])

export function parseBoolean(text: string): boolean {
  const word = text.toLowerCase()
  if (TRUE.has(word)) return true
  if (FALSE.has(word)) return false
  throw unfit(text, 'true or false (yes/no, on/off, 1/0)')
}

export function parseInteger(text: string, min: number, max: number): number {
  const wanted = `a whole number from ${min} to ${max}`
  if (!/^[+-]?\d{1,15}$/.test(text)) throw unfit(text, wanted)
  const value = Number(text)
  if (value < min || value > max) throw unfit(text, wanted)
  return value
}

/** Milliseconds, but none would be no time to wait. @param example of what was wanted */
export function parseTime(text: string, example: string): number {
  const ms = parseDuration(text)
  if (ms === 0) throw unfit(text, `a time above 0, as ${example} or 500ms`)
  return ms
}

/** Milliseconds. A bare number is seconds. */
export function parseDuration(text: string): number {
  const wanted = 'a time: seconds, or with a unit, as 500ms, 10s, 5m, 2h, 1d'
  const match = /^(\d{1,15}(?:\.\d{1,9})?)(ms|s|m|h|d)?$/i.exec(text)
  if (!match) throw unfit(text, wanted)
  const value = ms(`${match[1]}${(match[2] ?? 's').toLowerCase()}` as ms.StringValue)
  if (!Number.isFinite(value) || value > LONGEST_MS) throw unfit(text, 'a time of at most 3650d')
  return Math.round(value)
}

/** Bytes. A unit is needed, powers of 1024; only 0 stands alone. */
export function parseSize(text: string, min: number, max: number): number {
  const wanted = `a size with a unit, as 512KB, 64MB, 2GB, from ${spell(min)} to ${spell(max)}`
  if (text !== '0' && !/^\d{1,15}(?:\.\d{1,9})?(?:B|KB|MB|GB|TB)$/i.test(text)) throw unfit(text, wanted)
  const value = bytes.parse(text)
  if (value === null || value < min || value > max) throw unfit(text, wanted)
  return value
}

/** A share (`10%`, in the file `10%%`), or an amount in the unit of `amount`. */
export function parseJitter(text: string, amount: (text: string) => number): Jitter {
  const percent = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text)
  if (!percent) return { amount: amount(text) }
  const share = Number(percent[1]) / 100
  if (share > 1) throw unfit(text, 'at most 100%')
  return { share }
}

/** `SIGTERM`, from any case, with or without SIG, or a number. */
export function parseSignal(text: string): string {
  const known: Readonly<Record<string, number>> = constants.signals
  const name = /^\d+$/.test(text)
    ? Object.keys(known).find((each) => known[each] === Number(text))
    : text.toUpperCase().replace(/^(?!SIG)/, 'SIG')
  if (name === undefined || !Object.hasOwn(known, name)) throw unfit(text, 'a signal, as TERM, SIGINT or 15')
  return name
}

export function parseCodes(text: string): readonly number[] {
  const codes = text.split(',').map((code) => parseInteger(code.trim(), 0, 255))
  return [...new Set(codes)].sort((a, b) => a - b)
}

export function parseMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) throw unfit(text, 'three octal digits, as 0600')
  return Number.parseInt(text, 8)
}

/** `choices` maps every word that is understood to the one that is meant. */
export function parseChoice(text: string, choices: Readonly<Record<string, string>>): string {
  const word = text.toLowerCase()
  const found = Object.hasOwn(choices, word) ? choices[word] : undefined
  if (found === undefined) throw unfit(text, `one of ${[...new Set(Object.values(choices))].join(', ')}`)
  return found
}

/** "cannot be X: wanted Y", with the reason that most people need. */
export function unfit(text: string, wanted: string): BadValue {
  const comment = /\s[;#]/.test(text)
    ? ' (there are no inline comments: put the comment on a line of its own)'
    : text.includes('\n')
      ? ' (an indented line continues the value above it)'
      : ''
  return new BadValue(`cannot be ${quote(text)}: wanted ${wanted}${comment}`)
}

/** For messages: short, on one line. */
export function quote(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text
  return JSON.stringify(shown.replace(/\0slot:(\d*[ds])\0/g, '%(slot)$1'))
}

const spell = (value: number): string =>
  value === 0 ? '0' : (bytes.format(value, { unitSeparator: '' }) ?? `${value}B`)
