// The pod of a program: its container, what runs before it, and how it is asked whether it is well. Pure.

import { forSlot, usesSlot } from '../../src/config/slots.ts'
import { idsOf } from './accounts.ts'
import { type Node, type Program, part, type Surroundings, slotWords } from './plan.ts'

interface Containers {
  readonly main: Node
  readonly before: readonly Node[]
}

/** Each once, on whatever addresses. */
export const portsOf = ({ spec }: Program): readonly number[] => [
  ...new Set(spec.listeners.flatMap((one) => (one.kind === 'tcp' ? [one.port] : []))),
]

export function podSpec(program: Program, { main, before }: Containers): Node {
  const { spec } = program
  const hook = spec.hooks?.commands.pre_stop ? spec.hooks.timeoutMs : 0
  const grace = Math.ceil((spec.stopMs + hook + (program.isWorker ? 5000 : 0)) / 1000)
  return {
    terminationGracePeriodSeconds: grace,
    ...(before.length > 0 ? { initContainers: before } : {}),
    containers: [main],
  }
}

/** @param numbered its processes differ by their number, which the pod is told */
export function container(program: Program, name: string, around: Surroundings, numbered: boolean): Containers {
  const { spec } = program
  const given = commandIn(program, around, numbered)
  const text = (value: string): string =>
    numbered ? value.replace(/\0slot:\d*[ds]\0/g, '$(PHD_SLOT)') : forSlot(value, 0)
  const env = environmentOf(program, name, given.env, numbered)
  const security = securityOf(program)
  const shared = {
    image: around.image,
    ...workingDir(program, numbered),
    ...env,
    ...(security && { securityContext: security }),
  }
  const { pre_start: before, post_start: after, pre_stop: last } = (!program.isWorker && spec.hooks?.commands) || {}
  const hooked = (words: readonly string[]): Node => ({ exec: { command: hookWords(words, numbered) } })
  const ports = portsOf(program).map((port) => ({ containerPort: port }))
  if (ports.length > 0 && !program.isWorker) {
    program.lose('bind', 'nobody hands a listener over: the program itself must listen on 0.0.0.0')
  }
  program.warnOfLoopback()
  const main = {
    name,
    ...shared,
    command: given.argv.map(unexpanded),
    ...(ports.length > 0 ? { ports } : {}),
    ...resourcesOf(program),
    ...probesOf(program, (words) => hookWords(words, numbered)),
    ...(after || last
      ? { lifecycle: { ...(after && { postStart: hooked(after) }), ...(last && { preStop: hooked(last) }) } }
      : {}),
  }
  const initial = before
    ? [{ name: `${name}-pre-start`, ...shared, command: before.map((word) => unexpanded(text(word))) }]
    : []
  return { main, before: initial }
}

function commandIn(program: Program, around: Surroundings, numbered: boolean): ReturnType<typeof slotWords> {
  const inImage = { ...around, node: 'phd', phd: '' }
  const words = program.argv(inImage, around.config).filter((word) => word !== '')
  if (numbered) return slotWords(words, program.spec.env, '$(PHD_SLOT)', '$PHD_SLOT')
  const env = Object.entries(program.spec.env).map(([key, value]) => [key, forSlot(value, 0)])
  return { argv: words.map((word) => forSlot(word, 0)), env: Object.fromEntries(env) }
}

function workingDir(program: Program, numbered: boolean): Node {
  const { directory } = program.spec
  if (numbered && usesSlot(directory))
    program.lose('directory', 'Kubernetes writes no number into it: it is that of slot 0')
  return { workingDir: forSlot(directory, 0) }
}

/** What is run beside the container's own command is taken as it stands, so a shell puts the number in. */
const hookWords = (words: readonly string[], numbered: boolean): readonly string[] =>
  numbered && words.some(usesSlot)
    ? slotWords(words, {}, '', '$PHD_SLOT', true).argv
    : words.map((word) => forSlot(word, 0))

/** $(NAME) would be looked up; PHD_SLOT is meant to be. */
const unexpanded = (text: string): string => text.replace(/\$\((?!PHD_SLOT\))(?=[A-Za-z_][\w.-]*\))/g, '$$$$(')

