// One program's section as a frozen Spec, with the origin of everything in it.

import type { Address, Ready, ReloadStrategy } from '../core/spec.ts'
import type { MasterConfig, ProgramConfig } from './config.ts'
import { parseDependencies } from './depends.ts'
import { checkHealth, readHealth } from './health.ts'
import { readHooks } from './hooks.ts'
import { readIdentity } from './identity.ts'
import { readListeners } from './listen.ts'
import type { Given, View } from './master.ts'
import { cannotDieWithMaster } from './orphans.ts'
import { readOutput } from './output.ts'
import type { Findings } from './problems.ts'
import { createReader, type Reader } from './reader.ts'
import { type Bound, checkReady, readReady } from './ready.ts'
import { readRun } from './run.ts'
import { neverReplaced, oneAtATime, readAutorestart, readSchedule } from './schedule.ts'
import { readSingle } from './single.ts'
import { parseCodes, parseDuration, parseInteger, unfit } from './units.ts'
import { cfgOf, programSettings, readEnvironment } from './variables.ts'
import { readWatch } from './watch.ts'

export function readProgram(
  view: View,
  master: MasterConfig,
  given: Given & { readonly cpus: number },
  findings: Findings,
): ProgramConfig {
  const reader = createReader(view.layer, view.header, given.instance, findings)
  const program = view.header.name
  const basePath = reader.path('base_path')
  reader.path('log_path')
  const run = readRun(reader, program, basePath)
  const sdk = run.kind === 'worker'
  const identity = readIdentity(reader)
  const listening = readListeners(reader, basePath, identity.identity?.user)
  const times = readSchedule(reader)
  const count = reader.take('number_workers', (text) => parseCount(text, given.cpus), 1)
  const maxRequests = onlyWorkers(reader, sdk, 'max_requests', reader.integer('max_requests'))
  const facts = {
    program,
    run,
    workers: oneAtATime(reader, times, count),
    procName: reader.text('proc_name') ?? program,
    directory: reader.path('directory'),
    env: readEnvironment(reader, basePath),
    envClear: reader.boolean('env_clear'),
    ...identity,
    output: readOutput(reader, basePath, given.instance),
    ...listening,
    ...times,
    ...readWatch(reader, basePath, times),
    autostart: reader.boolean('autostart'),
    dependsOn: reader.take('depends_on', parseDependencies, []), // names: load.ts knows who they are
    dependsRestart: reader.boolean('depends_restart'),
    priority: reader.integer('priority'),
    groups: [],
    autorestart: readAutorestart(reader, times),
    exitCodes: reader.take('exit_codes', parseCodes, [0]),
    startMs: reader.duration('start_seconds'),
    startTimeoutMs: reader.duration('start_timeout'),
    startRetries: reader.integer('start_retries'),
    backoffInitialMs: reader.duration('backoff_initial'),
    backoffMaxMs: reader.duration('backoff_max'),
    backoffResetMs: reader.duration('backoff_reset'),
    stopSignal: reader.signal('stop_signal'),
    stopMs: reader.duration('graceful_timeout'),
    stopGroup: readStopGroup(reader),
    ready: readReady(reader, sdk, tcpOf(listening.listeners), listening.listeners.length),
    ...readHealth(reader, tcpOf(listening.listeners)),
    ...readHooks(reader),
    reloadStrategy: readStrategy(reader, sdk || listening.listeners.length > 0 ? 'start-first' : 'stop-first'),
    reloadParallel: reader.integer('reload_parallel'),
    reloadSignal: reader.signal('reload_signal'),
    maxRequests: neverReplaced(reader, times, 'max_requests', maxRequests),
    maxRequestsJitter: reader.jitter('max_requests_jitter', (text) => parseInteger(text, 0, 1e15)),
    maxMemoryBytes: neverReplaced(reader, times, 'max_memory', reader.size('max_memory')),
    maxConcurrency: onlyWorkers(reader, sdk, 'max_greenlets', reader.integer('max_greenlets'), 10),
    maxAgeMs: neverReplaced(reader, times, 'kill_interval', reader.duration('kill_interval')),
    maxAgeJitter: reader.jitter('max_age_jitter', parseDuration),
  }
  const single = readSingle(reader, master, facts.stopMs)
  const workerTimeoutMs = readTimeout(reader, facts.ready)
  checkReady(reader, facts)
  checkHealth(reader, facts)
  if (facts.backoffInitialMs > facts.backoffMaxMs) {
    const name = reader.layer.find('backoff_initial') ? 'backoff_initial' : 'backoff_max'
    reader.refuse(name, 'cannot be: backoff_initial is longer than backoff_max')
  }
  if (master.daemonize) {
    if (facts.output.stdout === 'inherit') refuseInherit(reader, 'log_file')
    if (facts.output.stderr === 'inherit') refuseInherit(reader, 'stderr_log_file')
  }
  if (master.orphans === 'stop' && run.kind === 'command') {
    const trouble = cannotDieWithMaster(run.argv, facts)
    if (trouble) reader.refuse('command', trouble)
  }
  const settings = programSettings(reader)
  return { spec: { ...facts, ...single, workerTimeoutMs, cfg: sdk ? cfgOf(reader, master) : {} }, settings }
}

/** Where it listens on the net. */
const tcpOf = (listeners: readonly Address[]): Bound[] =>
  listeners.flatMap((one) => (one.kind === 'tcp' ? [{ host: one.host, port: one.port }] : []))

function parseCount(text: string, cpus: number): number {
  if (text.toLowerCase() === 'auto') return cpus
  if (!/^\d{1,5}$/.test(text) || Number(text) > 10_000) throw unfit(text, 'a whole number from 0 to 10000, or auto')
  return Number(text)
}

/** supervisord's killasgroup speaks only where stop_group does not. */
function readStopGroup(reader: Reader): boolean {
  const group = reader.boolean('stop_group')
  if (reader.level('killasgroup') <= reader.level('stop_group')) return group
  const value = reader.boolean('killasgroup')
  reader.note({
    key: 'stop_group',
    value: String(value),
    origin: reader.layer.find('killasgroup'),
    effective: `${value}`,
  })
  return value
}

function readStrategy(reader: Reader, usual: ReloadStrategy): ReloadStrategy {
  const strategy = reader.choice('reload_strategy') as ReloadStrategy | null // as are the choices of its row
  if (strategy !== null) return strategy
  reader.note({ key: 'reload_strategy', value: usual, origin: null, effective: JSON.stringify(usual) })
  return usual
}

/** What only an SDK worker can do is an error for a command that asks for it itself, and nothing where it is inherited. */
function onlyWorkers(reader: Reader, sdk: boolean, name: string, value: number, usual = 0): number {
  if (sdk || value === usual) return value
  if (reader.level(name) === 2) reader.refuse(name, 'cannot be used with command: it needs an SDK worker')
  reader.note({ key: name, value: String(usual), origin: null, effective: String(usual) })
  return usual
}

/** Heartbeats come from SDK workers, and by sd_notify. */
function readTimeout(reader: Reader, ready: Ready): number {
  const value = reader.duration('worker_timeout')
  if (ready.kind === 'worker' || ready.kind === 'notify' || value === 0) return value
  const wanted = 'cannot be used with command: it needs an SDK worker, or ready = notify and its WATCHDOG=1'
  if (reader.level('worker_timeout') === 2) reader.refuse('worker_timeout', wanted)
  reader.note({ key: 'worker_timeout', value: '0', origin: null, effective: '0' })
  return 0
}

function refuseInherit(reader: Reader, name: string): void {
  reader.refuse(name, 'cannot be inherit with daemonize: a master in the background has no output of its own')
}
