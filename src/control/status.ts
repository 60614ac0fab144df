// From instances to what the socket says of them: the only translation between the core's words
// (monotonic ms, nested states) and the wire's (ISO times, seconds, nulls).

import type {
  ExitFacts,
  Graph,
  GraphNode,
  Health,
  LastRun,
  Latency,
  ProcessState,
  ProcessStatus,
  Replacement,
  Program as WireProgram,
} from '../api/contract.ts'
import type { Exit } from '../core/ends.ts'
import { checkText, failuresOf, unhealthy } from '../core/health.ts'
import { isBeside } from '../core/hooks.ts'
import { graphOf, wavesOf } from '../core/order.ts'
import type { Clock } from '../core/ports.ts'
import { foldState, nameOf, type Program, type Slot, slotsOf, wordOf } from '../core/program.ts'
import { awaited } from '../core/readiness.ts'
import { type Instance, isReady, leftGroupOf, pidOf } from '../core/state.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'

/** What a worker tells of its work. */
export type Counters = NonNullable<ReturnType<Supervisor['counters']>>

export interface StatusFacts {
  readonly clock: Clock
  usage(pid: number): { readonly cpu: number | null; readonly memory: number | null }
  counters(pid: number): Counters | null
  /** How many processes are left of what the ended process made. */
  left(leader: number): number
}

/** `Program` of the contract, of the slots named (null = all). */
export function programStatus(program: Program, only: ReadonlySet<number> | null, facts: StatusFacts): WireProgram {
  const slots = slotsOf(program)
  const shown = only ? slots.filter((s) => only.has(s.slot)) : slots
  const running = slots.filter((s) => s.serving.state.at === 'running').length
  const ready = slots.filter((s) => isReady(s.serving)).length
  return {
    program: program.name,
    state: foldState(slots),
    groups: program.spec.groups,
    desired: program.desired,
    running,
    ready,
    nextRunAt: isoOf(program.timetable?.waits?.next ?? null),
    lastRun: lastRunOf(slots.map((s) => s.serving)),
    skippedRuns: program.timetable?.skipped ?? null,
    missedRuns: program.timetable?.missed ?? null,
    processes: shown.map((slot) => processStatus(slot, facts)),
  }
}

export function graphStatus(programs: ReadonlyMap<string, Program>): Graph {
  const nodeOf = ({ name, spec, instances }: Program): GraphNode => ({
    program: name,
    state: foldState(slotsOf({ instances })),
    priority: spec.priority,
    groups: spec.groups,
    dependsOn: spec.dependsOn,
  })
  const waves = wavesOf(graphOf(programs)).map((wave) =>
    wave
      .flatMap((name) => programs.get(name) ?? [])
      .toSorted((a, b) => a.spec.priority - b.spec.priority)
      .map(nodeOf),
  )
  return { waves }
}

/** Of those that run to their end: what the newest end says, or that it could not even be started. */
export function lastRunOf(all: readonly Instance[]): LastRun | null {
  const tasks = all.filter(({ spec }) => spec.autorestart === 'never')
  const failed = tasks.find((i) => i.state.at === 'fatal')
  if (failed) return { startedAt: null, endedAt: null, ok: false, exit: null, reason: failed.reason }
  const [last] = tasks.filter((i) => i.exit !== null).sort((a, b) => (b.exit?.at ?? 0) - (a.exit?.at ?? 0))
  if (!last?.exit) return null
  const { exit, spec, state, reason } = last
  return {
    startedAt: isoOf(exit.startedAt ?? null),
    endedAt: iso(exit.at),
    // Ended by a signal on request it is as expected, and yet it has not done what it was begun for.
    ok: exit.expected && exit.code !== null && spec.exitCodes.includes(exit.code),
    exit: exitFacts(exit),
    reason: state.at === 'exited' ? reason : null,
  }
}

