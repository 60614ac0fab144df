// The [Service] of a program. Pure.

import { readEnvFile } from '../../src/config/environment.ts'
import { forSlot, slotParts } from '../../src/config/slots.ts'
import { unitText, unitWord } from '../unit-file.ts'
import type { Program } from './plan.ts'

/** Stands for the number of the process until a line is written; then it is %i. */
export const SLOT = '\uE000'

interface Given {
  /** It ends by itself, and others wait for that, or a timer starts it. */
  readonly isTask: boolean
  /** Holds the limits of all processes together; null = those of the unit itself do. */
  readonly slice: string | null
}

export function serviceLines(
  program: Program,
  { argv, env }: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> },
  { isTask, slice }: Given,
): readonly string[] {
  const { spec } = program
  const text = (value: string): string => shown(program, value)
  const hook = (key: string, words: readonly string[] | undefined): readonly string[] =>
    words ? [`${key}=${line(program.rooted(words).map(text))}`] : []
  const { commands = {} } = spec.hooks ?? {}
  const directory = text(spec.directory)
  const signals =
    spec.reloadStrategy === 'signal' ? [`ExecReload=/bin/kill -${spec.reloadSignal.replace('SIG', '')} $MAINPID`] : []
  if (spec.reloadStrategy !== 'signal' && program.written('reload_strategy') !== null && !program.isWorker)
    program.lose('reload_strategy', 'a unit is restarted: stop, then start')
  const codes = spec.exitCodes.filter((code) => code !== 0)
  if (codes.length === spec.exitCodes.length) program.lose('exit_codes', '0 is always a success')
  return [
    `Type=${typeOf(program, isTask)}`,
    ...hook('ExecStartPre', commands.pre_start),
    `ExecStart=${line(argv)}`,
    ...hook('ExecStartPost', commands.post_start),
    ...hook('ExecStop', commands.pre_stop),
    ...hook('ExecStopPost', commands.post_stop),
    ...signals,
    `WorkingDirectory=${path(directory)}`,
    // phd itself sees to what its processes may.
    ...(program.isWorker ? ['Delegate=yes'] : identityLines(program)),
    ...(slice !== null ? [`Slice=${slice}`] : program.isWorker ? [] : limitLines(program)),
    ...environmentLines(program, env),
    ...outputLines(program),
    `Restart=${isTask ? 'no' : { always: 'always', 'on-failure': 'on-failure', never: 'no' }[spec.autorestart]}`,
    `RestartSec=${spec.backoffInitialMs}ms`,
    ...(codes.length > 0 ? [`SuccessExitStatus=${codes.join(' ')}`] : []),
    `TimeoutStartSec=${spec.schedule === undefined && !isTask ? `${spec.startTimeoutMs}ms` : 'infinity'}`,
    `TimeoutStopSec=${program.isWorker ? spec.stopMs + 30_000 : spec.stopMs}ms`,
    `KillSignal=${program.isWorker ? 'SIGTERM' : spec.stopSignal}`,
    // What is left of a program is ended with it; with stop_group all of it is asked at once.
    `KillMode=${spec.stopGroup ? 'control-group' : 'mixed'}`,
    ...(spec.maxAgeMs > 0 && !program.isWorker ? [`RuntimeMaxSec=${spec.maxAgeMs}ms`] : []),
    ...(spec.ready.kind === 'notify' && spec.workerTimeoutMs > 0 ? [`WatchdogSec=${spec.workerTimeoutMs}ms`] : []),
  ]
}

function typeOf(program: Program, isTask: boolean): string {
  const { kind } = program.spec.ready
  if (isTask) return 'oneshot'
  if (program.isWorker || kind === 'notify') return 'notify'
  if (kind !== 'time') program.lose('ready', `systemd does not ask by ${kind}: started is all it knows`)
  return 'exec'
}

