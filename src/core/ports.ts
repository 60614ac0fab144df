// What the supervisor needs of the world, owned by those who need it. The files of os/ implement
// these; tests implement them with a fake. Nothing here is asynchronous: what takes time answers
// with an event in the mailbox.

import type { Account, CgroupLimits, Identity, SlotIdentity } from './identity.ts'
import type { Wanted } from './listening.ts'
import type { Asked } from './readiness.ts'
import type { KeptProcess, RowKind } from './record.ts'
import type { OutputSpec, Spec } from './spec.ts'
import type { Instance } from './state.ts'

export interface Clock {
  /** Monotonic ms since the boot of the machine: never jumps, whatever happens to the wall clock. */
  now(): number
  /** Unix ms, to be shown; only schedules go by it. */
  wall(): number
  /**
   * Calls `fire` once at `at` (monotonic ms) or after. One timer serves all alarms: it is armed for
   * the earliest. Returns what cancels it.
   */
  alarm(at: number, fire: () => void): () => void
  /** Calls back after other input had its chance. */
  soon(fire: () => void): void
}

/** Why a process could not be made. */
export interface SpawnFailure {
  /** In words, with the errno's name. */
  readonly reason: string
  /** The same spawn can never succeed. */
  readonly permanent: boolean
}

export interface Launcher {
  /** A token for the next process, by which it is known again whatever becomes of us. Recorded before the launch. */
  token(): string
  /** Makes the process of an instance, its output captured, after a flush of the record. At once: who it is, or why not. */
  launch(instance: Instance, token: string): Spawned | SpawnFailure
  /** Takes over the process that an earlier master made for the instance. */
  adopt(instance: Instance, process: KeptProcess): void
  /** It is starting: what it waits for is looked at until it is ready, or has ended. */
  watch(instance: Instance, pid: number): void
  /** It is no more, the one or the other. */
  unwatch(pid: number): void
  /** Makes the hook that is owed to the instance, as `launch` does a process. */
  launchHook(instance: Instance, token: string): Spawned | SpawnFailure
  /** Takes over the hook that an earlier master made. */
  adoptHook(process: KeptProcess): void
  /** Looks once whether a running process is well; the answer comes as an event. */
  check(instance: Instance, pid: number): void
  /** The answer is not waited for any more. */
  endCheck(pid: number): void
  /** That process has ended. */
  ended(pid: number): void
}

export interface Spawned {
  readonly pid: number
  /** Start time as the kernel counts it (/proc/PID/stat, field 22): with the pid it names one process of this boot. */
  readonly start: number
}

/** Locks that all masters of one file share: a process of a program that has one is made only while it is ours. */
export interface SingleLocks {
  /** Before a process is made; null = it may be. Else `lockGot` or `lockTaken` follow when that changes; `asked`: soon. */
  take(spec: Spec): Standing | 'asked' | null
  /** It is ours, and nothing of a former holder lives. */
  holds(program: string): boolean
  /** What the program needs from now on. Without need of it, the lock is let go for others. */
  keep(program: string, need: LockNeed, spec: Spec): void
}

/** Why a process may not be made now. */
export interface Standing {
  /** Who has the lock; null = nobody else, what a former holder has left is being ended. */
  readonly of: string | null
  readonly reason: string
}

/** `news`: it waits for the lock. */
export type LockNeed = 'lock' | 'news' | null

/** What programs listen on. Sockets are known by their keys. */
export interface Listeners {
  /** These shall be open for the program, and no others for its sake. One that cannot be opened now is told, and tried again. */
  keep(program: string, wanted: readonly Wanted[]): void
  /** Descriptors for a process that is about to be made, in this order. Throws a system error whose message names the address. */
  of(program: string, wanted: readonly Wanted[]): readonly number[]
}

export interface Signals {
  /**
   * To the process, or to its group; once `leader` has ended, also to those of its descendants that left the group.
   * False when nobody is there any more. Throws EPERM and the like.
   */
  send(pid: number, signal: string, group: boolean): boolean
  /** Has the ended process left anything: in its group, or gone from it? */
  hasLeft(leader: number): boolean
  /** Has the kernel killed it for want of memory? null = nobody can tell. Asked before what it has left. */
  oomKilled(leader: number): boolean | null
}

/**
 * What a next master must know. A row is kept under its kind and key; null takes it out. `flush` writes what was
 * put since, at once and together, and must come before anything that follows from it is done in the world.
 */
