// Painted text in the space that there is: cut, filled up, wrapped, marked. Pure. Colours are those of format.ts, and
// those that a program's own output has.

import { cut, padEnd, width } from '../format.ts'

/** One style sequence, so that `split` gives text and sequences by turns. */
export const SGR = new RegExp(`(${'\x1b'}\\[[0-9;:]*m)`)

export const stripped = (text: string): string =>
  text
    .split(SGR)
    .filter((_part, i) => i % 2 === 0)
    .join('')

/** Exactly so wide: cut with `…`, or filled up with blanks. */
export function fit(text: string, columns: number): string {
  if (width(text) <= columns) return padEnd(closed(text), columns)
  let room = columns
  let kept = ''
  for (const [i, part] of text.split(SGR).entries()) {
    if (i % 2 === 1) {
      kept += part
      continue
    }
    const wide = width(part)
    if (wide < room) {
      kept += part
      room -= wide
      continue
    }
    const piece = cut(wide === room ? `${part} ` : part, room)
    kept += piece
    room -= width(piece)
    break
  }
  return padEnd(closed(kept), columns)
}

/** A line as lines of this width; each begins with the colours that the last one ended with. */
export function wrapped(text: string, columns: number): readonly string[] {
  if (width(text) <= columns) return [closed(text)]
  const lines: string[] = []
  let line = ''
  let used = 0
  let style = ''
  for (const [i, part] of text.split(SGR).entries()) {
    if (i % 2 === 1) {
      style = /\[0?m$/.test(part) ? '' : style + part
      line += part
      continue
    }
    for (const character of part) {
      const wide = width(character)
      if (used + wide > columns) {
        lines.push(closed(line))
        line = style
        used = 0
      }
      line += character
      used += wide
    }
  }
  return [...lines, closed(line)]
}

/** No colour runs on behind the text. */
function closed(text: string): string {
  return text.includes('\x1b') ? `${text}\x1b[0m` : text
}

/** The row that the keys mean: the other way round, in one colour. */
export function inverse(text: string): string {
  return `\x1b[7m${stripped(text)}\x1b[0m`
}

/** Left and right on one line; what is left gives way. */
export function between(left: string, right: string, columns: number): string {
  const room = columns - width(right) - 1
  return room < 10 ? fit(left, columns) : `${fit(left, room)} ${right}`
}

const LEVELS = '▁▂▃▄▅▆▇█'

/** The newest values as bars, a column each, right-aligned. */
export function bars(values: readonly number[], columns: number, most: number): string {
  const shown = columns <= 0 ? [] : values.slice(-columns)
  const level = (value: number): string =>
    LEVELS[Math.min(LEVELS.length - 1, Math.max(0, Math.round((value / most) * (LEVELS.length - 1))))] ?? ' '
  return `${' '.repeat(Math.max(0, columns - shown.length))}${shown.map(level).join('')}`
}