function identityLines(program: Program): readonly string[] {
  const { user, umask, nice, oomScoreAdj, rlimits = {}, cpuAffinity, noNewPrivileges } = program.spec.identity ?? {}
  const bound = (value: number | null): string => (value === null ? 'infinity' : String(value))
  if (cpuAffinity === 'auto') program.lose('cpu_affinity', 'a unit has the same cores as its siblings')
  return [
    ...(user ? [`User=${user.name}`, ...(user.group === null ? [] : [`Group=${user.group}`])] : []),
    ...(umask === undefined ? [] : [`UMask=${umask.toString(8).padStart(4, '0')}`]),
    ...(nice === undefined ? [] : [`Nice=${Math.max(-20, Math.min(19, nice))}`]),
    ...(oomScoreAdj === undefined ? [] : [`OOMScoreAdjust=${oomScoreAdj}`]),
    ...Object.entries(rlimits).map(
      ([key, { soft, hard }]) => `Limit${key.toUpperCase()}=${bound(soft)}:${bound(hard)}`,
    ),
    ...(cpuAffinity === undefined || cpuAffinity === 'auto' ? [] : [`CPUAffinity=${cpuAffinity.join(' ')}`]),
    ...(noNewPrivileges ? ['NoNewPrivileges=yes'] : []),
  ]
}

/** Of all processes together. */
export function limitLines({ spec }: Program): readonly string[] {
  const { memoryBytes, pids, cores } = spec.identity?.cgroup ?? {}
  return [
    ...(memoryBytes === undefined ? [] : [`MemoryMax=${memoryBytes}`]),
    ...(pids === undefined ? [] : [`TasksMax=${pids}`]),
    ...(cores === undefined ? [] : [`CPUQuota=${Math.round(cores * 100)}%`]),
  ]
}

/** A file is named where nothing above it says otherwise; else its variables are written out. */
function environmentLines(program: Program, env: Readonly<Record<string, string>>): readonly string[] {
  if (program.isWorker) return []
  const file = program.envFile
  const inFile = file === null ? new Map<string, string>() : readEnvFile(file)
  const isPlain = [...inFile].every(([name, value]) => env[name] === value)
  if (!isPlain)
    program.lose('env_file', 'a variable of it is set otherwise, so all stand here: the file is read no more')
  const own = Object.entries(env).filter(([name]) => !isPlain || !inFile.has(name))
  const slot = program.several ? SLOT : '0'
  const ours = { PHD_PROGRAM: program.name, PHD_NAME: `${program.name}:${slot}`, PHD_SLOT: slot }
  return [
    ...[...Object.entries(ours), ...own].map(([name, value]) => `Environment=${unslot(unitText(`${name}=${value}`))}`),
    ...(file !== null && isPlain ? [`EnvironmentFile=${path(file)}`] : []),
  ]
}

/** Files are kept where the configuration names them; else the journal does it. */
function outputLines(program: Program): readonly string[] {
  const { stdout, stderr } = program.spec.output
  const place = (value: string, key: string): string => {
    if (value === 'none') return 'null'
    return value === 'inherit' || program.written(key) === null ? 'journal' : `append:${path(shown(program, value))}`
  }
  if (program.isWorker) return []
  return [
    `StandardOutput=${place(stdout, 'log_file')}`,
    `StandardError=${stderr === null ? 'inherit' : place(stderr, 'stderr_log_file')}`,
  ]
}

/** A text in which the number of the process may stand. */
function shown(program: Program, value: string): string {
  if (!program.several) return forSlot(value, 0)
  return slotParts(value)
    .map((part) => {
      if (typeof part === 'string') return part
      if (part.width > 1) program.lose('%(slot)d', 'in a path or a hook it has no leading zeros')
      return SLOT
    })
    .join('')
}

const unslot = (text: string): string => text.replaceAll(SLOT, '%i')
const line = (words: readonly string[]): string => words.map((word) => unslot(unitWord(word))).join(' ')

/** Paths go to the end of their line, quotes and all; only specifiers mean something. */
const path = (text: string): string => unslot(text.replaceAll('%', '%%'))
