// PM2's ecosystem file as a draft. Which key becomes what stands in pm2-keys.ts.

import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path'
import { Draft, type DraftSection, literal, nameFor, sayName } from './draft.ts'
import { setVariables } from './environment.ts'
import { isRecord, readEcosystem, type Value } from './pm2-file.ts'
import { pm2Aliases, pm2Keys } from './pm2-keys.ts'
import { isNothing, list, shownPath, sizeOf, text, timeOf } from './pm2-values.ts'
import { commandOf, countedFrom, shellLine } from './words.ts'

type App = ReadonlyMap<string, Value>

export async function importPm2(
  file: string,
  folder: string,
  env: string | null,
  warn: (text: string) => void,
): Promise<Draft> {
  const { apps, deploy } = await readEcosystem(file, warn)
  const draft = new Draft()
  const defaults = draft.section('DEFAULT')
  defaults.set('stop_signal', 'INT', "PM2's defaults, where ours are others")
  defaults.set('graceful_timeout', '1600ms')
  defaults.set('stop_group', 'true')
  defaults.set('start_retries', '16')
  defaults.set('redirect_stderr', 'false')
  defaults.set('log_path', './logs', 'where PM2 has ~/.pm2/logs')
  const taken = new Set<string>()
  const namespaces = new Map<string, string[]>()
  for (const raw of apps) {
    const app = new Map(Object.entries(raw).map(([key, value]) => [pm2Aliases[key] ?? key, value]))
    const script = text(app.get('script')) ?? ''
    const plain = text(app.get('name')) ?? basename(script, extname(script))
    const suffix = env !== null && app.get('append_env_to_name') === true ? `-${env}` : ''
    const wanted = `${text(app.get('name_prefix')) ?? ''}${plain}${suffix}`
    const name = nameFor(wanted, taken)
    taken.add(name)
    sayName(draft.section(name), wanted)
    importApp(app, draft.section(name), { file, folder: dirname(file) === folder ? folder : null, env, script })
    const namespace = text(app.get('namespace'))
    if (namespace !== null && namespace !== 'default')
      namespaces.set(namespace, [...(namespaces.get(namespace) ?? []), name])
  }
  for (const [namespace, members] of namespaces) {
    draft.section(`group:${nameFor(namespace, taken)}`).set('programs', members.join(', '))
  }
  if (isRecord(deploy)) draft.drop('deploy', pm2Keys.deploy?.why ?? '')
  return draft
}

interface Around {
  readonly file: string
  /** Of the configuration, where it is that of the file: then paths below it are relative. */
  readonly folder: string | null
  readonly env: string | null
  readonly script: string
}

function importApp(app: App, section: DraftSection, around: Around): void {
  const cwd = resolve(dirname(around.file), text(app.get('cwd')) ?? '.')
  const shown = (path: string): string => shownPath(resolve(cwd, path), around.folder)
  const why = (key: string): string | null => pm2Keys[key]?.why ?? null
  const count = countOf(app.get('instances'))
  const cluster = (text(app.get('exec_mode')) ?? (app.has('instances') ? 'cluster' : 'fork')).startsWith('cluster')
  if (around.script !== '') section.set('command', commandWords(app, cwd, around.script))
  if (cwd !== around.folder) section.set('directory', shownPath(cwd, around.folder))
  if (count !== '1') section.set('number_workers', count, app.get('instances') === -1 ? 'one core was left free' : null)
  if (cluster && count !== '1') section.note('differs', 'exec_mode', why('exec_mode') ?? '')
  if (cluster && count !== '1') section.remark(`exec_mode = cluster: ${why('exec_mode')}`)
  setLogs(app, section, shown, count)
  const ms = (key: string, to: string): void => {
    const value = app.get(key)
    if (value !== undefined && value !== null) section.set(to, timeOf(value), null, { key })
  }
  ms('kill_timeout', 'graceful_timeout')
  ms('min_uptime', 'start_seconds')
  ms('listen_timeout', 'start_timeout')
  for (const key of ['restart_delay', 'exp_backoff_restart_delay']) {
    const delay = app.get(key)
    if (!delay) continue
    section.set('backoff_initial', timeOf(delay), why(key), { key })
    section.set('backoff_max', key === 'restart_delay' ? timeOf(delay) : '15s')
    break // PM2 heeds one of them
  }
  const plain = (key: string, to: string): void => {
    const value = text(app.get(key))
    if (value !== null) section.set(to, literal(value), null, { key })
  }
  plain('max_restarts', 'start_retries')
  plain('autostart', 'autostart')
  if (app.get('autorestart') === false) section.set('autorestart', 'never')
  else if (app.has('stop_exit_codes')) {
    section.set('autorestart', 'on-failure')
    section.set('exit_codes', list(app.get('stop_exit_codes')).join(','))
  }
  const memory = text(app.get('max_memory_restart'))
  if (memory !== null) section.set('max_memory', sizeOf(memory), null, { key: 'max_memory_restart' })
  if (app.get('treekill') === false) section.set('stop_group', 'false')
  const user = text(app.get('uid')) ?? (app.has('gid') ? String(process.getuid?.() ?? 0) : null)
  const group = text(app.get('gid'))
  if (user !== null)
    section.set('user', literal(group === null ? user : `${user}:${group}`), why('uid'), { key: 'uid' })
  setWatch(app, section, cwd, around.folder)
  setEnvironment(app, section, around.env)
  for (const [key, value] of app) {
    const row = Object.hasOwn(pm2Keys, key) ? pm2Keys[key] : undefined
    if (key.startsWith('env_') || key === 'exec_mode' || row?.here || isNothing(value)) continue
    // What is an object may hold a password.
    section.drop(key, isRecord(value) ? null : JSON.stringify(value), row?.why ?? 'PM2 does not know it either')
  }
}

