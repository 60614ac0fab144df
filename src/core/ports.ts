// What the supervisor needs of the world, owned by those who need it. The files of os/ implement
// these; tests implement them with a fake. Nothing here is asynchronous: what takes time answers
// with an event in the mailbox.

import type { OutputSpec } from './spec.ts'
import type { Instance } from './state.ts'

export interface Clock {
  /** Monotonic ms: never jumps, whatever happens to the wall clock. */
  now(): number
  /** Unix ms, to be shown only. */
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
  /** Makes the process of an instance, its output captured. At once: the pid, or why not. */
  launch(instance: Instance): { readonly pid: number } | SpawnFailure
  /** That process has ended. */
  ended(pid: number): void
}

export interface Signals {
  /** False when nobody is there any more. Throws EPERM and the like. */
  send(pid: number, signal: string, group: boolean): boolean
  /** Does anything of this process group live? */
  groupLives(group: number): boolean
}

/** What the launcher itself needs. */
export interface Spawner {
  spawn(launch: Launch): { readonly pid: number } | SpawnFailure
}

export interface Launch {
  /** The first word is looked up in the PATH of `env`, or against `cwd` when it holds a slash. */
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Descriptors for stdout and stderr. */
  readonly stdout: number | string
  readonly stderr: number | string
}

export interface Streams {
  /** For the child: descriptors, or a path it opens. */
  readonly stdout: number | string
  readonly stderr: number | string
  /** The spawn is over, well or not: our copies of the child's ends are closed. Reading goes on until the last writer is gone. */
  release(): void
}

export interface Output {
  /** Makes the streams of the process of that name (`web:0`). Throws a system error whose message says which file. */
  open(name: string, target: OutputSpec): Streams
}

/** The master's end of the worker channel, as the launcher sees it. */
export interface Workers {
  /** What the worker's process is started with, and the promise to welcome it. */
  prepare(instance: Instance): {
    readonly argv: readonly string[]
    readonly env: Readonly<Record<string, string>>
    readonly token: string
  }
  /** Its pid is known. */
  bind(token: string, pid: number): void
  forget(token: string): void
}
