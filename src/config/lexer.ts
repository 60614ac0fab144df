// Lines into sections, keys and values, each with its place. The only user of the package `ini`: it
// cuts at `;` and `#`, types values, nests dotted names and merges duplicates without a word, so the
// lines are scanned here first, written again in a quoted form that leaves it no choice, and `ini`
// builds the tree from those. Values come out as they stand in the file, byte for byte, not interpolated.

import { parse } from 'ini'
import type { Findings, Place } from './problems.ts'
import { quote } from './units.ts'

export interface Entry extends Place {
  /** As written in the file. */
  readonly written: string
  /** Trimmed, verbatim; '' = unset. */
  readonly value: string
  /** The line on which the value begins; null when unset. */
  readonly valueLine: number | null
}

export interface Section extends Place {
  /** As written between the brackets. */
  readonly name: string
  /** By the folded name, in the order of the file. */
  readonly entries: ReadonlyMap<string, Entry>
}

interface OpenEntry extends Place {
  readonly folded: string
  readonly written: string
  readonly lines: string[]
  valueLine: number | null
}

interface OpenSection extends Place {
  readonly name: string
  readonly entries: Map<string, OpenEntry>
}

/** Twenty for each of the sections there may be: what is longer is another kind of file, and would hold the master up. */
const MOST_LINES = 200_000

/** Keys ignore case; `env.NAME` and `ENV_NAME` keep it where it means something. */
export function foldKey(key: string): string {
  if (key.startsWith('ENV_')) return key
  return /^env\./i.test(key) ? `env.${key.slice(4)}` : key.toLowerCase()
}

/** Scans the text of one file. Faults go to `findings`, and the scan goes on behind them. */
export function lex(text: string, file: string, findings: Findings): readonly Section[] {
  const sections = new Map<string, OpenSection>()
  let section: OpenSection | null = null
  let entry: OpenEntry | null = null
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text
  let line = 0
  for (const raw of body.split('\n')) {
    line += 1
    if (line > MOST_LINES) {
      findings.refuse({ file, line }, null, null, `cannot read more than ${MOST_LINES} lines`)
      break
    }
    const whole = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    const content = trim(whole)
    const at: Place = { file, line }
    const refuse = (message: string): void => findings.refuse(at, section?.name ?? null, null, message)
    if (content.includes('\r')) {
      refuse('cannot read a carriage return inside a line: lines end in LF or CRLF')
    } else if (content === '') {
      entry?.lines.push('') // kept only when more of the value follows
    } else if (content.startsWith('#') || content.startsWith(';')) {
      // a comment, indented or not, also between the lines of one value
    } else if (/^[ \t]/.test(whole)) {
      if (entry) {
        entry.lines.push(content)
        entry.valueLine ??= line
      } else refuse('cannot continue a value: an indented line continues the value above it, and there is none')
    } else if (content.startsWith('[')) {
      entry = null
      section = openSection(content, at, sections, findings) ?? section
    } else {
      entry = openEntry(content, at, section, findings)
    }
  }
  return build([...sections.values()])
}

/** Only blanks and tabs: a value keeps every other byte. */
const trim = (text: string): string => text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '')

function openSection(
  content: string,
  at: Place,
  sections: Map<string, OpenSection>,
  findings: Findings,
): OpenSection | null {
  const match = /^\[([^\]]*)\](.*)$/s.exec(content)
  if (match?.[2] !== '') {
    const why = /^\s*[;#]/.test(match?.[2] ?? '') ? ': there are no inline comments' : ''
    findings.refuse(at, null, null, `cannot read ${quote(content)}: wanted [section] alone on the line${why}`)
    if (!match) return null
  }
  const name = match[1] ?? ''
  const former = sections.get(name)
  if (former) findings.refuse(at, name, null, `cannot stand twice: the section begins in line ${former.line}`)
  const opened: OpenSection = { ...at, name, entries: new Map() }
  // Its keys are still scanned, into a section of their own that nobody will use.
  if (!former) sections.set(name, opened)
  return opened
}

function openEntry(content: string, at: Place, section: OpenSection | null, findings: Findings): OpenEntry | null {
  const equals = content.indexOf('=')
  const name = section?.name ?? null
  if (equals < 0) {
    findings.refuse(at, name, null, `cannot read ${quote(content)}: wanted key = value`)
    return null
  }
  const written = trim(content.slice(0, equals))
  const first = trim(content.slice(equals + 1))
  const valueLine = first === '' ? null : at.line
  const entry: OpenEntry = { ...at, written, folded: foldKey(written), lines: [first], valueLine }
  if (!/^[\p{L}\p{N}_.-]+$/u.test(written)) {
    findings.refuse(at, name, null, `cannot use ${quote(written)} as a key: wanted letters, digits, _ . -`)
  } else if (section === null) {
    findings.refuse(at, null, written, 'cannot stand before the first [section]')
  } else {
    const former = section.entries.get(entry.folded)
    if (former) findings.refuse(at, name, written, `cannot stand twice: it is already set in line ${former.line}`)
    else section.entries.set(entry.folded, entry)
  }
  return entry
}

/**
 * The tree, by `ini`. Every name ends in `:`, so that `__proto__` and `x[]` mean nothing to it, and
 * carries no dot and no bracket; every value is a JSON string without a character at which its
 * expressions stop.
 */
function build(sections: readonly OpenSection[]): readonly Section[] {
  const lines: string[] = []
  for (const [index, section] of sections.entries()) {
    lines.push(`[${index}:]`)
    for (const entry of section.entries.values()) lines.push(`${json(`${entry.folded}:`)}=${json(joined(entry))}`)
  }
  const tree = parse(lines.join('\n')) as Readonly<Record<string, Readonly<Record<string, unknown>>>>
  return sections.map((section, index) => {
    const values = tree[`${index}:`] ?? {}
    const entries = [...section.entries.values()].map(({ folded, written, file, line, valueLine }): [string, Entry] => {
      // `ini` makes booleans of the words true and false even inside quotes: back to text.
      return [folded, { file, line, written, value: String(values[`${folded}:`]), valueLine }]
    })
    return { name: section.name, file: section.file, line: section.line, entries: new Map(entries) }
  })
}

/** Blank lines around the value do not belong to it; those inside do. */
const joined = (entry: OpenEntry): string => entry.lines.join('\n').replace(/^\n+/, '').replace(/\n+$/, '')

const json = (text: string): string => JSON.stringify(text).replace(/[\u2028\u2029\u0085]/g, unicodeEscape)

const unicodeEscape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
