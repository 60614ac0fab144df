// The [Service] of a unit as lines of a section.

import { existsSync } from 'node:fs'
import { readEnvFile } from '../../src/config/environment.ts'
import { messageOf } from '../../src/errors.ts'
import { type DraftSection, literal } from './draft.ts'
import { setVariables } from './environment.ts'
import { commandLine, inOrder, killSignal, type Line } from './systemd-command.ts'
import { serviceKeys } from './systemd-keys.ts'
import type { Specifiers } from './systemd-specifiers.ts'
import { limitOf, secondsOf, sizeOf } from './systemd-values.ts'
import { type Assignment, allOf, lastOf, unitWords } from './unit-reader.ts'

interface Around {
  /** A timer starts it. */
  readonly scheduled: boolean
  /** Of the system, and not of a user. */
  readonly system: boolean
  readonly folder: string
}

export function setService(section: DraftSection, lines: readonly Assignment[], ini: Specifiers, around: Around): void {
  const one = (key: string): Assignment | undefined => lastOf(lines.filter((line) => line.key === key))
  const many = (key: string): readonly Assignment[] => allOf(lines.filter((line) => line.key === key))
  const why = (key: string): string | null => serviceKeys[key]?.why ?? null
  const put = (key: string, to: string, value: (text: string) => string | null, say = false): void => {
    const line = one(key)
    if (!line) return
    const written = value(line.value)
    if (written === null) section.drop(key, line.value, 'it cannot be written here', line)
    else section.set(to, written, say ? why(key) : null, { key, from: line })
  }
  const commands = (key: string): readonly Line[] => {
    const all = many(key).map((line) => commandLine(line.value, ini))
    for (const lost of all.flatMap((line) => line.lost)) section.drop(key, null, lost, one(key))
    return all
  }

  const type = one('Type')?.value ?? 'simple'
  const starts = commands('ExecStart')
  section.set(
    'command',
    inOrder(starts.map((line, at) => ({ ...line, mayFail: line.mayFail && at < starts.length - 1 }))),
  )
  if (starts.at(-1)?.mayFail)
    section.drop('ExecStart', '-', 'a failure of it is one; exit_codes says which codes are not', one('ExecStart'))
  if (type === 'forking' || type === 'dbus') {
    section.drop('Type', type, 'the program must stay in the foreground: look for an option that says so', one('Type'))
  }
  const notifies = type === 'notify' || type === 'notify-reload'
  if (notifies) section.set('ready', 'notify')
  if (type === 'oneshot') section.set('start_seconds', '0')
  setHooks(section, commands, { one, put })
  setRestart(section, { one, put, type, scheduled: around.scheduled, notifyReload: type === 'notify-reload' })
  put('TimeoutStartSec', 'start_timeout', secondsOf)
  put('TimeoutSec', 'start_timeout', secondsOf)
  const stop = one('TimeoutStopSec') ?? one('TimeoutSec')
  section.set('graceful_timeout', (stop && secondsOf(stop.value)) ?? '90')
  if (notifies) put('WatchdogSec', 'worker_timeout', secondsOf)

  const user = one('User')
  const group = one('Group')
  if (user || group)
    section.set('user', ini.written(ini.plain([user?.value ?? 'root', group?.value].filter(Boolean).join(':'))))
  const directory =
    one('WorkingDirectory')?.value.replace(/^-/, '').replace(/^~$/, '%h') ?? (around.system ? '/' : '%h')
  section.set('directory', ini.written(ini.plain(directory)))
  section.set('umask', one('UMask')?.value ?? '0022')
  put('Nice', 'nice', (text) => text)
  put('OOMScoreAdjust', 'oom_score_adj', (text) => text)
  for (const limit of ['NOFILE', 'NPROC'])
    put(`Limit${limit}`, `rlimit_${limit.toLowerCase()}`, (text) => limitOf(text, false))
  for (const limit of ['CORE', 'AS'])
    put(`Limit${limit}`, `rlimit_${limit.toLowerCase()}`, (text) => limitOf(text, true))
  put('CPUAffinity', 'cpu_affinity', (text) =>
    text
      .trim()
      .split(/[\s,]+/)
      .join(','),
  )
  put('NoNewPrivileges', 'no_new_privileges', (text) => text)
  put('MemoryMax', 'memory_max', sizeOf)
  put('TasksMax', 'pids_max', (text) => (/^\d+$/.test(text) ? text : null))
  put('CPUQuota', 'cpu_max', (text) => (/^\d+(?:\.\d+)?%$/.test(text) ? `${text}%` : null))
  setOutput(section, { one, ini })
  setEnvironment(section, many, ini)
  const passed = new Set(['Sockets', 'TimeoutSec', 'Type'])
  for (const line of lines) {
    const row = Object.hasOwn(serviceKeys, line.key) ? serviceKeys[line.key] : undefined
    const unused = line.key === 'WatchdogSec' && !notifies
    if (line.value === '' || passed.has(line.key) || (row !== undefined && row.here !== null && !unused)) continue
    section.drop(line.key, line.value, row?.why ?? 'it is systemd that does it', line)
  }
}

type One = (key: string) => Assignment | undefined
type Put = (key: string, to: string, value: (text: string) => string | null, say?: boolean) => void