/** Values stand here; those of env_file come from a Secret, for that is what such files hold. */
function environmentOf(
  program: Program,
  name: string,
  values: Readonly<Record<string, string>>,
  numbered: boolean,
): Node {
  if (program.isWorker) return {}
  const slot = numbered
    ? { name: 'PHD_SLOT', valueFrom: { fieldRef: { fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']" } } }
    : { name: 'PHD_SLOT', value: '0' }
  const own = Object.entries(values).filter(([key]) => !program.isFromFile(key))
  return {
    env: [
      { name: 'PHD_PROGRAM', value: program.name },
      slot,
      ...own.map(([key, value]) => ({ name: key, value: unexpanded(value) })),
    ],
    ...(program.envFile === null ? {} : { envFrom: [{ secretRef: { name: `${name}-env` } }] }),
  }
}

function securityOf(program: Program): Node | null {
  if (program.isWorker) return null // phd sees to it
  const { user, noNewPrivileges } = program.spec.identity ?? {}
  const ids = user ? idsOf(user) : null
  if (user && ids === null) program.lose('user', `a pod wants numbers, and ${user.name} is not known here`)
  const context = {
    ...(ids && { runAsUser: ids.uid }),
    ...(ids && ids.gid !== null && { runAsGroup: ids.gid }),
    ...(noNewPrivileges && { allowPrivilegeEscalation: false }),
  }
  return Object.keys(context).length > 0 ? context : null
}

function resourcesOf(program: Program): Node {
  const { memoryBytes, cores } = program.spec.identity?.cgroup ?? {}
  const limits = {
    ...(memoryBytes === undefined ? {} : { memory: String(Math.floor(part(memoryBytes, program))) }),
    ...(cores === undefined ? {} : { cpu: `${Math.max(1, Math.round(part(cores, program) * 1000))}m` }),
  }
  return Object.keys(limits).length > 0 ? { resources: { limits } } : {}
}

type Words = (words: readonly string[]) => readonly string[]

function probesOf(program: Program, written: Words): Node {
  const { ready, health, startTimeoutMs, schedule } = program.spec
  if (program.isWorker || schedule !== undefined) return {}
  const asked = probeOf(ready, written)
  if (asked === null && ready.kind !== 'time') program.lose('ready', `a probe does not ask by ${ready.kind}`)
  const probes: Record<string, unknown> = {}
  if (asked !== null) {
    probes.startupProbe = {
      ...asked,
      periodSeconds: 1,
      failureThreshold: Math.max(1, Math.ceil(startTimeoutMs / 1000)),
    }
    probes.readinessProbe = { ...asked, periodSeconds: 10 }
  }
  if (health === undefined) return probes
  const check = probeOf(health.check, written)
  if (check === null) program.lose('health_check', 'a probe asks, it does not look at output')
  else {
    const times = {
      periodSeconds: Math.max(1, Math.round(health.intervalMs / 1000)),
      timeoutSeconds: Math.max(1, Math.ceil(health.timeoutMs / 1000)),
      failureThreshold: health.failures,
    }
    // What is unhealthy gets no more requests; it is ended only where the configuration says so.
    if (health.action === 'restart') probes.livenessProbe = { ...check, ...times }
    else probes.readinessProbe = { ...check, ...times }
    if (typeof health.action !== 'string') program.lose('health_action', 'a probe sends no signal')
  }
  return probes
}

interface Asking {
  readonly kind: string
  readonly url?: string
  readonly address?: string
  readonly argv?: readonly string[]
}

/** The pod is asked at its own address, whatever the configuration names. */
function probeOf({ kind, url, address, argv }: Asking, written: Words): Node | null {
  switch (kind) {
    case 'http': {
      const { pathname, search, port } = new URL(forSlot(url ?? '', 0))
      return { httpGet: { path: `${pathname}${search}`, port: Number(port || 80) } }
    }
    case 'tcp':
      return { tcpSocket: { port: Number(forSlot(address ?? '', 0).replace(/^.*:/, '')) } }
    case 'exec':
      return { exec: { command: written(argv ?? []) } }
    default:
      return null
  }
}
