// One [program:x] or [fcgi-program:x] as a section of ours, or as several where the numbers of its processes do not
// begin at 0 and a value uses them.

import { dirname, resolve } from 'node:path'
import { type DraftSection, literal, nameFor, sayName } from './draft.ts'
import { setVariables } from './environment.ts'
import type { Option } from './supervisord-file.ts'
import { fcgiKeys, programKeys } from './supervisord-keys.ts'
import { namesFor, type Shared, takeAll } from './supervisord-options.ts'
import { hasOddNumber, mentions, type Names, pairsOf, translate, twice, Untranslated } from './supervisord-values.ts'

export interface Program {
  readonly kind: string
  readonly name: string
  readonly group: string | null
  /** Of its group, which decides before its own; null = it is in none. */
  readonly priority: string | null
  readonly options: ReadonlyMap<string, Option>
}

/** More sections than this help nobody. */
const MOST_SECTIONS = 500

/** The sections that were made of it, by their names. */
export function importProgram(program: Program, shared: Shared): readonly string[] {
  const { options, name } = program
  const count = countOf(options)
  const start = Number(options.get('numprocs_start')?.value ?? '0')
  const values = [...options.values()].filter(({ key }) => key !== 'process_name').map(({ value }) => value)
  const uses = values.some((value) => mentions(value, 'process_num'))
  const apart = uses && (start !== 0 || values.some(hasOddNumber)) && count >= 1 && count <= MOST_SECTIONS
  if (!apart) {
    const own = nameFor(name, shared.taken)
    shared.taken.add(own)
    write(program, own, null, shared)
    return [own]
  }
  const names: string[] = []
  for (let number = start; number < start + count; number += 1) {
    const own = nameFor(count === 1 ? name : `${name}-${number}`, shared.taken)
    shared.taken.add(own)
    names.push(own)
    write(program, own, number, shared)
  }
  if (count > 1) shared.draft.section(`group:${nameFor(name, shared.taken)}`).set('programs', names.join(', '))
  return names
}

/** @param number of its only process; null = of each its slot */
function write(
  { kind, name, group, priority, options }: Program,
  own: string,
  number: number | null,
  shared: Shared,
): void {
  const section = shared.draft.section(own)
  const count = number === null ? countOf(options) : 1
  if (number === null) sayName(section, name)
  const common = namesFor(shared)
  const variables = new Map<string, string>()
  const names =
    (option: Option): Names =>
    (word) => {
      if (word === 'program_name') return { text: own === name ? '%(program_name)s' : literal(name) }
      if (word === 'group_name') return { text: literal(group ?? name) }
      if (word === 'numprocs') return { text: options.get('numprocs')?.value ?? '1' }
      if (word === 'process_num') return number === null ? 'slot' : { text: String(number) }
      const variable = word.startsWith('ENV_') ? variables.get(word.slice(4)) : undefined
      return variable === undefined ? common(option)(word) : { text: variable }
    }
  const text = (option: Option): string =>
    translate(option.key.endsWith('_logfile') ? twice(option.value) : option.value, names(option))
  const why = (key: string): string | null => programKeys[key]?.why ?? null
  const put =
    (key: string, say = false) =>
    (option: Option) =>
      section.set(key, text(option), say ? why(option.key) : null, { key: option.key, from: option })

  const environment = options.get('environment')
  const takers: Readonly<Record<string, (option: Option) => void>> = {
    environment: () => {},
    command: (option) => section.set('command', commandOf(kind, text(option)), null, { from: option }),
    numprocs: (option) => {
      if (number === null && option.value !== '1') section.set('number_workers', text(option))
    },
    priority: (option) => setPriority(section, priority, option),
    autostart: put('autostart'),
    startsecs: put('start_seconds'),
    startretries: put('start_retries'),
    autorestart: (option) => section.set('autorestart', restarts(text(option)), null, { from: option }),
    exitcodes: put('exit_codes'),
    stopsignal: put('stop_signal'),
    stopwaitsecs: put('graceful_timeout'),
    stopasgroup: put('stop_group'),
    killasgroup: put('killasgroup'),
    user: put('user', !['HOME', 'USER', 'LOGNAME'].every((each) => (environment?.value ?? '').includes(each))),
    umask: put('umask'),
    directory: put('directory'),
    redirect_stderr: put('redirect_stderr'),
    stdout_logfile: (option) => setLog(section, 'log_file', option, text(option), count, shared.base),
    stderr_logfile: (option) => {
      if (isTrue(options.get('redirect_stderr'))) return // supervisord does not use it then
      const out = options.get('stdout_logfile')
      if (out && text(out) === text(option) && text(out).startsWith('/')) section.set('stderr_log_file', 'merged')
      else setLog(section, 'stderr_log_file', option, text(option), count, shared.base)
    },
    stdout_logfile_maxbytes: (option) => section.set('log_max_size', sizeOf(text(option)), null, { from: option }),
    stdout_logfile_backups: put('log_backups'),
    stderr_logfile_maxbytes: (option) => setSecond(section, 'log_max_size', sizeOf(text(option)), option),
    stderr_logfile_backups: (option) => setSecond(section, 'log_backups', text(option), option),
    socket: (option) => setSocket(section, option, text(option), options.has('socket_mode')),
    socket_backlog: put('backlog'),
    socket_owner: put('unix_socket_owner'),
    socket_mode: (option) => section.set('unix_socket_mode', text(option).padStart(4, '0')),
  }
  if (environment) {
    takeAll(section, new Map([['environment', environment]]), programKeys, () => {
      for (const [key, value] of pairsOf(environment.value, names(environment))) variables.set(key, value)
    })
  }
  const table = kind === 'program' ? programKeys : { ...programKeys, ...fcgiKeys }
  const shown = new Map([...options].filter(([key, option]) => key !== 'environment' && !isUsual(key, option, number)))
  takeAll(section, shown, table, (key, option) => takers[key]?.(option))
  if (priority !== null && priority !== '999' && !options.has('priority')) section.set('priority', priority)
  if (count > 1 && !section.has('log_file')) section.set('log_file', '%(log_path)s/%(program)s-%(slot)s.log')
  if (count > 1 && !section.has('stderr_log_file') && !isTrue(options.get('redirect_stderr')))
    section.set('stderr_log_file', '%(log_path)s/%(program)s-%(slot)s.err.log')
  if (environment) setVariables(section, variables, { key: 'environment', from: environment })
}

