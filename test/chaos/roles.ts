// The programs of a chaos run, each with its vice, and the configuration that says so. Pure.

import type { Format } from './lines.ts'

export interface Role {
  readonly name: string
  /** Slots at rest. */
  readonly base: number
  /** Lines at a time, seconds between, and the longest line. */
  readonly batch: number
  readonly nap: number
  readonly most: number
  readonly style: 'plain' | 'both' | 'deaf' | 'crash' | 'leak' | 'worker'
  readonly format: Format
  /** Each slot has a log of its own. */
  readonly own: boolean
  readonly pipeBytes: number
  /** Other settings. */
  readonly settings: readonly string[]
  /** Cleared at random, so nobody counts its lines. */
  readonly cleared: boolean
  /** May be renamed from outside. */
  readonly renamed: boolean
}

const role = (name: string, base: number, more: Partial<Role>): Role => ({
  name,
  base,
  batch: 20,
  nap: 0.05,
  most: 150,
  style: 'plain',
  format: 'raw',
  own: false,
  pipeBytes: 65_536,
  settings: ['log_max_size = 64KB'],
  cleared: false,
  renamed: false,
  ...more,
})

export const roles: readonly Role[] = [
  // Most of its life a log of this size takes spliced bytes, near its end whole lines.
  role('own', 3, { own: true, renamed: true, settings: ['log_max_size = 700KB'] }),
  role('shared', 3, { most: 3000, batch: 4, nap: 0.1, pipeBytes: 16_384, renamed: true }),
  role('prefix', 2, { format: 'prefix', settings: ['log_max_size = 100KB', 'log_compress = true'] }),
  role('json', 2, { format: 'json', style: 'both', batch: 10, settings: ['log_max_size = 100KB'] }),
  role('flood', 1, { own: true, batch: 3000, nap: 1, settings: ['log_max_size = 1MB'] }),
  role('sdk', 2, { style: 'worker', own: true, settings: ['log_max_size = 64KB', 'max_requests = 250'] }),
  role('crash', 2, { style: 'crash', own: true, settings: ['log_max_size = 0'] }),
  role('deaf', 1, { style: 'deaf' }),
  role('leak', 1, { style: 'leak' }),
  role('noise', 1, { cleared: true }),
]

export const roleOf = (program: string): Role => {
  const found = roles.find(({ name }) => name === program)
  if (!found) throw new Error(`cannot find a role for "${program}"`)
  return found
}

/** What a run changes in the file. */
export interface Settings {
  readonly workers: number
  readonly gracefulMs: number
  /** The value of CHAOS in the environment. */
  readonly mark: number
}

export const firstSettings = ({ base, style }: Role): Settings => ({
  workers: base,
  gracefulMs: style === 'deaf' ? 300 : 3_000,
  mark: 0,
})

/** @param fixtures the folder of prints.sh and prints.js. */
export function configText(dir: string, fixtures: string, settings: ReadonlyMap<string, Settings>): string {
  const head = [
    '[DEFAULT]',
    'log_path = ./logs',
    'start_seconds = 200ms',
    'start_retries = -1',
    'backoff_initial = 50ms',
    'backoff_max = 400ms',
    'backoff_reset = 2s',
    'log_backups = 1000',
    `x_dir = ${dir}`,
  ]
  return `${[...head, ...roles.flatMap((one) => section(one, fixtures, settings.get(one.name)))].join('\n')}\n`
}

function section(one: Role, fixtures: string, settings: Settings = firstSettings(one)): string[] {
  const { name, batch, nap, most, style, format, own } = one
  const run =
    style === 'worker'
      ? [`worker = ${fixtures}/prints.js`, `x_most = ${most}`]
      : [`command = bash ${fixtures}/prints.sh %(x_dir)s ${batch} ${nap} ${most} ${style}`]
  return [
    `[${name}]`,
    ...run,
    `number_workers = ${settings.workers}`,
    `graceful_timeout = ${settings.gracefulMs}ms`,
    `env.CHAOS = ${settings.mark}`,
    `log_file = %(log_path)s/${own ? `${name}-%(slot)s` : name}.log`,
    ...(style === 'both' ? [`stderr_log_file = %(log_path)s/${name}.err.log`] : []),
    `log_format = ${format}`,
    `log_pipe_size = ${one.pipeBytes / 1024}KB`,
    ...one.settings,
  ]
}

/** The logs that `web:0` prints to, below logs/. */
export function logsOf(name: string): string[] {
  const [program = '', slot = ''] = name.split(':')
  const { own, style } = roleOf(program)
  const log = `${own ? `${program}-${slot}` : program}.log`
  return style === 'both' ? [log, `${program}.err.log`] : [log]
}
