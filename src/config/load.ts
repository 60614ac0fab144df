// The door of the room: a file name in, a checked configuration out, or one PH_CONFIG that holds
// everything that is wrong with it. Reads files and nothing else; changes nothing.

import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { errno, PhError } from '../errors.ts'
import type { Config, LoadOptions, MasterConfig, ProgramConfig } from './config.ts'
import { withOrder } from './depends.ts'
import { readText } from './files.ts'
import { readGroups } from './groups.ts'
import { readHosts } from './hosts.ts'
import { defaultEntries, programName, sectionEntries } from './keys.ts'
import { type Builtins, createLayer, type Entries } from './layers.ts'
import type { Section } from './lexer.ts'
import { refuseSharedAddresses } from './listen.ts'
import { readMaster, type View } from './master.ts'
import { hintOf } from './near.ts'
import { standardPlace } from './places.ts'
import { Findings } from './problems.ts'
import { readProgram } from './program.ts'
import { gather, NAME } from './sections.ts'
import { quote } from './units.ts'

export type { Config, LoadOptions, ProgramConfig } from './config.ts'
export { formatProblem } from './problems.ts'

/** Throws PH_CONFIG with all problems, or PH_USAGE for an instance that cannot be. */
export function loadConfig(file: string, options: LoadOptions = {}): Config {
  const instance = options.instance ?? null
  if (instance !== null && (!NAME.test(instance) || /^\.+$/.test(instance) || instance === 'state')) {
    throw new PhError(
      'PH_USAGE',
      `cannot call an instance ${JSON.stringify(instance)}: wanted letters, digits, _ . -, and not "state"`,
    )
  }
  const main = path.resolve(file)
  const findings = new Findings()
  const env = options.env ?? process.env
  const cpus = options.cpus ?? availableParallelism()
  const here = path.dirname(main)
  const builtins: Builtins = { program: null, instance, cpus, env, here, place: standardPlace(here, env) }
  const found = gather(main, builtins, findings, options.read ?? readText)
  const defaults: Entries = found.defaults ? defaultEntries(found.defaults, findings) : new Map()
  const nowhere = { file: main, line: 0 }

  const selected = select(found.programs, options.sections, main, findings)
  const views = selected.map((section): View => {
    const program = programName(section.name)
    const own = sectionEntries(section, 'program', defaults, findings)
    const header = { file: section.file, line: section.line, name: program }
    return { header, layer: createLayer('program', own, defaults, { ...builtins, program }) }
  })
  const own: Entries = found.master ? sectionEntries(found.master, 'master', defaults, findings) : new Map()
  const inherited = new Map(defaults)
  inherited.delete('log_file') // in [DEFAULT] it is the programs'
  const header = { ...(found.master ?? nowhere), name: 'master' }
  const given = { instance, foreground: options.foreground ?? false, cpus }
  const master = readMaster({ header, layer: createLayer('master', own, inherited, builtins) }, views, given, findings)

  const read = new Map(views.map((view) => [view.header.name, readProgram(view, master, given, findings)]))
  const all = found.programs.map((section) => programName(section.name))
  const unselected = new Set(all.filter((name) => !read.has(name)))
  const groups = readGroups(found.groups, found.programs, defaults, builtins, findings)
  const programs = withOrder(views, { programs: read, groups, unselected }, findings)
  refuseSharedFiles(views, programs, master, findings)
  refuseSharedAddresses(views, programs, findings)
  readHosts(found.hosts, builtins, findings)
  findings.settle()
  return { file: main, instance, master: named(master, programs), programs, warnings: findings.warnings }
}

/** Whether two names lead to the same file. */
export function sameConfig(one: string, other: string): boolean {
  if (path.resolve(one) === path.resolve(other)) return true
  try {
    const [a, b] = [statSync(one), statSync(other)]
    return a.dev === b.dev && a.ino === b.ino
  } catch (e) {
    if (errno(e) === null) throw e
    return false // one of them is not there, or not for us: the names are all there is to compare
  }
}

function select(
  sections: readonly Section[],
  wanted: readonly string[] | undefined,
  file: string,
  findings: Findings,
): readonly Section[] {
  if (!wanted || wanted.length === 0) return sections
  const names = sections.map((section) => programName(section.name))
  for (const name of wanted) {
    if (names.includes(programName(name))) continue
    findings.refuse({ file, line: 0 }, name, null, `cannot be selected: no such section${hintOf(name, names)}`)
  }
  const chosen = new Set(wanted.map(programName))
  return sections.filter((section) => chosen.has(programName(section.name)))
}

/** Two writers in one file would tear each other's lines and rotate each other's files. */
function refuseSharedFiles(
  views: readonly View[],
  programs: ReadonlyMap<string, ProgramConfig>,
  master: MasterConfig,
  findings: Findings,
): void {
  const users = new Map<string, { readonly name: string | null; readonly text: string }>()
  for (const [file, key] of [
    [master.logFile, 'log_file'],
    [master.pidfile, 'pidfile'],
    [master.socket, 'socket'],
  ] as const) {
    if (file !== null) users.set(file, { name: null, text: `the ${key} of the master` })
  }
  for (const view of views) {
    const config = programs.get(view.header.name)
    for (const { key, value, origin } of config?.settings ?? []) {
      if ((key !== 'log_file' && key !== 'stderr_log_file') || !value.startsWith('/')) continue
      const at = origin ?? view.header
      const user = users.get(value)
      if (user === undefined)
        users.set(value, {
          name: view.header.name,
          text: `the ${key} of [${view.header.name}] (line ${at.line} of ${at.file})`,
        })
      else {
        const hint = user.name === view.header.name ? '; leave it out, and stderr goes where stdout goes' : ''
        findings.refuse(at, view.header.name, key, `cannot be ${quote(value)}: that is ${user.text} already${hint}`)
      }
    }
  }
}

/** The master is called as its only program, else as its instance. */
function named(master: MasterConfig, programs: ReadonlyMap<string, ProgramConfig>): MasterConfig {
  const [only, ...others] = programs.values()
  const procName = only && others.length === 0 ? only.spec.procName : null
  return procName === null || procName.includes('\0') ? master : { ...master, procName }
}
