// What a program is: the frozen settings of one INI section, in the units the core computes with.
// Made by config/, read by everybody. Pure data: it survives JSON, so it can be compared and kept.

import type { Identity } from './identity.ts'

/** Replaced at spawn time by the slot's number: `\0slot:02d\0`. NUL cannot stand in a configuration, so nothing collides. */
const SLOT_MARK = /\0slot:(0?)(\d*)[ds]\0/g

/** Marks a place where the slot's number goes; `format` is Python's (`d`, `02d`, `s`). */
export const slotMark = (format: string): string => `\0slot:${format}\0`

/** Puts the slot's number where the text has slot marks. */
export function forSlot(text: string, slot: number): string {
  if (!text.includes('\0')) return text
  return text.replace(SLOT_MARK, (_all, zero: string, width: string) =>
    String(slot).padStart(Number(width || 0), zero ? '0' : ' '),
  )
}

export type Autorestart = 'always' | 'on-failure' | 'never'
export type ReloadStrategy = 'start-first' | 'stop-first' | 'signal'

/** A jitter: a share of the value it belongs to (0.1 = 10 %), or an absolute amount in that value's unit. */
export type Jitter = { readonly share: number } | { readonly amount: number }

export type Run =
  /** Any program. `argv` as shlex splits it, at least one word, slot marks allowed. */
  | { readonly kind: 'command'; readonly argv: readonly string[] }
  /** An SDK worker. `module` is an absolute path; `className` what stood after `:`, else null. */
  | { readonly kind: 'worker'; readonly module: string; readonly className: string | null }

export type LogFormat = 'raw' | 'prefix' | 'json'

/** What happens to output while its file cannot be written and its pipe is full. */
export type LogFull =
  /** The process waits. */
  | 'block'
  /** The oldest lines are thrown away, and counted. */
  | 'drop'

export interface OutputSpec {
  /** Absolute path (slot marks allowed), or `none`, or `inherit` (the master's own). */
  readonly stdout: string
  /** As stdout; null = merged into it. */
  readonly stderr: string | null
  /** Size of the pipe of each stream, in bytes: what a process can print while nobody reads. Default 256 KB. */
  readonly pipeBytes: number
  /** `raw` bytes as they come; `prefix` time, name and stream before each line; `json` one object a line. */
  readonly format: LogFormat
  /** Absent in the record of a master that did not know it: block. */
  readonly full?: LogFull
  /** Rotated at whole lines when a file would pass it, in bytes; 0 = never. */
  readonly maxBytes: number
  /** Rotated files to keep: `x.log.1` is the newest. */
  readonly backups: number
  /** Rotated files are compressed with gzip. */
  readonly compress: boolean
}

/** What a program listens on. */
export type Address =
  /** `host` is an IP address, or null: every address of this machine, IPv4 and IPv6. */
  | { readonly kind: 'tcp'; readonly text: string; readonly host: string | null; readonly port: number }
  | {
      readonly kind: 'unix'
      readonly text: string
      /** Absolute. */
      readonly path: string
      readonly mode: number
      /** `name[:group]`; null = the master's. */
      readonly owner: string | null
    }

/** `shared`: one queue that all processes accept from. `reuseport`: one for each slot, balanced by the kernel. */
export type Balance = 'shared' | 'reuseport'
/** How it is known that a process is ready. Texts may hold slot marks. */
export type Ready =
  /** Alive for start_seconds. */
  | { readonly kind: 'time' }
  /** The SDK's own word. */
  | { readonly kind: 'worker' }
  /** READY=1 on NOTIFY_SOCKET (sd_notify). */
  | { readonly kind: 'notify' }
  /** A newline on this descriptor (s6). */
  | { readonly kind: 'fd'; readonly fd: number }
  /** Somebody accepts at `HOST:PORT`. `own`: it may be the kernel or an old sibling, so the process must also have lived start_seconds. */
  | { readonly kind: 'tcp'; readonly address: string; readonly own: boolean }
  /** A 2xx answer; `own` as above. */
  | { readonly kind: 'http'; readonly url: string; readonly own: boolean }
  /** The command exits 0. */
  | { readonly kind: 'exec'; readonly argv: readonly string[] }
  /** A line of its output matches. */
  | { readonly kind: 'log'; readonly pattern: string }

/**
 * When a program that others depend on is far enough for them. `started`: it has a process; `running`: RUNNING;
 * `ready`: and ready by its own word; `healthy`: and its health check passes; `completed`: it has ended as expected.
 */
export type Condition = 'started' | 'running' | 'ready' | 'healthy' | 'completed'

export interface Dependency {
  readonly program: string
  readonly condition: Condition
}

/** When a program runs by itself. */
export interface Schedule {
  /** Cron: minute hour day month weekday, with seconds before them where there are six fields. */
  readonly cron: string
  /** IANA name; null = the master's own zone. */
  readonly timezone: string | null
}

/** How it is known that a running process is well. Texts may hold slot marks. */
export type HealthCheck =
  | Extract<Ready, { kind: 'tcp' | 'http' | 'exec' }>
  /** It has printed something within so long. */
  | { readonly kind: 'silence'; readonly ms: number }

