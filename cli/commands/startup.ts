// `startup`: the systemd unit that starts phd with the machine, or with the user's first login. Prints it, or writes
// it to its place; starts nothing, but says what to type for that.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { SYSTEM_FOLDER, standardPlace } from '../../src/config/places.ts'
import { errno, messageOf, PhError } from '../../src/errors.ts'
import { packageFile } from '../../src/package.ts'
import { shellWord } from '../format.ts'
import { markOf, type UnitFacts, unitFile } from '../unit-file.ts'
import { type Context, fileOf, OK } from './context.ts'

export async function startup(ctx: Context): Promise<number> {
  const { instance } = ctx.globals
  const config = resolve(fileOf(ctx.globals))
  if (config.includes('\n')) throw new PhError('PH_USAGE', 'cannot write a unit for a file with a newline in its name')
  const scope = scopeOf(ctx)
  const { loadConfig } = await import('../../src/config/load.ts')
  const { programs } = loadConfig(config, { instance, foreground: true })
  const specs = [...programs.values()].map(({ spec }) => spec)
  const text = unitFile({
    ...surroundings(scope, config),
    scope,
    config,
    instance,
    node: process.execPath,
    phd: packageFile('dist/bin/phd.cjs'),
    stopSeconds: longestStopMs(specs) / 1000,
    version: versionOf(ctx),
  })
  const unit = `${instance === null ? 'phd' : `phd-${instance}`}.service`
  const path = join(folderOf(scope), unit)
  const written = ctx.options.write === true
  if (written) write(path, text, config)
  const again = ['phctl', '-c', config, ...(instance === null ? [] : ['--instance', instance]), 'startup', `--${scope}`]
  const next = nextOf(scope, unit, written ? null : { path, again: again.map(shellWord).join(' ') })
  ctx.out.result({ unit, path, text, written, next }, () => (written ? `written: ${path}` : text.trimEnd()))
  if (!ctx.out.json) ctx.out.remark(['next:', ...next.map((line) => `  ${line}`)].join('\n'))
  return OK
}

interface Stopping {
  readonly program: string
  readonly dependsOn: readonly { readonly program: string }[]
  readonly stopMs: number
}

/** What depends on others ends before them, so their times add up along each chain. A configuration has no circle. */
function longestStopMs(specs: readonly Stopping[]): number {
  const known = new Map<string, number>()
  const until = (program: string): number => {
    const before = specs.filter(({ dependsOn }) => dependsOn.some((one) => one.program === program))
    const own = specs.find((one) => one.program === program)?.stopMs ?? 0
    const ms = known.get(program) ?? own + Math.max(0, ...before.map((one) => until(one.program)))
    known.set(program, ms)
    return ms
  }
  return Math.max(0, ...specs.map(({ program }) => until(program)))
}

type Scope = UnitFacts['scope']

function scopeOf({ options }: Context): Scope {
  if (options.user === true && options.system === true) {
    throw new PhError('PH_USAGE', 'cannot write one unit for the system and for a user: wanted --user or --system')
  }
  if (options.user === true) return 'user'
  return options.system === true || process.geteuid?.() === 0 ? 'system' : 'user'
}

/** What the file lands beside, and who runs it. */
function surroundings(scope: Scope, config: string): Pick<UnitFacts, 'user' | 'environment' | 'folders'> {
  const own = ['XDG_CONFIG_HOME', 'XDG_STATE_HOME']
  const place = standardPlace(dirname(config), process.env)
  const isXdg = place !== null && place.folder !== SYSTEM_FOLDER
  if (isXdg && scope === 'system') {
    const run = place.defaults.get('run_path')
    const text = `cannot make a unit of the system for ${config}: its files belong to a login (${run})`
    throw new PhError('PH_USAGE', `${text}\n  use --user, or a configuration in another folder`)
  }
  const user = scope === 'system' && process.geteuid?.() !== 0 ? userName() : null
  // systemd's own PATH has no place for what nvm, pyenv and the like have put into the caller's.
  const names = ['PATH', ...(isXdg ? own : [])]
  const set = names.flatMap((name) => (process.env[name] ? [[name, process.env[name]] as const] : []))
  return { user, environment: new Map(set), folders: place !== null && user !== null }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.geteuid?.() ?? 0) // no entry for it in passwd
  }
}

/** The version to write for; null = nothing tells. */
function versionOf({ options }: Context): number | null {
  const given = options.systemd
  if (given !== undefined) {
    const wanted = /^\d{1,4}$/.exec(String(given))?.[0]
    if (wanted !== undefined) return Number(wanted)
    throw new PhError('PH_USAGE', `cannot write for systemd "${String(given)}": wanted a version like 252`)
  }
  try {
    const said = execFileSync('systemctl', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return Number(/^systemd (\d+)/.exec(said)?.[1] ?? Number.NaN) || null
  } catch {
    return null // not here: the unit may be meant for elsewhere, and one for an old version works everywhere
  }
}

function folderOf(scope: Scope): string {
  if (scope === 'system') return '/etc/systemd/system'
  const { XDG_CONFIG_HOME, HOME } = process.env
  const base = XDG_CONFIG_HOME || (HOME ? join(HOME, '.config') : null)
  if (base === null) throw new PhError('PH_USAGE', "cannot tell where the user's units are: HOME is not set")
  return join(base, 'systemd/user')
}

/** Replaces nothing but what it has written itself, for the same configuration. */
function write(path: string, text: string, config: string): void {
  const refuse = (why: string, e?: unknown): PhError =>
    new PhError(
      errno(e) === 'EACCES' ? 'PH_DENIED' : 'PH_CONFLICT',
      `cannot write ${path}: ${why}`,
      { path },
      { cause: e },
    )
  try {
    const there = existsSync(path) ? readFileSync(path, 'utf8') : null
    if (there !== null && !there.startsWith(`${markOf(config)}\n`)) {
      const [first = ''] = there.split('\n')
      const whose = first.startsWith(markOf('')) ? `it is that of ${first.slice(markOf('').length)}` : 'it is not ours'
      throw refuse(`${whose}; give this one a name of its own with --instance, or remove that file`)
    }
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { mode: 0o644 })
  } catch (e) {
    const hint = path.startsWith('/etc/') ? '; print it, and write it as root' : ''
    throw e instanceof PhError ? e : refuse(`${messageOf(e)}${hint}`, e)
  }
}

/** What to type; `printed`: the unit must first be written. */
function nextOf(scope: Scope, unit: string, printed: { path: string; again: string } | null): readonly string[] {
  const sudo = scope === 'system' && process.geteuid?.() !== 0 ? 'sudo ' : ''
  const systemctl = scope === 'user' ? 'systemctl --user' : `${sudo}systemctl`
  const write = sudo === '' ? `${printed?.again} --write` : `${printed?.again} | sudo tee ${printed?.path}`
  return [
    ...(printed === null ? [] : [write]),
    `${systemctl} daemon-reload`,
    `${systemctl} enable --now ${unit}`,
    ...(scope === 'user' ? ['loginctl enable-linger    # so that it runs without a login'] : []),
  ]
}
