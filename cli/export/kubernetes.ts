// Manifests of Kubernetes: for each program a Deployment, or a StatefulSet where its processes differ by their number,
// a Job where it ends, a CronJob where it has times; and a Service for what it listens on. Pure.

import type { ProgramConfig } from '../../src/config/config.ts'
import { container, podSpec, portsOf } from './kubernetes-pod.ts'
import { type Export, type Node, Program, type Surroundings } from './plan.ts'
import { yamlOf } from './yaml.ts'

export function exportKubernetes(configs: readonly ProgramConfig[], around: Surroundings): Export {
  const programs = configs.map((config) => new Program(config, 'kubernetes'))
  const names = new Set<string>()
  const files = programs.map((program) => {
    const name = nameOf(program.name, names)
    const documents = documentsOf(program, name, around)
    return { name: `${name}.yaml`, text: yamlOf(documents, program.comments()) }
  })
  return { files, losses: programs.flatMap(({ losses }) => losses) }
}

/** As DNS has it: small letters, digits and -, at most 52 (a CronJob adds to it). */
function nameOf(program: string, taken: Set<string>): string {
  const plain = program
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50)
    .replace(/-+$/, '')
  const first = /^[a-z]/.test(plain) ? plain : `p-${plain}`.replace(/-+$/, '')
  for (let at = 2, name = first; ; at += 1) {
    if (!taken.has(name)) {
      taken.add(name)
      return name
    }
    name = `${first}-${at}`
  }
}

function documentsOf(program: Program, name: string, around: Surroundings): readonly Node[] {
  const { spec } = program
  const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/managed-by': 'phctl' }
  const metadata = { name, labels }
  const numbered = program.several && program.usesSlot
  const pod = podSpec(program, container(program, name, around, numbered))
  const template = { metadata: { labels }, spec: pod }
  const ports = portsOf(program)
  const service = (headless: boolean): Node => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      ...(headless && ports.length === 0 ? { clusterIP: 'None' } : {}),
      selector: { 'app.kubernetes.io/name': name },
      ...(ports.length > 0 ? { ports: ports.map((port) => ({ name: `tcp-${port}`, port, targetPort: port })) } : {}),
    },
  })
  if (spec.schedule !== undefined) return [cronJob(program, metadata, template)]
  if (!program.isWorker && spec.autorestart !== 'always') return [job(program, metadata, template)]
  const replicas = spec.autostart ? (program.isWorker ? 1 : spec.workers) : 0
  const selector = { matchLabels: { 'app.kubernetes.io/name': name } }
  const services = ports.length > 0 || numbered ? [service(numbered)] : []
  if (numbered) {
    const set: Node = {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata,
      // All at once, as phd does it; not each behind the one before.
      spec: { serviceName: name, replicas, podManagementPolicy: 'Parallel', selector, template },
    }
    return [set, ...services]
  }
  const deployment: Node = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { replicas, selector, strategy: strategyOf(program), template },
  }
  return [deployment, ...services]
}

function strategyOf({ spec, isWorker }: Program): Node {
  const some = Math.max(1, Math.min(spec.reloadParallel, spec.workers))
  const first = spec.reloadStrategy === 'start-first' && !isWorker
  return {
    type: 'RollingUpdate',
    rollingUpdate: first ? { maxSurge: some, maxUnavailable: 0 } : { maxSurge: 0, maxUnavailable: some },
  }
}

function jobSpec({ spec }: Program, template: Node & { readonly spec: Node }): Node {
  const never = spec.schedule !== undefined || spec.autorestart === 'never'
  return {
    ...(never ? { backoffLimit: 0 } : spec.startRetries < 0 ? {} : { backoffLimit: spec.startRetries }),
    ...(spec.schedule === undefined ? { completions: spec.workers, parallelism: spec.workers } : {}),
    template: { ...template, spec: { ...template.spec, restartPolicy: never ? 'Never' : 'OnFailure' } },
  }
}

function job(program: Program, metadata: Node, template: Node & { readonly spec: Node }): Node {
  const suspended = program.spec.autostart ? {} : { suspend: true }
  return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { ...suspended, ...jobSpec(program, template) } }
}

function cronJob(program: Program, metadata: Node, template: Node & { readonly spec: Node }): Node {
  const { schedule, autostart } = program.spec
  const fields = (schedule?.cron ?? '').split(/\s+/)
  if (fields.length === 6 && fields[0] !== '0')
    program.lose('schedule', 'a CronJob has no seconds: it runs with the minute')
  const cron = fields.length === 6 ? fields.slice(1).join(' ') : fields.join(' ')
  if (/[L#W]/.test(cron.replace(/[A-Z]{3}/gi, ''))) program.lose('schedule', 'Kubernetes does not know L and #')
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata,
    spec: {
      schedule: cron,
      ...(schedule?.timezone ? { timeZone: schedule.timezone } : {}),
      // One at a time, and at most a minute late, as phd has it.
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 60,
      ...(autostart ? {} : { suspend: true }),
      jobTemplate: { spec: jobSpec(program, template) },
    },
  }
}