export interface Health {
  readonly check: HealthCheck
  /** Between two checks, and before the first one. Default 10 s. */
  readonly intervalMs: number
  /** For one check. Default 3 s. */
  readonly timeoutMs: number
  /** So many in a row, and it is unhealthy. Default 3. */
  readonly failures: number
  /** What follows: a restart, a signal (with SIG), or nothing but the word. */
  readonly action: 'restart' | 'none' | { readonly signal: string }
}

export type HookName = 'pre_start' | 'post_start' | 'pre_stop' | 'post_stop'

export interface Hooks {
  /** As shlex splits them, slot marks allowed. */
  readonly commands: Readonly<Partial<Record<HookName, readonly string[]>>>
  /** For one hook; then SIGKILL. Default 30 s. */
  readonly timeoutMs: number
}

/** A lock that masters of many hosts share: a key in etcd, held by a lease. */
export interface LeaseSpec {
  /** `HOST:PORT` of members of one cluster, tried in turn. */
  readonly endpoints: readonly string[]
  readonly key: string
  /** Without renewal it ends after so long, in ms: whole seconds. Default: graceful_timeout and 10 s. */
  readonly ms: number
  /** Absent: the cluster asks nobody who they are. */
  readonly user?: { readonly name: string; readonly password: string }
  /** Absent: in clear text. Absolute paths of PEM files; null = the system's authorities, no certificate of our own. */
  readonly tls?: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null }
}

export interface Spec {
  readonly program: string
  readonly run: Run
  /** Slots to keep, 0 to 10 000. */
  readonly workers: number
  /** What SDK workers are called in `ps`: `worker: NAME`. Default: the section. */
  readonly procName: string
  /** Absolute; slot marks allowed. */
  readonly directory: string
  /** Own environment, above the master's (or above nothing with envClear). Values may hold slot marks. */
  readonly env: Readonly<Record<string, string>>
  readonly envClear: boolean
  /** As whom and within which limits it runs. Absent = as the master. */
  readonly identity?: Identity
  readonly output: OutputSpec
  /** What its processes accept connections on, in their order from descriptor 3 on. The master binds and keeps it. */
  readonly listeners: readonly Address[]
  /** Connections that may wait in the queue of a listener. Default 511. */
  readonly backlog: number
  readonly balance: Balance
  /** Under at most one master of all instances of the file. Absent = false. */
  readonly singleInstance?: boolean
  /** Where all masters on all hosts have the lock of that; absent: on this host, by a file. */
  readonly lease?: LeaseSpec
  readonly autostart: boolean
  /** What must be so before each start of one of its processes. */
  readonly dependsOn: readonly Dependency[]
  /** A process that is older than one of a program it depends on starts anew. Default false. */
  readonly dependsRestart: boolean
  /** Of those that may start in the same moment the lowest is first, and stops last. Default 999 (supervisord's). */
  readonly priority: number
  /** The groups that it is a member of. */
  readonly groups: readonly string[]
  readonly autorestart: Autorestart
  /** Expected exit codes. */
  readonly exitCodes: readonly number[]
  /** Without readiness: alive so long = RUNNING, in ms. 0 = at once. */
  readonly startMs: number
  /** With readiness: not ready by then = a failed start, in ms. */
  readonly startTimeoutMs: number
  /** Retries after a failed start; -1 = never give up. */
  readonly startRetries: number
  readonly backoffInitialMs: number
  readonly backoffMaxMs: number
  readonly backoffResetMs: number
  /** With SIG: `SIGTERM`. */
  readonly stopSignal: string
  /** Grace between stopSignal and SIGKILL, in ms. 0 = kill at once (supervisord's stopwaitsecs). */
  readonly stopMs: number
  /** The stop signal goes to the whole group. */
  readonly stopGroup: boolean
  /** How RUNNING is known. */
  readonly ready: Ready
  /** Absent: nobody looks. */
  readonly health?: Health
  /** Absent: none. */
  readonly hooks?: Hooks
  readonly reloadStrategy: ReloadStrategy
  readonly reloadParallel: number
  readonly reloadSignal: string
  /** SDK workers: recycle after so many handleRequest calls; 0 = never. */
  readonly maxRequests: number
  readonly maxRequestsJitter: Jitter
  /** SDK workers: requests in flight in one process. Default 10. */
  readonly maxConcurrency: number
  /** Recycle after so long alive, in ms; 0 = never. */
  readonly maxAgeMs: number
  readonly maxAgeJitter: Jitter
  /** SDK workers, and with `notify`: no heartbeat for so long, in ms: SIGABRT. 0 = off. */
  /** Recycle when resident memory passes it, in bytes; 0 = never. */
  readonly maxMemoryBytes: number
  readonly workerTimeoutMs: number
  /** Runs at these times, in one slot, and is not restarted. Absent: it runs always. */
  readonly schedule?: Schedule
  /** A change of files that match reloads it. Absolute globs; absent: none. */
  readonly watch?: readonly string[]
  /** SDK workers: every INI key as written (lower case) and every variable, values after interpolation, slot marks allowed. */
  readonly cfg: Readonly<Record<string, string>>
}
