// What the result of each method looks like, for those who read it: the OpenRPC document, and the JSON schema of
// `phctl --json` in docs/. Nothing is checked with it at run time. The types tie it to the contract: a field that is
// missing here, or has another type there, does not compile.

import * as z from 'zod'
import type * as api from '../api/contract.ts'
import { type Effect, processStates } from '../api/contract.ts'

type Shape<T> = { readonly [Key in keyof T]-?: z.ZodType<T[Key]> }

/** Exactly the fields of a type of the contract. */
function object<T>(shape: Shape<T>): z.ZodType<T> {
  return z.strictObject(shape as z.core.$ZodLooseShape) as unknown as z.ZodType<T>
}
const list = <T>(one: z.ZodType<T>): z.ZodType<readonly T[]> => z.array(one)
const maybe = <T>(one: z.ZodType<T>): z.ZodType<T | null> => one.nullable()
const optional = <T>(one: z.ZodType<T>): z.ZodType<T> => z.exactOptional(one) as unknown as z.ZodType<T>

/** Made when somebody asks: no start should wait for it. */
export function wireTypes() {
  const text = z.string()
  const truth = z.boolean()
  const number = z.number()
  const count = z.int().min(0)
  const time = z.iso.datetime()
  const state = z.enum(processStates)
  const programState = z.enum([...processStates, 'DEGRADED'])
  const texts = list(text)

  const ExitFacts = object<api.ExitFacts>({
    code: maybe(z.int()),
    signal: maybe(text),
    at: time,
    expected: truth,
    oom: maybe(truth),
    forced: truth,
  })
  const Replacement = object<api.Replacement>({ pid: maybe(count), state, startedAt: maybe(time) })
  const Latency = object<api.Latency>({ p50: number, p95: number, p99: number })
  const Health = object<api.Health>({
    state: z.enum(['unknown', 'passing', 'failing']),
    check: text,
    failures: count,
    limit: count,
    lastError: maybe(text),
    at: maybe(time),
  })
  const ProcessStatus = object<api.ProcessStatus>({
    name: text,
    slot: count,
    generation: count,
    state,
    wanted: z.enum(['up', 'down']),
    ready: truth,
    pid: maybe(count),
    startedAt: maybe(time),
    uptime: maybe(number),
    restarts: count,
    recycles: count,
    requests: maybe(count),
    errors: maybe(count),
    inFlight: maybe(count),
    latency: maybe(Latency),
    cpu: maybe(number),
    memory: maybe(count),
    reason: maybe(text),
    statusText: maybe(text),
    health: maybe(Health),
    leftovers: maybe(count),
    replacement: maybe(Replacement),
    standbyOf: maybe(text),
    exit: maybe(ExitFacts),
    nextAttemptAt: maybe(time),
    deadlineAt: maybe(time),
  })
  const LastRun = object<api.LastRun>({
    startedAt: maybe(time),
    endedAt: maybe(time),
    ok: truth,
    exit: maybe(ExitFacts),
    reason: maybe(text),
  })
  const Program = object<api.Program>({
    program: text,
    state: programState,
    groups: texts,
    desired: count,
    running: count,
    ready: count,
    nextRunAt: maybe(time),
    lastRun: maybe(LastRun),
    skippedRuns: maybe(count),
    missedRuns: maybe(count),
    processes: list(ProcessStatus),
  })
  const GraphNode = object<api.GraphNode>({
    program: text,
    state: programState,
    priority: z.int(),
    groups: texts,
    dependsOn: list(object<api.GraphNode['dependsOn'][number]>({ program: text, condition: text })),
  })
  const Graph = object<api.Graph>({ waves: list(list(GraphNode)) })
  const Info = object<api.Info>({
    version: text,
    pid: count,
    instance: maybe(text),
    config: text,
    socket: text,
    startedAt: time,
    uptime: number,
    upgrades: count,
    node: text,
    platform: text,
    programs: count,
    processes: count,
    features: texts,
    web: maybe(object<NonNullable<api.Info['web']>>({ url: text, control: truth })),
  })
  const TargetResult = object<api.TargetResult>({
    name: text,
    ok: truth,
    state,
    pid: maybe(count),
    error: optional(text),
  })
  const operation = { ok: truth, results: list(TargetResult) }
  const OperationResult = object<api.OperationResult>(operation)
  const Saved = object<api.Saved>({ file: text, line: count, replaced: maybe(text) })
  const RunResult = object<api.RunResult>({ ...operation, run: maybe(LastRun) })
  const ScaleResult = object<api.ScaleResult>({
    ...operation,
    program: text,
    from: count,
    to: count,
    saved: optional(Saved),
    note: optional(text),
  })
  const effects = ['live', 'reload', 'listener', 'master-restart'] as const satisfies readonly Effect[]
  const ProgramChange = object<api.ProgramChange>({ program: text, keys: texts, effect: z.enum(effects) })
  const ConfigDiff = object<api.ConfigDiff>({
    added: texts,
    changed: list(ProgramChange),
    removed: texts,
    unchanged: texts,
    master: texts,
  })
  const UpdateResult = object<api.UpdateResult>({ ...operation, diff: ConfigDiff })
  const Shown = object<api.Shown>({
    program: text,
    settings: list(object<api.ShownValue>({ key: text, value: text, origin: text })),
    argv: texts,
    directory: text,
    environment: z.record(text, text),
    stdout: text,
    stderr: maybe(text),
    slot: count,
    listeners: texts,
    limits: z.record(text, text),
  })
  const stream = maybe(z.enum(['stdout', 'stderr']))
  const LogLine = object<api.LogLine>({ name: text, stream, time: maybe(text), text })
  const LogSource = object<api.LogSource>({ path: text, name: text, stream, format: z.enum(['raw', 'prefix', 'json']) })
  const LogPlace = object<api.LogPlace>({ path: text, inode: count, offset: count })
  const LogsResult = object<api.LogsResult>({
    files: list(LogSource),
    lines: list(LogLine),
    subscription: optional(count),
    places: optional(list(LogPlace)),
    lost: optional(texts),
  })
  const EventsResult = object<api.EventsResult>({ subscription: count, seq: count, missed: count })
  const types = {
    ExitFacts,
    Replacement,
    Latency,
    Health,
    ProcessStatus,
    LastRun,
    Program,
    GraphNode,
    Graph,
    Info,
    TargetResult,
    OperationResult,
    Saved,
    RunResult,
    ScaleResult,
    ProgramChange,
    ConfigDiff,
    UpdateResult,
    Shown,
    LogLine,
    LogSource,
    LogPlace,
    LogsResult,
    EventsResult,
  }

  const ok = object<{ readonly ok: boolean }>({ ok: truth })
  const results = {
    ping: z.literal('pong'),
    info: Info,
    status: list(Program),
    graph: Graph,
    start: OperationResult,
    stop: OperationResult,
    restart: OperationResult,
    reload: OperationResult,
    run: RunResult,
    scale: ScaleResult,
    signal: OperationResult,
    wait: OperationResult,
    show: list(Shown),
    reread: ConfigDiff,
    update: UpdateResult,
    logs: LogsResult,
    clear: ok,
    events: EventsResult,
    unsubscribe: ok,
    reopen: ok,
    loglevel: object<api.Result<'loglevel'>>({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']) }),
    upgrade: ok,
    shutdown: ok,
    'rpc.discover': z.record(text, z.unknown()),
  } satisfies { readonly [M in api.Method]: z.ZodType<api.Result<M>> }
  return { types, results }
}
