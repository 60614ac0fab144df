// The contract of the socket: every method, its parameters and its result, every event, every wire
// type. Server, client and the OpenRPC document are derived from these declarations: a method
// without a handler, or a handler with another shape, does not compile.
// Times are ISO 8601 UTC, durations seconds, sizes bytes, signals `SIGTERM`. Facts that are absent
// or not yet known are null.

export const processStates = [
  'STOPPED',
  'STARTING',
  'RUNNING',
  'STOPPING',
  'BACKOFF',
  'EXITED',
  'FATAL',
  'STANDBY',
] as const
export type ProcessState = (typeof processStates)[number]
export type ProgramState = ProcessState | 'DEGRADED'
export type Wanted = 'up' | 'down'

export interface ExitFacts {
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null
  /** `SIGKILL`, or null when it exited by itself. */
  readonly signal: string | null
  readonly at: string
  /** As `exit_codes` expects it, or asked for. */
  readonly expected: boolean
  readonly oom: boolean | null
  /** SIGKILL after graceful_timeout. */
  readonly forced: boolean
}

export interface Replacement {
  readonly pid: number | null
  readonly state: ProcessState
  readonly startedAt: string | null
}

/** Half, 95 and 99 of a hundred requests took so long at most, in seconds. */
export interface Latency {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** What the health checks of a process say. */
export interface Health {
  /** `unknown`: none has ended yet. */
  readonly state: 'unknown' | 'passing' | 'failing'
  /** As it is asked: `http://127.0.0.1:8000/healthz`. */
  readonly check: string
  /** Failed checks in a row, and how many make it failing. */
  readonly failures: number
  readonly limit: number
  /** What the last check found, in words; null when all was well. */
  readonly lastError: string | null
  /** When the last check ended. */
  readonly at: string | null
}

export interface ProcessStatus {
  /** `web:0` */
  readonly name: string
  readonly slot: number
  readonly generation: number
  readonly state: ProcessState
  readonly wanted: Wanted
  readonly ready: boolean
  readonly pid: number | null
  readonly startedAt: string | null
  /** Seconds since it was spawned. */
  readonly uptime: number | null
  /** Unplanned starts. */
  readonly restarts: number
  /** Planned replacements: max_requests, max_age. */
  readonly recycles: number
  /** SDK workers: handleRequest calls of this process. */
  readonly requests: number | null
  /** SDK workers: those of them that failed. */
  readonly errors: number | null
  /** SDK workers: requests begun and not ended. */
  readonly inFlight: number | null
  /** SDK workers: how long requests of the last minute took; null when there were none. */
  readonly latency: Latency | null
  /** Percent of one core. */
  readonly cpu: number | null
  /** Resident bytes. */
  readonly memory: number | null
  /** Why it is in this state, in words. */
  readonly reason: string | null
  readonly statusText: string | null
  /** null: the program has no health_check, or the process does not run. */
  readonly health: Health | null
  /** Processes of its group that outlived it and are being ended. */
  readonly leftovers: number | null
  readonly replacement: Replacement | null
  readonly standbyOf: string | null
  /** The last exit in this slot. */
  readonly exit: ExitFacts | null
  readonly nextAttemptAt: string | null
  /** STOPPING: when SIGKILL comes. STARTING with readiness: when the start has failed. */
  readonly deadlineAt: string | null
}

/** How a program that ends by itself (`autorestart = never`) did the last time. */
export interface LastRun {
  /** null where it could not be started. */
  readonly startedAt: string | null
  readonly endedAt: string | null
  /** It ended by itself, as `exit_codes` expects it. */
  readonly ok: boolean
  readonly exit: ExitFacts | null
  /** In words: `exit 1`, or why it could not be started. */
  readonly reason: string | null
}

export interface Program {
  readonly program: string
  readonly state: ProgramState
  /** The groups that it is in. */
  readonly groups: readonly string[]
  /** Slots to keep. */
  readonly desired: number
  readonly running: number
  readonly ready: number
  /** With a schedule that is followed; null while the program is stopped. */
  readonly nextRunAt: string | null
  readonly lastRun: LastRun | null
  /** With a schedule: times that came while a run was under way. */
  readonly skippedRuns: number | null
  /** With a schedule: times that passed while nobody looked; a row of them counts once. */
  readonly missedRuns: number | null
  readonly processes: readonly ProcessStatus[]
}

/** A program in the order of starting. */
export interface GraphNode {
  readonly program: string
  readonly state: ProgramState
  readonly priority: number
  readonly groups: readonly string[]
  readonly dependsOn: readonly { readonly program: string; readonly condition: string }[]
}

export interface Graph {
  /** Each depends on earlier waves only; the first depends on nothing. Within a wave in the order of priority. */
  readonly waves: readonly (readonly GraphNode[])[]
}

export interface Info {
  readonly version: string
  readonly pid: number
  readonly instance: string | null
  /** Absolute path of the configuration. */
  readonly config: string
  readonly socket: string
  readonly startedAt: string
  readonly uptime: number
  readonly upgrades: number
  /** Node's version, `v20.20.2`. */
  readonly node: string
  /** `linux x64 6.18.0` */
  readonly platform: string
  readonly programs: number
  readonly processes: number
  readonly features: readonly string[]
  /** The web page, and whether it may change things; null = there is none. */
  readonly web: { readonly url: string; readonly control: boolean } | null
}

/** What became of one process of an operation. */
export interface TargetResult {
  readonly name: string
  readonly ok: boolean
  readonly state: ProcessState
  readonly pid: number | null
  /** In words; only when not ok, or as a remark on something left undone. */
  readonly error?: string
}

export interface OperationResult {
  /** Every result is ok. */
  readonly ok: boolean
  readonly results: readonly TargetResult[]
}

/** Where a count was written. */
export interface Saved {
  /** Its real path. */
  readonly file: string
  readonly line: number
  /** What stood there, as `3`, `auto` or `%(n)s`; null when nothing did. */
  readonly replaced: string | null
}

export interface RunResult extends OperationResult {
  /** How it ended; null when it was not waited for. */
  readonly run: LastRun | null
}

export interface ScaleResult extends OperationResult {
  readonly program: string
  readonly from: number
  readonly to: number
  /** With save. */
  readonly saved?: Saved
  /** In words: new slots that stay down. */
  readonly note?: string
}

/** One thing wrong in a configuration. */
export interface Problem {
  readonly file: string
  /** From 1; 0 when the whole file is meant. */
  readonly line: number
  readonly section: string | null
  readonly key: string | null
  readonly message: string
}

/** What a change of configuration does to what runs; ordered from the weakest to the strongest. */
export type Effect = 'live' | 'reload' | 'listener' | 'master-restart'

export interface ProgramChange {
  readonly program: string
  readonly keys: readonly string[]
  readonly effect: Effect
}

export interface ConfigDiff {
  readonly added: readonly string[]
  readonly changed: readonly ProgramChange[]
  readonly removed: readonly string[]
  readonly unchanged: readonly string[]
  /** Keys of [master] that changed; they take effect at the next start of the master. */
  readonly master: readonly string[]
}

export interface UpdateResult extends OperationResult {
  readonly diff: ConfigDiff
}

export interface ShownValue {
  readonly key: string
  /** After interpolation; secrets as `***`. */
  readonly value: string
  /** `file:line`, or `default`. */
  readonly origin: string
}

export interface Shown {
  readonly program: string
  readonly settings: readonly ShownValue[]
  /** As the process of `slot` gets it. */
  readonly argv: readonly string[]
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  readonly stdout: string
  /** null = merged into stdout. */
  readonly stderr: string | null
  readonly slot: number
  readonly listeners: readonly string[]
  readonly limits: Readonly<Record<string, string>>
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'

interface NoParams {
  readonly [key: string]: never
}
export interface TargetParams {
  /** `web`, `web:2`, a group, a glob `web-*`, `all`, or a list of those. */
  readonly target: string | readonly string[]
}
export interface OperateParams extends TargetParams {
  /** Answer when all is settled. Default true. */
  readonly wait?: boolean | undefined
  /** Seconds; default: no limit. Then -32004, and the operation goes on. */
  readonly timeout?: number | undefined
}

/** One line of a log. */
export interface LogLine {
  /** `web:0`; in a raw file shared by several slots the program; `master` for the master's own log. */
  readonly name: string
  /** null where the file does not tell (raw). */
  readonly stream: 'stdout' | 'stderr' | null
  readonly time: string | null
  readonly text: string
}

/** A file that a target's output goes to. */
export interface LogSource {
  readonly path: string
  /** `web:0`; the program where lines of several slots can come; `master`. */
  readonly name: string
  /** null where both streams go there. */
  readonly stream: 'stdout' | 'stderr' | null
  readonly format: 'raw' | 'prefix' | 'json'
}

/** How far a file has been read: whoever follows it over another connection can go on there. */
export interface LogPlace {
  readonly path: string
  /** The file's own number, which it keeps when it is rotated away. */
  readonly inode: number
  /** Bytes. */
  readonly offset: number
}

export interface LogsResult {
  /** Where the lines come from; none where `log_file` is `none` or `inherit`. */
  readonly files: readonly LogSource[]
  /** Oldest first, file by file. Of very many or very long lines the newest 8 MB. */
  readonly lines: readonly LogLine[]
  /** With follow: notifications `log` carry this number until `unsubscribe`. */
  readonly subscription?: number
  /** With follow: where each file is followed from. */
  readonly places?: readonly LogPlace[]
  /** Of the files in `after` those in which the place is not found: followed from their beginning, and lines may be missing. */
  readonly lost?: readonly string[]
}

/** `params` of a notification `log`. */
export interface LogNotice {
  readonly subscription: number
  readonly lines: readonly LogLine[]
  /** Lines that this client did not get because it did not read; they come before `lines`. */
  readonly missed?: number
  /** Behind the last of these lines. */
  readonly place?: LogPlace
  /** Files that are followed from now on, or are not what they were: of new processes and programs, of a changed `log_file`. */
  readonly files?: readonly LogSource[]
  /** A file that cannot be read any more, in words: nothing more comes from it. */
  readonly error?: string
}

/** Facts of `config.updated`. */
export interface ConfigUpdated extends ConfigDiff {
  /** How many slots each added program has. */
  readonly desired: Readonly<Record<string, number>>
}

export const eventTopics = [
  'process.state',
  'process.ready',
  'process.recycled',
  'process.health',
  'process.hook',
  'program.scaled',
  'program.reload',
  'program.schedule',
  'config.updated',
  'master.started',
  'master.adopted',
  'master.upgraded',
  'master.stopping',
  'log.trouble',
] as const
export type EventTopic = (typeof eventTopics)[number]

/** What happened, once; `seq` counts up from 1 in the life of a master, without gaps. */
export interface Happening {
  readonly seq: number
  readonly time: string
  readonly topic: EventTopic
  readonly program?: string
  /** `web:0` */
  readonly name?: string
  readonly [fact: string]: unknown
}

/** `params` of a notification `event`. */
export type EventNotice = { readonly subscription: number } & (Happening | { readonly missed: number })

export interface EventsResult {
  readonly subscription: number
  /** Of the newest event so far; what happens from now on has higher ones. */
  readonly seq: number
  /** Events after `since` that are not kept any more. */
  readonly missed: number
}

/** Every method of the socket in this version. */
export interface Methods {
  ping: { params: NoParams; result: 'pong' }
  info: { params: NoParams; result: Info }
  status: { params: { readonly target?: string | readonly string[] | undefined }; result: readonly Program[] }
  graph: { params: NoParams; result: Graph }
  start: { params: OperateParams; result: OperationResult }
  stop: { params: OperateParams; result: OperationResult }
  restart: { params: OperateParams; result: OperationResult }
  reload: { params: OperateParams; result: OperationResult }
  run: {
    params: {
      /** One that ends by itself: with a schedule, or `autorestart = never`. */
      readonly program: string
      /** Answer when the run has ended. Default true. */
      readonly wait?: boolean | undefined
      readonly timeout?: number | undefined
    }
    result: RunResult
  }
  scale: {
    params: {
      readonly program: string
      /** Absolute count, 0 to 10 000; this or delta. */
      readonly workers?: number | undefined
      readonly delta?: number | undefined
      readonly wait?: boolean | undefined
      readonly timeout?: number | undefined
      /** First write the count into the configuration file; where that cannot be, nothing is scaled. */
      readonly save?: boolean | undefined
    }
    result: ScaleResult
  }
  signal: { params: TargetParams & { readonly signal: string | number }; result: OperationResult }
  wait: {
    params: TargetParams & { readonly state: ProcessState; readonly timeout?: number | undefined }
    result: OperationResult
  }
  show: { params: TargetParams; result: readonly Shown[] }
  reread: { params: NoParams; result: ConfigDiff }
  update: {
    params: { readonly dryRun?: boolean | undefined; readonly wait?: boolean | undefined }
    result: UpdateResult
  }
  logs: {
    params: {
      /** As for all methods, or `master`. */
      readonly target: string | readonly string[]
      /** Of each file, from its end, rotated ones included; at most 100 000. Default 100, with `since` all where lines tell their time. */
      readonly lines?: number | undefined
      readonly stream?: 'stdout' | 'stderr' | undefined
      readonly follow?: boolean | undefined
      /** A time: only lines from then on. In raw files no line tells: files that were not written since are left out, others are not cut. */
      readonly since?: string | undefined
      /** With follow: go on behind these places, without last lines of these files. */
      readonly after?: readonly LogPlace[] | undefined
    }
    result: LogsResult
  }
  clear: { params: TargetParams; result: { readonly ok: boolean } }
  events: {
    params: {
      readonly topics?: readonly EventTopic[] | undefined
      /** Begin with the event after this one, as far as it is kept. */
      readonly since?: number | undefined
    }
    result: EventsResult
  }
  unsubscribe: { params: { readonly subscription: number }; result: { readonly ok: boolean } }
  reopen: { params: NoParams; result: { readonly ok: boolean } }
  loglevel: { params: { readonly level?: LogLevel | undefined }; result: { readonly level: LogLevel } }
  upgrade: { params: NoParams; result: { readonly ok: boolean } }
  shutdown: { params: { readonly wait?: boolean | undefined }; result: { readonly ok: boolean } }
  'rpc.discover': { params: NoParams; result: Readonly<Record<string, unknown>> }
}

export type Method = keyof Methods
export type Params<M extends Method> = Methods[M]['params']
export type Result<M extends Method> = Methods[M]['result']

/**
 * `error` of a JSON-RPC answer; `data.code` is the name in errors.ts.
 * @public
 */
export interface WireError {
  readonly code: number
  readonly message: string
  readonly data?: { readonly code?: string } & Readonly<Record<string, unknown>>
}