/** 1 for what is no number: the loader will say so. */
const countOf = (options: ReadonlyMap<string, Option>): number => {
  const count = Number(options.get('numprocs')?.value ?? '1')
  return Number.isInteger(count) ? count : 1
}

const isTrue = (option: Option | undefined): boolean => /^(?:yes|true|on|1)$/i.test(option?.value ?? '')

/** Says nothing that is not so here as well. */
function isUsual(key: string, { value }: Option, number: number | null): boolean {
  if (key === 'process_name') return /^%\(program_name\)s(?:[_-]?%\(process_num\)0?\d*[ds])?$/.test(value)
  if (key === 'numprocs_start') return number !== null || value === '0'
  if (/_(?:events_enabled|syslog)$/.test(key)) return /^(?:no|false|off|0)$/i.test(value)
  if (key.endsWith('_capture_maxbytes')) return /^0(?:[kmg]b)?$/i.test(value)
  return key === 'serverurl' && value.toUpperCase() === 'AUTO'
}

/** The listening socket is descriptor 3 here, and FastCGI wants it at 0. */
const commandOf = (kind: string, command: string): string =>
  kind === 'program' ? command : `sh -c 'exec "$0" "$@" <&3 3<&-' ${command}`

function restarts(word: string): string {
  if (/^(?:yes|true|on|1)$/i.test(word)) return 'always'
  if (/^(?:no|false|off|0)$/i.test(word)) return 'never'
  if (word.toLowerCase() === 'unexpected') return 'on-failure'
  throw new Untranslated('wanted true, false or unexpected')
}

function setPriority(section: DraftSection, ofGroup: string | null, option: Option): void {
  const wanted = ofGroup ?? option.value
  const whys = [
    ofGroup === null ? null : `that of its group stands before its own, ${option.value}`,
    Number(wanted) < 0 ? `it is ${wanted} there, and 0 is the lowest` : null,
  ].filter((why) => why !== null)
  section.set('priority', Number(wanted) < 0 ? '0' : wanted, whys.join('; ') || null, { from: option })
}

/** A file, or one of supervisord's words for none. */
function setLog(
  section: DraftSection,
  key: string,
  from: Option,
  value: string,
  count: number,
  base: string | null,
): void {
  const word = value.toLowerCase()
  if (word === 'none' || word === 'off') section.set(key, 'none')
  else if (word === 'auto') return
  else if (word === 'syslog') section.drop(from.key, value, programKeys.stdout_syslog?.why ?? '', from)
  else if (/^\/proc\/(?:1|self)\/fd\/[12]$/.test(value)) section.set(key, 'inherit')
  else if (/^\/dev\/(?:std(?:out|err)|null|fd\/[12])$/.test(value)) section.set(key, value)
  else {
    const path = value.startsWith('/') || value.startsWith('%') ? value : absolute(value, from, base)
    const shares = count > 1 && !/%\((?:process_num|slot)\)/.test(path)
    section.set(key, path, shares ? 'all processes write into it, whole lines at a time' : null, { from })
  }
}

/** supervisord opens it from the folder that it is in: its own `directory`, or where it was started, likely the file's. */
function absolute(value: string, { file }: Option, base: string | null): string {
  if (value.startsWith('~/')) return resolve(process.env.HOME ?? '/', value.slice(2))
  return `${base ?? literal(dirname(resolve(file)))}/${value.replace(/^\.\//, '')}`
}

/** `50MB` and plain numbers of bytes. */
function sizeOf(text: string): string {
  if (/^\d+$/.test(text)) return text === '0' ? '0' : `${text}B`
  return /^0[kmg]b$/i.test(text) ? '0' : text.toUpperCase()
}

/** stderr's limit, where stdout has said nothing else. */
function setSecond(section: DraftSection, key: string, value: string, option: Option): void {
  const line = section.items.find((item) => item.kind === 'line' && item.key === key)
  if (line?.kind !== 'line') section.set(key, value, null, { from: option })
  else if (line.value !== value) section.drop(option.key, option.value, programKeys[option.key]?.why ?? '', option)
}

function setSocket(section: DraftSection, from: Option, value: string, hasMode: boolean): void {
  const why = fcgiKeys.socket?.why ?? ''
  if (value.startsWith('unix://')) {
    section.set('unix_socket', value.slice('unix://'.length), why, { key: 'socket', from })
    if (!hasMode) section.set('unix_socket_mode', '0700')
  } else section.set('bind', value.replace(/^tcp:\/\//, ''), why, { key: 'socket', from })
}
