// Painted lines as blessed can draw them. Pure. Works around what it does not know: faint text, colours written with
// colons, characters whose width it takes for another than the terminal does, and terminals without UTF-8.

import { width } from '../format.ts'
import { SGR } from './text.ts'

export interface Abilities {
  readonly utf8: boolean
  readonly colour: boolean
}

export function drawable(line: string, { utf8, colour }: Abilities): string {
  if (/^[\x20-\x7e]*$/.test(line)) return line
  return line
    .split(SGR)
    .map((part, i) => (i % 2 === 1 ? styleOf(part, colour) : utf8 ? known(part) : asciiOf(part)))
    .join('')
}

/** blessed has no faint text: grey then. Without colour what is bold, underlined or the other way round stays. */
function styleOf(sequence: string, colour: boolean): string {
  if (sequence.includes(':')) return ''
  if (sequence === '\x1b[2m') return colour ? '\x1b[90m' : ''
  // It ends bold as well as faint: then the grey has to go with it.
  if (sequence === '\x1b[22m') return colour ? '\x1b[22;39m' : sequence
  return colour || /^\[(?:0?|1|4|7|22|24|27)m$/.test(sequence.slice(1)) ? sequence : ''
}

/** What a terminal shows in one or two columns, and blessed as well; the others as `?`, in their width. */
function known(text: string): string {
  if (/^[\x20-\x7e\u00a1-\u02ff\u0370-\u03ff\u0400-\u04ff\u2010-\u2027\u2190-\u21ff\u2500-\u259f]*$/.test(text))
    return text
  const clusters = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)
  return Array.from(clusters, ({ segment }) => {
    const wide = width(segment)
    const plain = segment.length === 1 && (wide === 1 || (wide === 2 && EAST_ASIAN.test(segment)))
    return plain ? segment : '?'.repeat(wide)
  }).join('')
}

/** Wide for everybody: Hangul, kana, CJK, full width forms. */
const EAST_ASIAN = /^[\u1100-\u115f\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff01-\uff60]$/

const ascii: Readonly<Record<string, string>> = {
  '…': '~',
  '─': '-',
  '│': '|',
  '┌': '+',
  '┐': '+',
  '└': '+',
  '┘': '+',
  '↑': '^',
  '↓': 'v',
  '←': '<',
  '→': '>',
  '▁': '_',
  '▂': '.',
  '▃': ':',
  '▄': '-',
  '▅': '=',
  '▆': '+',
  '▇': '*',
  '█': '#',
}

function asciiOf(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, (c) => ascii[c] ?? '?'.repeat(width(c)))
}