function setHooks(
  section: DraftSection,
  commands: (key: string) => readonly Line[],
  { one, put }: { one: One; put: Put },
): void {
  const hooks = {
    ExecStartPre: 'pre_start',
    ExecStartPost: 'post_start',
    ExecStop: 'pre_stop',
    ExecStopPost: 'post_stop',
  }
  const killed = killSignal(commands('ExecStop')[0]?.words ?? [])
  if (killed !== null) section.set('stop_signal', killed)
  else put('KillSignal', 'stop_signal', (text) => text)
  for (const [key, hook] of Object.entries(hooks)) {
    const lines = commands(key)
    if (lines.length === 0 || (key === 'ExecStop' && killed !== null)) continue
    section.set(hook, inOrder(lines))
  }
  const reloads = commands('ExecReload')
  const signal = reloads.map(({ words }) => killSignal(words)).find((each) => each !== null) ?? null
  if (signal !== null) {
    section.set('reload_strategy', 'signal')
    section.set('reload_signal', signal)
  }
  if (reloads.length > (signal === null ? 0 : 1) || (reloads.length > 0 && signal === null))
    section.drop('ExecReload', one('ExecReload')?.value ?? '', serviceKeys.ExecReload?.why ?? '', one('ExecReload'))
}

interface Restarting {
  readonly one: One
  readonly put: Put
  readonly type: string
  readonly scheduled: boolean
  readonly notifyReload: boolean
}

function setRestart(section: DraftSection, { one, put, type, scheduled, notifyReload }: Restarting): void {
  const said = one('Restart')
  const word = said?.value ?? 'no'
  const known: Readonly<Record<string, string>> = { no: 'never', always: 'always', 'on-failure': 'on-failure' }
  const asFailure = /^on-(?:abnormal|abort|watchdog)$/.test(word)
  if (!scheduled) {
    section.set(
      'autorestart',
      known[word] ?? (asFailure ? 'on-failure' : 'never'),
      asFailure ? (serviceKeys.Restart?.why ?? null) : null,
      { key: 'Restart', ...(said && { from: said }) },
    )
    if (word === 'on-success')
      section.drop('Restart', word, 'a failure is a reason to start anew, a success is not', said)
  } else if (word !== 'no')
    section.drop('Restart', word, 'a run that has ended is not restarted; the next one comes at its time', said)
  put('RestartSec', 'backoff_initial', secondsOf, true)
  put('RestartSec', 'backoff_max', secondsOf)
  const codes = (key: string): readonly string[] =>
    (one(key)?.value ?? '').split(/\s+/).filter((code) => /^\d{1,3}$/.test(code))
  const expected = new Set(['0', ...codes('SuccessExitStatus'), ...codes('RestartPreventExitStatus')])
  if (expected.size > 1) section.set('exit_codes', [...expected].join(','))
  const mode = one('KillMode')?.value ?? 'control-group'
  if (mode === 'control-group') section.set('stop_group', 'true')
  else if (mode !== 'mixed') section.drop('KillMode', mode, serviceKeys.KillMode?.why ?? '', one('KillMode'))
  if (notifyReload || one('ReloadSignal')) {
    if (!section.has('reload_strategy')) section.set('reload_strategy', 'signal')
    if (!section.has('reload_signal')) put('ReloadSignal', 'reload_signal', (text) => text)
  }
  if (type === 'oneshot' && word !== 'no') section.note('differs', 'Type', 'a oneshot that is restarted')
}

function setOutput(section: DraftSection, { one, ini }: { one: One; ini: Specifiers }): void {
  const place = (key: string): string | null => {
    const value = one(key)?.value
    if (value === undefined || /^(?:inherit|journal|syslog|kmsg)(?:\+console)?$/.test(value)) return null
    if (value === 'null') return 'none'
    const path = /^(?:file|append|truncate):(.*)$/.exec(value)?.[1]
    if (path !== undefined) return ini.written(ini.plain(path))
    section.drop(key, value, serviceKeys[key]?.why ?? '', one(key))
    return null
  }
  const out = place('StandardOutput')
  const err = place('StandardError')
  if (out !== null) section.set('log_file', out)
  if (err !== null) section.set('stderr_log_file', err === out ? 'merged' : err)
}

function setEnvironment(section: DraftSection, many: (key: string) => readonly Assignment[], ini: Specifiers): void {
  const variables = new Map<string, string>()
  const files = many('EnvironmentFile').map((line) => ({ ...line, path: ini.plain(line.value.replace(/^-/, '')) }))
  const here = files.filter(({ value, path }) => !value.startsWith('-') || existsSync(path))
  for (const { path, ...line } of files.filter((one) => !here.some(({ path: known }) => known === one.path)))
    section.drop('EnvironmentFile', path, 'it is not there, and need not be', line)
  const [first, ...more] = here
  const lines = many('Environment')
  for (const line of lines) {
    for (const pair of unitWords(line.value)) {
      const [name = '', value = ''] = pair.split(/=(.*)/s)
      variables.set(name, ini.written(ini.plain(value)))
    }
  }
  if (first) section.set('env_file', ini.written(first.path), null, { key: 'EnvironmentFile', from: first })
  for (const line of more) {
    try {
      for (const [name, value] of readEnvFile(line.path)) variables.set(name, literal(value))
    } catch (e) {
      section.drop('EnvironmentFile', line.path, messageOf(e), line)
    }
  }
  setVariables(section, variables, { key: 'Environment', from: lines[0] ?? null })
}