/** As PM2 finds it: by the extension, else as a program on the PATH, else node. */
function commandWords(app: App, cwd: string, script: string): string {
  const path = resolve(cwd, script)
  const isFile = existsSync(path)
  const args = list(app.get('args'))
  if (!isFile && /\s/.test(script)) return commandOf([...shellLine(script), ...args])
  const known = interpreters[extname(script)]
  const asked = text(app.get('interpreter'))?.replace(/^node@.*/, 'node') ?? null
  const interpreter = asked ?? known ?? (isFile && !/\//.test(script) && extname(script) === '' ? 'node' : null)
  const named = isFile && !isAbsolute(script) && !script.includes('/') && interpreter === null ? `./${script}` : script
  if (interpreter === null || interpreter === 'none') return commandOf([named, ...args])
  const maps = app.get('source_map_support') === true && interpreter === 'node' ? ['--enable-source-maps'] : []
  return commandOf([interpreter, ...maps, ...list(app.get('node_args')), script, ...args])
}

const interpreters: Readonly<Record<string, string>> = {
  '.js': 'node',
  '.cjs': 'node',
  '.mjs': 'node',
  '.sh': 'bash',
  '.py': 'python3',
  '.rb': 'ruby',
  '.php': 'php',
  '.pl': 'perl',
  '.coffee': 'coffee',
  '.ls': 'lsc',
  '.ts': 'bun',
  '.tsx': 'bun',
}

function countOf(instances: Value): string {
  if (instances === undefined || instances === null) return '1'
  if (instances === 'max' || Number(instances) === 0) return 'auto'
  const count = Number(instances)
  return String(count < 0 ? Math.max(1, availableParallelism() + count) : count)
}

function setLogs(app: App, section: DraftSection, shown: (path: string) => string, count: string): void {
  const apart = count !== '1' && app.get('merge_logs') !== true
  const place = (value: Value): string | null => {
    const path = text(value)
    if (path === null || path === 'true' || path === 'false') return null
    if (/^(?:\/dev\/null|null|none)$/i.test(path)) return 'none'
    if (path.startsWith('/dev/')) return path
    const own = path.startsWith('~/') ? join(process.env.HOME ?? '/', path.slice(2)) : path
    return apart ? shown(own).replace(/(\.[^./]*)?$/, '-%(slot)s$1') : shown(own)
  }
  const out = place(app.get('out_file'))
  const err = place(app.get('error_file'))
  const both = place(app.get('log_file'))
  if (app.get('disable_logs') === true) section.set('log_file', 'none')
  else if (out !== null || both !== null) section.set('log_file', out ?? both ?? '')
  else if (apart) section.set('log_file', '%(log_path)s/%(program)s-%(slot)s.log')
  if (
    app.get('disable_logs') === true ||
    (err !== null && err === out) ||
    (both !== null && out === null && err === null)
  )
    section.set('stderr_log_file', 'merged')
  else if (err !== null) section.set('stderr_log_file', err)
  else if (apart) section.set('stderr_log_file', '%(log_path)s/%(program)s-%(slot)s.err.log')
  if (out !== null && both !== null) section.drop('log_file', both, 'out_file is there: a stream goes to one file')
  if (app.get('log_type') === 'json') section.set('log_format', 'json')
  else if (app.get('time') === true || app.has('log_date_format')) section.set('log_format', 'prefix')
}

function setWatch(app: App, section: DraftSection, cwd: string, folder: string | null): void {
  const watched = app.get('watch')
  if (isNothing(watched)) return
  const inside = (path: string): string => shownPath(resolve(cwd, path), folder)
  const wanted = watched === true ? [inside('.')] : list(watched).map(inside)
  const ignored = [...new Set([...(watched === true ? ['node_modules'] : []), ...list(app.get('ignore_watch'))])]
  const plain = ignored.filter((one) => !/[\\^$(|]/.test(one))
  section.set('watch', [...wanted, ...plain.map((one) => `!${inside(one)}`)].join(', '), pm2Keys.watch?.why ?? null)
  for (const one of ignored.filter((each) => !plain.includes(each))) {
    section.drop('ignore_watch', one, 'a regular expression: wanted globs')
  }
}

function setEnvironment(app: App, section: DraftSection, env: string | null): void {
  const variables = new Map<string, string>()
  const add = (value: Value): void => {
    const pairs = isRecord(value) ? Object.entries(value) : list(value).map((pair) => pair.split(/=(.*)/s).slice(0, 2))
    for (const [name, one] of pairs) variables.set(String(name), literal(text(one) ?? JSON.stringify(one) ?? ''))
  }
  const port = text(app.get('port'))
  if (port !== null) variables.set('PORT', literal(port))
  add(app.get('env'))
  if (env !== null) add(app.get(`env_${env}`))
  const counted = text(app.get('increment_var'))
  const base = counted === null ? undefined : variables.get(counted)
  if (counted !== null) {
    const value = countedFrom(Number(base ?? '0'))
    if (value === null) section.drop('increment_var', counted, `${base} plus a number cannot be written with %(slot)s`)
    else variables.set(counted, value)
  }
  variables.set(text(app.get('instance_var')) ?? 'NODE_APP_INSTANCE', '%(slot)s')
  const filter = app.get('filter_env')
  if (filter === true) section.set('env_clear', 'true')
  else if (!isNothing(filter)) section.drop('filter_env', JSON.stringify(filter), pm2Keys.filter_env?.why ?? '')
  setVariables(section, variables, { key: 'env' })
  for (const key of app.keys()) {
    if (!key.startsWith('env_') || key === `env_${env}`) continue
    section.drop(key, null, `import it with --env ${key.slice(4)}: one configuration is of one environment`)
  }
}
