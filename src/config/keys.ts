// Which keys may stand where. Turns the lines of a section into entries by canonical name, and refuses
// what is unknown, misplaced, set twice under two names or not carried out by this version.

import { checkName } from './environment.ts'
import type { Entries } from './layers.ts'
import { parsePercents } from './layers.ts'
import type { Entry, Section } from './lexer.ts'
import { BadValue, type Findings } from './problems.ts'
import type { SettingRow, Where } from './setting-row.ts'
import { canonical, nearest, rowOf } from './settings.ts'

/** Names looked for near each unknown key of a section: beyond these it is no slip of the pen, but another kind of file. */
const HINTS = 1000

/** The entries of [DEFAULT]: keys of both places, and variables. */
export function defaultEntries(section: Section, findings: Findings): Entries {
  let looked = 0
  return collect(section, findings, (key, entry) => {
    const row = rowOf(key, 'program') ?? rowOf(key, 'master')
    if (row) return row
    looked += 1
    const near = isVariableName(key) || looked > HINTS ? [] : nearest(key, ['program', 'master'], 0.25)
    if (near.length > 0) findings.warn(entry, 'DEFAULT', entry.written, `is a variable; did you mean ${near[0]}?`)
    return null
  })
}

/** The entries of [master] or a program's section; `defaults` says which variables there are. */
export function sectionEntries(section: Section, where: Where, defaults: Entries, findings: Findings): Entries {
  const name = where === 'program' ? programName(section.name) : section.name
  let looked = 0
  return collect({ ...section, name }, findings, (key, entry) => {
    const row = rowOf(key, where)
    if (row) return row
    const elsewhere = rowOf(key, where === 'master' ? 'program' : 'master')
    if (elsewhere?.hoisted) return elsewhere
    if (isVariableName(key) || defaults.has(key)) return null
    const refuse = (message: string): void => findings.refuse(entry, name, entry.written, message)
    if (elsewhere) {
      refuse(`cannot stand here: wanted in ${where === 'master' ? "a program's section" : '[master]'} or [DEFAULT]`)
      return null
    }
    looked += 1
    const [meant] = looked > HINTS ? [] : nearest(key, [where], 0.34)
    const hint =
      meant === undefined ? 'a variable must stand in [DEFAULT] first, or begin with x_' : `did you mean ${meant}?`
    refuse(`cannot be understood: no such key; ${hint}`)
    return null
  })
}

/** `program:web` and `web` are the same program. */
export const programName = (section: string): string => section.replace(/^program:/, '')

function collect(
  section: Section,
  findings: Findings,
  rowFor: (key: string, entry: Entry) => SettingRow | null,
): Entries {
  const entries = new Map<string, Entry>()
  for (const [key, entry] of section.entries) {
    const refuse = (message: string): void => findings.refuse(entry, section.name, entry.written, message)
    try {
      parsePercents(entry.value)
      if (key.startsWith('env.')) checkName(key.slice(4))
    } catch (e) {
      if (!(e instanceof BadValue)) throw e
      refuse(e.message)
    }
    const row = rowFor(key, entry)
    if (row?.name !== 'environment') warnOfSwallowed(section.name, entry, findings)
    const name = row ? canonical(key) : key
    const former = entries.get(name)
    if (!former) entries.set(name, entry)
    else if (!eachStream(former, entry)) {
      refuse(`cannot stand twice: ${former.written} in line ${former.line} is the same key`)
    } else if (former.value !== entry.value) {
      refuse(`cannot differ from ${former.written} in line ${former.line}: one limit holds for both streams`)
    }
  }
  return entries
}

/** supervisord's files set a limit for each of the two streams; here they share it. */
function eachStream(a: Entry, b: Entry): boolean {
  const stream = ({ written }: Entry): string | undefined => /^(stdout|stderr)_/i.exec(written)?.[1]?.toLowerCase()
  const [one, two] = [stream(a), stream(b)]
  return one !== undefined && two !== undefined && one !== two
}

/** A key that was indented by mistake has become a part of the value above it. */
function warnOfSwallowed(section: string, entry: Entry, findings: Findings): void {
  for (const line of entry.value.split('\n').slice(1)) {
    const key = /^([a-z_]+)\s*=/i.exec(line)?.[1]
    if (key === undefined || !(rowOf(key.toLowerCase(), 'program') ?? rowOf(key.toLowerCase(), 'master'))) continue
    findings.warn(
      entry,
      section,
      entry.written,
      `goes on over the indented line that sets ${key}: a key begins the line`,
    )
  }
}

/** Names that can never be a misspelt key. */
const isVariableName = (key: string): boolean => /^(?:x_|env\.|ENV_)/.test(key)