export interface Store {
  put(kind: RowKind, key: string, row: object | null): void
  flush(): void
}

/** What the launcher itself needs. */
export interface Spawner {
  spawn(launch: Launch): Spawned | SpawnFailure
}

export interface Launch {
  /** The first word is looked up in the PATH of `env`, or against `cwd` when it holds a slash. */
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Descriptors for stdout and stderr. */
  readonly stdout: number | string
  readonly stderr: number | string
  /** Descriptors to give from 3 on. */
  readonly listeners: readonly number[]
  /** It is told its own pid with them (LISTEN_PID), as systemd does. */
  readonly toldPid: boolean
  /** One more descriptor, given as number `at`. */
  readonly extra?: Herald['fd']
  /** The kernel ends it when we die. */
  readonly diesWithUs: boolean
  /** As whom and within which limits; null = as we are. */
  readonly identity: SlotIdentity | null
  /** The file by which it enters its cgroup. */
  readonly enters?: string
}

/** For programs that have limits as a whole. */
export interface Cgroups {
  /** Before the spawn of the process with this token: by which file it enters its cgroup, or why there is none. */
  make(program: string, token: string, limits: CgroupLimits): { readonly enters: string } | SpawnFailure
  /** Its pid is known. */
  born(token: string, pid: number): void
  /** It never came to be. */
  forget(token: string): void
  /** The process of an earlier master may be in one. */
  adopt(program: string, token: string, pid: number): void
}

/** Users, as this machine knows them now. */
export interface Accounts {
  /** null = it asks for none: ours. */
  of(identity: Identity | undefined): Account | SpawnFailure | null
}

export interface Streams {
  /** For the child: descriptors, or a path it opens. */
  readonly stdout: number | string
  readonly stderr: number | string
  /** The spawn is over, well or not: our copies of the child's ends are closed. Reading goes on until the last writer is gone. */
  release(): void
}

export interface Output {
  /** Makes the streams of the process of that name (`web:0`), known by its token, for its user. Throws a system error whose message says which file. */
  open(name: string, target: OutputSpec, token?: string, owner?: Account | null): Streams
  /** Has each line that this process prints from now on looked at; null = no more. */
  onLines(token: string, line: ((text: string) => void) | null): void
  /** For how long this process has printed nothing, in ms; null where nobody can tell. */
  quietFor(token: string): number | null
}

/** What a process needs to say that it is ready, and where that is heard. What is said comes as an event. */
export interface Heralds {
  /** Before the launch of a process with this token, which runs as `owner` (null = as we). Throws a system error. */
  prepare(instance: Instance, token: string, owner: Account | null): Herald
  /** Its pid is known. */
  bind(token: string, pid: number): void
  /** The process of an earlier master is heard again. */
  adopt(instance: Instance, process: KeptProcess, owner: Account | null): void
  /** The process is gone, or never came to be. */
  forget(token: string): void
}

export interface Herald {
  readonly env: Readonly<Record<string, string>>
  /** A descriptor for the child, and its number there. */
  readonly fd: { readonly at: number; readonly from: number } | null
  /** The spawn is over, well or not. */
  release(): void
}

/** Asks again and again whether a process is ready; an answer comes as an event, for as long as it is asked. */
export interface Probes {
  begin(probe: Probe): void
  end(pid: number): void
  /** Asks once, of a running process; the answer comes as `checked`, unless it is ended before. */
  check(probe: Probe): void
  endCheck(pid: number): void
}

export interface Probe {
  readonly pid: number
  readonly ready: Asked
  /** For a command of its own. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly identity: SlotIdentity | null
}

/** The master's end of the worker channel, as the launcher sees it. */
export interface Workers {
  /** What the worker's process is started with, and the promise to welcome it. Throws a system error. */
  prepare(
    instance: Instance,
    token: string,
    owner: Account | null,
  ): {
    readonly argv: readonly string[]
    readonly env: Readonly<Record<string, string>>
  }
  /** Its pid is known. */
  bind(token: string, pid: number): void
  forget(token: string): void
}

/** The way to who has started us and watches over us: systemd, or what speaks as it does (sd_notify(3)). */
export interface Notifier {
  /** Lines as sd_notify(3) has them: `READY=1`. Never waits, and never throws. */
  tell(...lines: readonly string[]): void
  /** It takes us for dead when it has heard no WATCHDOG=1 for so long, in ms; null = it does not ask for that. */
  readonly watchdogMs: number | null
}
