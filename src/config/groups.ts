// [group:NAME] sections: names for several programs at once. A group is a target like a program, so no
// two of them may share a name.

import { programName } from './keys.ts'
import { type Builtins, createLayer, type Entries } from './layers.ts'
import type { Section } from './lexer.ts'
import { hintOf } from './near.ts'
import { BadValue, type Findings } from './problems.ts'
import { NAME } from './sections.ts'
import { quote } from './units.ts'

/** Members by the name of their group, in the order of the file. */
export type Groups = ReadonlyMap<string, readonly string[]>

/** `programs` are all sections of the file, selected or not. */
export function readGroups(
  sections: readonly Section[],
  programs: readonly Section[],
  defaults: Entries,
  builtins: Builtins,
  findings: Findings,
): Groups {
  const known = new Map(programs.map((section) => [programName(section.name), section]))
  const groups = new Map<string, readonly string[]>()
  for (const section of sections) {
    const name = section.name.replace(/^group:/, '')
    const fault = faultOf(name, known)
    if (fault !== null) findings.refuse(section, section.name, null, fault)
    else groups.set(name, readMembers(section, [...known.keys()], defaults, builtins, findings))
  }
  return groups
}

function faultOf(name: string, programs: ReadonlyMap<string, Section>): string | null {
  const cannot = 'cannot be the name of a group'
  if (!NAME.test(name) || /^\.+$/.test(name)) return `${cannot}: wanted letters, digits, _ . - in ${quote(name)}`
  if (name === 'all' || name === 'master') return `${cannot}: ${name} is reserved`
  const program = programs.get(name)
  return program ? `${cannot}: line ${program.line} of ${program.file} has a program of that name` : null
}

function readMembers(
  section: Section,
  known: readonly string[],
  defaults: Entries,
  builtins: Builtins,
  findings: Findings,
): readonly string[] {
  for (const [key, entry] of section.entries) {
    if (key === 'programs' || key.startsWith('x_')) continue
    findings.refuse(entry, section.name, entry.written, 'cannot be understood: a group has one key, programs')
  }
  const entry = section.entries.get('programs')
  if (!entry) {
    findings.refuse(section, section.name, 'programs', 'cannot be left out: wanted names of programs, as web, api')
    return []
  }
  try {
    const text = createLayer('master', section.entries, defaults, builtins).value('programs')?.text ?? ''
    const members = [...new Set(text.split(/[\s,]+/).filter(Boolean))]
    if (members.length === 0) throw new BadValue('cannot be empty: wanted names of programs, as web, api')
    for (const name of members) {
      if (!known.includes(name)) throw new BadValue(`cannot hold ${quote(name)}: no such program${hintOf(name, known)}`)
    }
    return members
  } catch (e) {
    if (!(e instanceof BadValue)) throw e
    findings.refuse(e.at ?? entry, section.name, entry.written, e.message)
    return []
  }
}
