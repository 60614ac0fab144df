// A Compose file: for each program a service, or one for each process where they differ by their number. Pure.

import type { ProgramConfig } from '../../src/config/config.ts'
import { forSlot } from '../../src/config/slots.ts'
import { type Export, type Node, Program, part, type Surroundings } from './plan.ts'
import { yamlOf } from './yaml.ts'

export function exportCompose(configs: readonly ProgramConfig[], around: Surroundings): Export {
  const programs = configs.map((config) => new Program(config, 'compose'))
  const services = Object.fromEntries(programs.flatMap((program) => servicesOf(program, programs, around)))
  const comments = programs.flatMap((program) => program.comments().map((line) => `${program.name}: ${line}`))
  const head = [`Exported from ${around.config} by phctl export compose.`, ...comments]
  return {
    files: [{ name: 'compose.yaml', text: yamlOf([{ services }], head) }],
    losses: programs.flatMap(({ losses }) => losses),
  }
}

const isNumbered = (program: Program): boolean => program.several && program.usesSlot

/** The services of a program, by name. */
const namesOf = (program: Program): readonly string[] =>
  isNumbered(program)
    ? [...Array(program.spec.workers).keys()].map((slot) => `${program.name}-${slot}`)
    : [program.name]

function servicesOf(
  program: Program,
  all: readonly Program[],
  around: Surroundings,
): readonly (readonly [string, Node])[] {
  return namesOf(program).map((name, slot) => [name, serviceOf(program, slot, all, around)])
}

function serviceOf(program: Program, slot: number, all: readonly Program[], around: Surroundings): Node {
  const { spec } = program
  const inImage = { ...around, node: 'phd', phd: '' }
  const text = (value: string): string => escaped(forSlot(value, slot))
  const words = program.argv(inImage, around.config).filter((word) => word !== '')
  const signal = program.isWorker ? 'SIGTERM' : spec.stopSignal
  const replicas = isNumbered(program) || program.isWorker || spec.schedule ? 1 : spec.workers
  return {
    image: around.image,
    command: words.map(text),
    working_dir: text(spec.directory),
    ...environmentOf(program, slot),
    ...identityOf(program),
    ...limitsOf(program),
    ...(replicas === 1 ? {} : { deploy: { replicas } }),
    ...dependsOf(program, all),
    ...healthOf(program, text),
    ...portsOf(program, replicas),
    ...(spec.schedule || !spec.autostart ? { profiles: [spec.schedule ? 'scheduled' : 'manual'] } : {}),
    restart: restartOf(program),
    ...(signal === 'SIGTERM' ? {} : { stop_signal: signal }),
    stop_grace_period: `${spec.stopMs + (program.isWorker ? 5000 : 0)}ms`,
    ...loggingOf(program),
    init: true,
  }
}

/** Variables of the caller's environment are not meant. */
const escaped = (text: string): string => text.replaceAll('$', '$$$$')

function environmentOf(program: Program, slot: number): Node {
  if (program.isWorker) return {}
  const own = Object.entries(program.spec.env).filter(([key]) => !program.isFromFile(key))
  const ours = { PHD_PROGRAM: program.name, PHD_NAME: `${program.name}:${slot}`, PHD_SLOT: String(slot) }
  const all = [...Object.entries(ours), ...own.map(([key, value]) => [key, escaped(forSlot(value, slot))])]
  return { environment: Object.fromEntries(all), ...(program.envFile === null ? {} : { env_file: program.envFile }) }
}

function identityOf(program: Program): Node {
  if (program.isWorker) return {} // phd sees to it
  const { user, oomScoreAdj, rlimits = {}, cpuAffinity, noNewPrivileges } = program.spec.identity ?? {}
  const bound = (value: number | null): number => value ?? -1
  const limits = Object.entries(rlimits).map(([key, { soft, hard }]) => [key, { soft: bound(soft), hard: bound(hard) }])
  if (cpuAffinity === 'auto') program.lose('cpu_affinity', 'a service has the same cores in all its containers')
  return {
    ...(user && { user: user.group === null ? user.name : `${user.name}:${user.group}` }),
    ...(oomScoreAdj !== undefined && { oom_score_adj: oomScoreAdj }),
    ...(limits.length > 0 && { ulimits: Object.fromEntries(limits) }),
    ...(cpuAffinity !== undefined && cpuAffinity !== 'auto' && { cpuset: cpuAffinity.join(',') }),
    ...(noNewPrivileges && { security_opt: ['no-new-privileges:true'] }),
  }
}

