// From a file and those it includes to its sections, each name checked. A section stands once in all
// of them together.

import path from 'node:path'
import { expandGlob, type Reading } from './files.ts'
import { type Builtins, createLayer } from './layers.ts'
import { lex, type Section } from './lexer.ts'
import { BadValue, type Findings } from './problems.ts'
import { quote } from './units.ts'

export interface Gathered {
  readonly defaults: Section | null
  readonly master: Section | null
  readonly programs: readonly Section[]
  /** `[group:NAME]` */
  readonly groups: readonly Section[]
  readonly hosts: Section | null
}

/** Each may cost looks at the disk: more is no configuration. */
const MOST = 10_000

/** What a program, an instance, may be called. */
export const NAME = /^[A-Za-z0-9_.-]+$/

type Read = (file: string) => Reading

export function gather(main: string, builtins: Builtins, findings: Findings, read: Read): Gathered {
  const first = scan(main, findings, read)
  const sections = [...first]
  const include = first.find((section) => section.name === 'include')
  if (include) {
    for (const file of included(include, first, main, builtins, findings)) {
      for (const section of scan(file, findings, read)) {
        if (section.name === 'include') {
          findings.refuse(section, 'include', null, 'cannot stand in an included file: includes go one level deep')
        } else sections.push(section)
      }
    }
  }
  if (sections.length > MOST) {
    findings.refuse({ file: main, line: 0 }, null, null, `cannot hold ${sections.length} sections: at most ${MOST}`)
    return { defaults: null, master: null, programs: [], groups: [], hosts: null }
  }
  const unique = withoutDuplicates(sections, findings)
  const special = (name: string): Section | null => unique.find((section) => section.name === name) ?? null
  const groups = unique.filter(isGroup)
  const programs = unique.filter((section) => !isGroup(section) && isProgram(section, findings))
  return { defaults: special('DEFAULT'), master: special('master'), programs, groups, hosts: special('hosts') }
}

function scan(file: string, findings: Findings, read: Read): readonly Section[] {
  const reading = read(file)
  if ('text' in reading) return lex(reading.text, file, findings)
  findings.refuse({ file, line: reading.line }, null, null, reading.fault)
  return []
}

/** The files that [include] names, each once, in order. */
function included(
  include: Section,
  sections: readonly Section[],
  main: string,
  builtins: Builtins,
  findings: Findings,
): readonly string[] {
  for (const [key, entry] of include.entries) {
    if (key === 'files' || key.startsWith('x_')) continue
    findings.refuse(entry, 'include', entry.written, 'cannot be understood: [include] has one key, files')
  }
  const entry = include.entries.get('files')
  if (!entry || entry.value === '') {
    findings.refuse(include, 'include', 'files', 'cannot be left out: wanted file names or patterns, as conf.d/*.ini')
    return []
  }
  const defaults = sections.find((section) => section.name === 'DEFAULT')?.entries ?? new Map()
  const found = new Set<string>()
  try {
    const patterns = createLayer('master', include.entries, defaults, builtins).value('files')?.text ?? ''
    for (const pattern of patterns.split(/\s+/).filter((each) => each !== '')) {
      for (const file of expandGlob(pattern, path.dirname(main))) {
        if (file === main) throw new BadValue(`cannot include the file itself: ${quote(pattern)} matches it`)
        found.add(file)
      }
    }
  } catch (e) {
    if (!(e instanceof BadValue)) throw e
    findings.refuse(e.at ?? entry, 'include', entry.written, e.message)
  }
  return [...found]
}

function withoutDuplicates(sections: readonly Section[], findings: Findings): readonly Section[] {
  const former = new Map<string, Section>()
  for (const section of sections) {
    const name = section.name.replace(/^program:/, '')
    const first = former.get(name)
    if (!first) former.set(name, section)
    else {
      const place = `[${first.name}] in line ${first.line} of ${first.file}`
      findings.refuse(section, section.name, null, `cannot stand twice: it is the same section as ${place}`)
    }
  }
  return [...former.values()]
}

const isGroup = (section: Section): boolean => section.name.startsWith('group:')

/** Whether a section is a program; refuses what is neither that nor a section of ours. */
function isProgram(section: Section, findings: Findings): boolean {
  if (section.name === 'DEFAULT' || section.name === 'master' || section.name === 'include' || section.name === 'hosts')
    return false
  const fault = faultOf(section.name)
  if (fault !== null) findings.refuse(section, section.name, null, fault)
  return fault === null
}

function faultOf(section: string): string | null {
  const name = section.replace(/^program:/, '')
  if (/^[a-z_-]+:/i.test(name)) return `cannot be understood: wanted [NAME], [program:NAME] or [group:NAME]`
  if (!NAME.test(name) || /^\.+$/.test(name)) {
    return `cannot be the name of a program: wanted letters, digits, _ . - in ${quote(name)}`
  }
  const reserved = ['DEFAULT', 'master', 'include', 'hosts', 'all'].find(
    (each) => each.toLowerCase() === name.toLowerCase(),
  )
  if (reserved === undefined) return null
  const hint = reserved === name || reserved === 'all' ? '' : `; did you mean [${reserved}]?`
  return `cannot be the name of a program: ${reserved} is reserved${hint}`
}
