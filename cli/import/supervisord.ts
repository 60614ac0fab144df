// A supervisord.conf as a draft: what is the supervisor's own, then the programs. Which key becomes what stands in
// supervisord-keys.ts; a program is read by supervisord-program.ts.

import { dirname, join } from 'node:path'
import { Draft, type DraftSection, nameFor } from './draft.ts'
import { setVariables } from './environment.ts'
import { type Conf, type Option, readConf } from './supervisord-file.ts'
import * as keys from './supervisord-keys.ts'
import { namesFor, type Shared, takeAll } from './supervisord-options.ts'
import { importProgram } from './supervisord-program.ts'
import { type Names, pairsOf, translate, twice } from './supervisord-values.ts'

export function importSupervisord(file: string, folder: string): Draft {
  const conf = readConf(file)
  const draft = new Draft()
  const defaults = draft.section('DEFAULT')
  draft.section('master')
  const shared: Shared = { draft, folder, ...readMaster(conf, draft, folder), taken: new Set() }
  for (const pattern of conf.unmatched) draft.drop(`[include] ${pattern}`, 'no file is called so')
  for (const one of conf.files.slice(1)) draft.head.push(`With what stands in ${one}`)
  const { groups, priorities } = readGroups(conf)
  const made = new Map<string, readonly string[]>()
  for (const [name, options] of conf.sections) {
    const [, kind = '', program = ''] = /^(program|fcgi-program):(.*)$/.exec(name) ?? []
    if (kind === '') continue
    const group = [...groups].find(([, members]) => members.includes(program.trim()))?.[0] ?? null
    const priority = group === null ? null : (priorities.get(group) ?? '999')
    made.set(program.trim(), importProgram({ kind, name: program.trim(), group, priority, options }, shared))
  }
  for (const [name, options] of conf.sections) readRest(name, options, draft)
  for (const [name, members] of groups) {
    const programs = [...new Set(members.flatMap((one) => made.get(one) ?? []))]
    if (programs.length > 0) draft.section(`group:${nameFor(name, shared.taken)}`).set('programs', programs.join(', '))
  }
  // Where a default of theirs is not ours; what a section says itself stands there.
  defaults.set('autorestart', 'on-failure', "supervisord's defaults, where ours are others")
  defaults.set('start_retries', '3')
  defaults.set('redirect_stderr', 'false')
  return draft
}

/** With nodaemon it keeps the mask and the folder that it was started with. */
const FOREGROUND = 'supervisord heeds it only in the background, and nodaemon keeps it in the foreground'

function readMaster(conf: Conf, draft: Draft, folder: string): Pick<Shared, 'variables' | 'base'> {
  const defaults = draft.section('DEFAULT')
  const master = draft.section('master')
  const own = conf.sections.get('supervisord') ?? new Map<string, Option>()
  const variables = new Map<string, string>()
  let base: string | null = null
  const names = namesFor({ folder, variables })
  const isDaemon = !/^(?:yes|true|on|1)$/i.test(own.get('nodaemon')?.value ?? '')
  const takers: Readonly<Record<string, (value: string, option: Option) => void>> = {
    logfile: (value, from) =>
      master.set('log_file', join(dirname(value), 'phd.log'), why('logfile'), { key: 'logfile', from }),
    loglevel: (value) => master.set('log_level', levels[value.toLowerCase()] ?? value),
    nodaemon: () => {},
    umask: (value, from) => {
      if (!isDaemon) defaults.drop('umask', value, FOREGROUND, from)
    },
    minfds: (value, from) => {
      if (Number(value) > 1024) defaults.set('rlimit_nofile', value, why('minfds'), { key: 'minfds', from })
    },
    childlogdir: (value) => defaults.set('log_path', value),
    directory: (value, from) => {
      base = isDaemon ? value : null
      if (isDaemon) defaults.set('directory', value)
      else defaults.drop('directory', value, FOREGROUND, from)
    },
    environment: (_value, from) => {
      for (const [name, value] of pairsOf(twice(from.value), names(from))) variables.set(name, value)
      setVariables(defaults, variables, { key: 'environment', from })
    },
  }
  const why = (key: string): string | null => keys.masterKeys[key]?.why ?? null
  if (isDaemon) {
    const umask = own.get('umask')?.value ?? '022'
    defaults.set(
      'umask',
      umask,
      own.has('umask') ? null : 'what supervisord in the background gives to all that it starts',
    )
  }
  takeAll(master, own, keys.masterKeys, (key, option) => takers[key]?.(translate(option.value, names(option)), option))
  if (isDaemon) master.set('daemonize', 'true')
  readServers(conf, master, names)
  return { variables, base }
}

// biome-ignore format: a table
const levels: Readonly<Record<string, string>> = {
  critical: 'fatal', crit: 'fatal', error: 'error', erro: 'error', warn: 'warn', warning: 'warn',
  info: 'info', debug: 'debug', debg: 'debug', trace: 'trace', trac: 'trace', blather: 'trace', blat: 'trace',
}

function readServers(conf: Conf, master: DraftSection, names: (option: Option) => Names): void {
  for (const [name, options] of conf.sections) {
    if (name.startsWith('unix_http_server')) {
      const takers: Readonly<Record<string, (value: string, option: Option) => void>> = {
        chmod: (value) => master.set('socket_mode', value),
        chown: (value, from) => {
          const [, group] = value.split(':')
          if (group) master.set('socket_group', group)
          else master.drop('chown', value, keys.unixServerKeys.chown?.why ?? '', from)
        },
      }
      takeAll(master, options, keys.unixServerKeys, (key, option) =>
        takers[key]?.(translate(option.value, names(option)), option),
      )
    }
    if (name.startsWith('inet_http_server')) takeAll(master, options, keys.inetServerKeys, () => {})
  }
}

function readGroups(conf: Conf): {
  readonly groups: ReadonlyMap<string, readonly string[]>
  readonly priorities: ReadonlyMap<string, string>
} {
  const groups = new Map<string, readonly string[]>()
  const priorities = new Map<string, string>()
  for (const [name, options] of conf.sections) {
    if (!name.startsWith('group:')) continue
    const group = name.slice('group:'.length).trim()
    groups.set(
      group,
      (options.get('programs')?.value ?? '').split(',').map((one) => one.trim()),
    )
    const priority = options.get('priority')?.value
    if (priority !== undefined) priorities.set(group, priority)
  }
  return { groups, priorities }
}

/** Sections that are neither ours nor programs: said, and left out. */
function readRest(name: string, options: ReadonlyMap<string, Option>, draft: Draft): void {
  const [kind = ''] = name.split(':')
  const known = /^(?:program|fcgi-program|group|supervisord|unix_http_server|inet_http_server|include)$/.test(kind)
  if (known) return
  const row = keys.droppedSections[kind === 'supervisorctl' ? '[supervisorctl]' : `[${kind}:x]`]
  const from = [...options.values()][0] ?? null
  const rows = [...options.values()].map(
    ({ key, value }) => `    ${key} = ${key === 'password' ? '***' : value.replaceAll('\n', ' ')}`,
  )
  draft.head.push(
    ['', `No equal: [${name}]`, `  ${row?.why ?? 'supervisord knows no such section'}`, ...rows].join('\n'),
  )
  draft.notes.push({
    kind: 'dropped',
    section: null,
    key: `[${name}]`,
    why: row?.why ?? 'supervisord knows no such section',
    from,
  })
}