function limitsOf(program: Program): Node {
  const { memoryBytes, pids, cores } = program.spec.identity?.cgroup ?? {}
  return {
    ...(memoryBytes !== undefined && { mem_limit: `${Math.floor(part(memoryBytes, program))}b` }),
    ...(cores !== undefined && { cpus: Number(part(cores, program).toFixed(3)) }),
    ...(pids !== undefined && { pids_limit: Math.max(1, Math.floor(part(pids, program))) }),
  }
}

function dependsOf({ spec }: Program, all: readonly Program[]): Node {
  const pairs = spec.dependsOn.flatMap(({ program: name, condition }) => {
    const other = all.find((one) => one.name === name)
    if (other === undefined) return []
    const asked = healthOf(other, (value) => value).healthcheck !== undefined
    const word =
      condition === 'completed'
        ? 'service_completed_successfully'
        : (condition === 'ready' || condition === 'healthy') && asked
          ? 'service_healthy'
          : 'service_started'
    return namesOf(other).map((service) => [service, { condition: word }])
  })
  return pairs.length > 0 ? { depends_on: Object.fromEntries(pairs) } : {}
}

/** What says that it is well, else what says that it is ready. */
function healthOf(program: Program, text: (value: string) => string): Node {
  const { health, ready, startTimeoutMs, schedule } = program.spec
  if (program.isWorker || schedule !== undefined) return {}
  const test = testOf(health?.check ?? ready, text)
  if (test === null) {
    if (health !== undefined) program.lose('health_check', 'a check asks, it does not look at output')
    else if (ready.kind !== 'time') program.lose('ready', `a check does not ask by ${ready.kind}`)
    return {}
  }
  return {
    healthcheck: {
      test,
      interval: `${health?.intervalMs ?? 10_000}ms`,
      timeout: `${health?.timeoutMs ?? 5000}ms`,
      retries: health?.failures ?? 3,
      start_period: `${startTimeoutMs}ms`,
    },
  }
}

interface Asking {
  readonly kind: string
  readonly url?: string
  readonly address?: string
  readonly argv?: readonly string[]
}

/** A program of the image asks: of http curl, of tcp bash. */
function testOf({ kind, url, address, argv }: Asking, text: (value: string) => string): readonly string[] | null {
  if (kind === 'http') return ['CMD', 'curl', '-fsS', '-o', '/dev/null', text(url ?? '')]
  if (kind === 'exec') return ['CMD', ...(argv ?? []).map(text)]
  if (kind !== 'tcp') return null
  const [, host = '', port = ''] = /^\[?([^\]]*)\]?:(\d+)$/.exec(forSlot(address ?? '', 0)) ?? []
  return ['CMD', 'bash', '-c', `exec 3<>/dev/tcp/${host}/${port}`]
}

function portsOf(program: Program, replicas: number): Node {
  const { spec } = program
  const ports = spec.listeners.flatMap((one) => (one.kind === 'tcp' ? [one] : []))
  if (ports.length === 0) return {}
  program.warnOfLoopback()
  if (!program.isWorker) program.lose('bind', 'nobody hands a listener over: the program itself must listen on 0.0.0.0')
  if (replicas !== 1) {
    program.lose('bind', 'several containers cannot have one port of the host: it is open to their siblings alone')
    return { expose: [...new Set(ports.map(({ port }) => String(port)))] }
  }
  return {
    ports: ports.map(
      ({ host, port }) => `${host === null ? '' : `${host.includes(':') ? `[${host}]` : host}:`}${port}:${port}`,
    ),
  }
}

function restartOf({ spec, isWorker }: Program): string {
  if (isWorker) return 'unless-stopped'
  if (spec.schedule !== undefined || spec.autorestart === 'never') return 'no'
  if (spec.autorestart === 'always') return 'unless-stopped'
  return spec.startRetries < 0 ? 'on-failure' : `on-failure:${Math.max(1, spec.startRetries)}`
}

function loggingOf(program: Program): Node {
  const { maxBytes, backups } = program.spec.output
  if (program.written('log_max_size') === null && program.written('log_backups') === null) return {}
  if (maxBytes === 0) return {}
  const options = { 'max-size': `${Math.ceil(maxBytes / 1024)}k`, 'max-file': String(backups + 1) }
  return { logging: { driver: 'json-file', options } }
}