/** One row of `processes`. */
export function processStatus({ slot, serving: i, replacement }: Slot, facts: StatusFacts): ProcessStatus {
  const pid = pidOf(i)
  const { state } = i
  const leader = leftGroupOf(i)
  const now = facts.clock.now()
  const startedAt = pid !== null && 'startedAt' in state ? state.startedAt : null
  const counters = pid === null ? null : facts.counters(pid)
  const { cpu, memory } = pid === null ? { cpu: null, memory: null } : facts.usage(pid)
  return {
    name: nameOf(i.program, slot),
    slot,
    generation: i.generation,
    state: wordOf(i),
    wanted: i.wanted,
    ready: isReady(i),
    pid,
    startedAt: startedAt === null ? null : iso(startedAt),
    uptime: pid !== null && 'since' in state ? uptimeOf(i, now) : null,
    restarts: i.restarts,
    recycles: i.recycles,
    requests: counters?.requests ?? null,
    errors: counters?.errors ?? null,
    inFlight: counters?.inFlight ?? null,
    latency: latencyOf(counters),
    cpu,
    memory,
    reason: reasonOf(i),
    statusText: pid === null ? null : (i.statusText ?? null),
    health: healthOf(i),
    leftovers: leader === null ? null : facts.left(leader) || null,
    replacement: replacement ? replacementOf(replacement) : null,
    standbyOf: state.at === 'standby' ? state.of : null,
    exit: i.exit ? exitFacts(i.exit) : null,
    // With leftovers the next start waits for their end, whenever that is.
    nextAttemptAt:
      state.at === 'backoff' && !state.left ? iso(facts.clock.wall() + Math.max(0, state.until - now)) : null,
    deadlineAt: deadlineOf(i, facts.clock),
  }
}

/** Until when it may take what it is doing; none where the end of that time is no trouble, or a hook is what is waited for. */
function deadlineOf({ state, spec }: Instance, clock: Clock): string | null {
  const judged =
    state.at === 'stopping'
      ? state.kills === 0
      : state.at === 'starting' && state.pid !== null && spec.ready.kind !== 'time'
  if (!judged || !('deadline' in state) || state.deadline === null || state.hook) return null
  return iso(clock.wall() + Math.max(0, state.deadline - clock.now()))
}

/** Seconds since the spawn, in ms steps. In STOPPING the spawn is remembered by the wall clock alone. */
function uptimeOf({ state }: Instance, now: number): number | null {
  if (state.at !== 'running' && state.at !== 'starting') return null
  return Math.round(now - state.since) / 1000
}

/** In words: why it is where it is, and how many tries there were. */
function reasonOf(i: Instance): string | null {
  if (i.state.at === 'starting' && i.state.said !== null) return i.state.said
  if (i.state.at === 'starting' && i.state.pid !== null) return waitsFor(i, i.state.missed)
  const hook = 'hook' in i.state && isBeside(i.state) ? i.state.hook : undefined
  if (hook && i.state.at !== 'running') return [i.reason, `${hook.name} is running`].filter(Boolean).join('; ')
  if (i.state.at === 'running' && i.state.health === 'failing' && i.state.check && i.spec.health)
    return unhealthy(i.spec.health, i.state.check)
  if (i.state.at !== 'backoff') return i.reason
  const tries =
    i.failures > 0 && i.spec.startRetries >= 0 ? `failed start ${i.failures} of ${i.spec.startRetries + 1}` : null
  const waits = i.state.left && !i.state.asked ? 'waits for what is left of its group' : null
  return [i.reason ?? (tries ? 'failed' : null), tries, waits].filter((part) => part !== null).join('; ') || null
}

/** `waits for a connection to 127.0.0.1:8000: ECONNREFUSED` */
function waitsFor(i: Instance, missed: string | undefined): string | null {
  const what = awaited(i.spec.ready, i.slot)
  return what === null ? i.reason : [`waits for ${what}`, missed].filter(Boolean).join(': ')
}

function healthOf({ spec, slot, state }: Instance): Health | null {
  if (state.at !== 'running' || !state.check || !spec.health) return null
  const { failures, error, at } = state.check
  return {
    state: state.health ?? 'unknown',
    check: checkText(spec.health.check, slot),
    failures,
    limit: failuresOf(spec.health),
    lastError: error,
    at: at === null ? null : iso(at),
  }
}

function latencyOf(counters: Counters | null): Latency | null {
  if (!counters?.latency) return null
  const { p50Ms, p95Ms, p99Ms } = counters.latency
  return { p50: seconds(p50Ms), p95: seconds(p95Ms), p99: seconds(p99Ms) }
}

/** Without the noise of a division. */
const seconds = (ms: number): number => Number((ms / 1000).toPrecision(3))

function replacementOf(i: Instance): Replacement {
  const startedAt = 'startedAt' in i.state && pidOf(i) !== null ? iso(i.state.startedAt) : null
  return { pid: pidOf(i), state: wordOf(i) as ProcessState, startedAt }
}

function exitFacts({ code, signal, at, expected, forced, oom = null }: Exit): ExitFacts {
  return { code, signal, at: iso(at), expected, oom, forced }
}

const iso = (wall: number): string => new Date(wall).toISOString()

export const isoOf = (wall: number | null): string | null => (wall === null ? null : iso(wall))
