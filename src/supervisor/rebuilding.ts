// A record made of what can still be seen, when the written one is lost: the living processes, and
// what the configuration says of their programs. Counts and waits are lost with it. A process whose
// program nobody knows any more is taken over to be stopped. Pure.

import { nameOf } from '../core/program.ts'
import { type InstanceRow, instanceKey, type Kept, type KeptProcess, type StreamRow } from '../core/record.ts'
import type { Spec } from '../core/spec.ts'
import { newInstance, type State } from '../core/state.ts'
import { outputOf } from './launch.ts'

/** A process that was found, by what its environment says. */
export interface Found extends KeptProcess {
  readonly program: string
  readonly slot: number
  /** Names of the FIFOs of its output. */
  readonly stdout: string | null
  readonly stderr: string | null
}

export interface Moment {
  /** Monotonic ms. */
  readonly now: number
  /** Unix ms. */
  readonly wall: number
}

/** Start times are counted in hundredths of a second, whatever the kernel's own tick (proc(5)). */
const TICK_MS = 10

export function rebuild(found: readonly Found[], specs: ReadonlyMap<string, Spec>, moment: Moment): Kept {
  const kept = {
    program: new Map(),
    instance: new Map(),
    process: new Map(),
    stream: new Map<string, StreamRow>(),
    file: new Map(),
    listener: new Map(),
    settings: new Map(),
    master: new Map(),
  } satisfies Kept
  const generations = new Map<string, number>()
  for (const one of [...found].sort((a, b) => a.start - b.start)) {
    const { program, slot, token, pid, start } = one
    const spec = specs.get(program) ?? unknownSpec(program)
    const name = nameOf(program, slot)
    const generation = (generations.get(name) ?? 0) + 1
    generations.set(name, generation)
    const removed = !specs.has(program)
    const highest = Math.max(generation, kept.program.get(program)?.generation ?? 1)
    kept.program.set(program, {
      generation: highest,
      desired: spec.workers,
      removed,
      wanted: 'up',
      spec,
      rollout: null,
      owesUpdate: false,
    })
    // Two in one slot: the older one was being replaced.
    const older = kept.instance.get(instanceKey({ program, slot, generation: generation - 1 }))
    if (older) kept.instance.set(instanceKey(older), { ...older, wanted: 'down' })
    const row: InstanceRow = {
      ...newInstance(spec, slot, generation, removed ? 'down' : 'up'),
      spec: null,
      state: stateOf(one, spec, moment),
    }
    kept.instance.set(instanceKey(row), row)
    kept.process.set(instanceKey(row), { token, pid, start })
    if (removed) continue // nobody knows where its output should go
    for (const [id, stream] of streamsOf(one, spec)) kept.stream.set(id, stream)
  }
  return kept
}

/** A worker says again that it is ready; of any other program it is enough that it has lived. */
function stateOf({ pid, start }: Found, spec: Spec, { now, wall }: Moment): State {
  const since = Math.min(now, start * TICK_MS)
  const startedAt = wall - (now - since)
  if (spec.ready.kind === 'worker') {
    return { at: 'starting', pid, since, startedAt, deadline: now + spec.startTimeoutMs, said: null }
  }
  return { at: 'running', pid, since, startedAt, heartbeatBy: null, recycleAt: null }
}

function streamsOf({ program, slot, token, stdout, stderr }: Found, spec: Spec): [string, StreamRow][] {
  const output = outputOf(spec, slot)
  const name = nameOf(program, slot)
  const streams: [string, StreamRow][] = []
  if (stdout !== null) streams.push([stdout, { name, label: 'stdout', path: output.stdout, output, token }])
  if (stderr !== null && stderr !== stdout) {
    streams.push([stderr, { name, label: 'stderr', path: output.stderr ?? output.stdout, output, token }])
  }
  return streams
}

/** Enough to stop a process. */
function unknownSpec(program: string): Spec {
  return {
    program,
    run: { kind: 'command', argv: ['unknown'] },
    workers: 0,
    procName: program,
    directory: '/',
    env: {},
    envClear: true,
    output: {
      stdout: '/dev/null',
      stderr: null,
      pipeBytes: 65_536,
      format: 'raw',
      maxBytes: 0,
      backups: 0,
      compress: false,
    },
    listeners: [],
    backlog: 511,
    balance: 'shared',
    autostart: false,
    dependsOn: [],
    dependsRestart: false,
    priority: 999,
    groups: [],
    autorestart: 'never',
    exitCodes: [0],
    startMs: 0,
    startTimeoutMs: 0,
    startRetries: 0,
    backoffInitialMs: 0,
    backoffMaxMs: 0,
    backoffResetMs: 0,
    stopSignal: 'SIGTERM',
    stopMs: 10_000,
    stopGroup: true,
    ready: { kind: 'time' },
    reloadStrategy: 'stop-first',
    reloadParallel: 1,
    reloadSignal: 'SIGHUP',
    maxRequests: 0,
    maxRequestsJitter: { share: 0 },
    maxMemoryBytes: 0,
    maxConcurrency: 10,
    maxAgeMs: 0,
    maxAgeJitter: { share: 0 },
    workerTimeoutMs: 0,
    cfg: {},
  }
}
