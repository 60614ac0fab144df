// Units as systemd reads them: sections, keys that may stand many times (an empty one forgets those before it),
// continued lines, drop-ins beside the file; words with their quotes and escapes. Reads files, decides nothing.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readText } from '../../src/config/files.ts'
import { PhError } from '../../src/errors.ts'
import type { Origin } from './draft.ts'

export interface Assignment extends Origin {
  readonly key: string
  readonly value: string
}

/** By section, in the order of the files. */
export type Unit = ReadonlyMap<string, readonly Assignment[]>

/** The unit and its drop-ins. */
export function readUnit(file: string): Unit {
  const sections = new Map<string, Assignment[]>()
  for (const one of [file, ...dropIns(`${file}.d`)]) scan(one, sections)
  return sections
}

function dropIns(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => name.endsWith('.conf'))
  return names.sort().map((name) => join(folder, name))
}

function scan(file: string, sections: Map<string, Assignment[]>): void {
  const reading = readText(file)
  if ('fault' in reading) throw new PhError('PH_CONFIG', `cannot import ${file}: ${reading.fault}`)
  let section: Assignment[] = []
  let begun = { line: 0, text: '' } // line 0 = nothing is continued
  for (const [at, raw] of reading.text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '')
    if (/^\s*[#;]/.test(line)) continue // also between continued lines
    const text = begun.line === 0 ? line : `${begun.text} ${line.trim()}`
    if (text.endsWith('\\')) {
      begun = { line: begun.line || at + 1, text: text.slice(0, -1).trimEnd() }
      continue
    }
    const from: Origin = { file, line: begun.line || at + 1 }
    begun = { line: 0, text: '' }
    const header = /^\s*\[([^\]]+)\]\s*$/.exec(text)?.[1]
    if (header !== undefined) {
      section = sections.get(header) ?? []
      sections.set(header, section)
      continue
    }
    const [, key, value] = /^\s*([A-Za-z0-9-]+)\s*=\s*(.*?)\s*$/s.exec(text) ?? []
    if (key === undefined || value === undefined) {
      if (text.trim() === '') continue
      throw new PhError(
        'PH_CONFIG',
        `cannot import ${file}, line ${from.line}: wanted [Section] or Key=value in "${text.trim()}"`,
      )
    }
    section.push({ ...from, key, value })
  }
}

/** What counts of a key that takes one value. */
export const lastOf = (list: readonly Assignment[]): Assignment | undefined =>
  list.findLast(({ value }) => value !== '')

/** What counts of a key that takes many: an empty one forgets those before it. */
export function allOf(list: readonly Assignment[]): readonly Assignment[] {
  const reset = list.findLastIndex(({ value }) => value === '')
  return list.slice(reset + 1)
}

/** One word of a command line: text, and variables that are looked up when it runs. */
export type Piece = string | { readonly variable: string; readonly whole: boolean }

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
  '"': '"',
  "'": "'",
  '\\': '\\',
}

/** Words as systemd splits them (systemd.service(5), "Quoting"): quotes at the beginning of a word, C escapes. */
export function unitWords(text: string): readonly string[] {
  const words: string[] = []
  let word: string | null = null
  let quote = ''
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (char === '\\') {
      const [whole = '\\', hex, plain] = /^\\(?:x([0-9a-fA-F]{2})|(.))/.exec(text.slice(at)) ?? []
      const meant = hex === undefined ? (ESCAPES[plain ?? ''] ?? whole) : String.fromCharCode(Number.parseInt(hex, 16))
      word = (word ?? '') + meant
      at += whole.length - 1
    } else if (quote !== '') {
      if (char === quote) quote = ''
      else word = (word ?? '') + char
    } else if (char === '"' || char === "'") {
      quote = char
      word ??= ''
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word)
      word = null
    } else word = (word ?? '') + char
  }
  if (word !== null) words.push(word)
  return words
}

/** `$NAME` as a word of its own becomes words, `${NAME}` within one a part of it; `$$` is a dollar. */
export function piecesOf(word: string): readonly Piece[] {
  const whole = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(word)?.[1]
  if (whole !== undefined) return [{ variable: whole, whole: true }]
  const pieces: Piece[] = []
  let text = ''
  let from = 0
  for (const match of word.matchAll(/\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g)) {
    text += word.slice(from, match.index) + (match[1] === undefined ? '$' : '')
    if (match[1] !== undefined) {
      pieces.push(text, { variable: match[1], whole: false })
      text = ''
    }
    from = match.index + match[0].length
  }
  return [...pieces, text + word.slice(from)].filter((piece) => piece !== '')
}
