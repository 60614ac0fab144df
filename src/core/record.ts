// The record: what a master writes down while it lives, so that the next one on the same run_path
// knows what it knew: which programs there are, where each instance stands, which process is whose.
// Rows of plain data; how they are kept is the store's. Times are monotonic ms since boot, so they mean
// the same to the next master; a record of an earlier boot means nothing. Pure.

import type { Rollout } from './rollout.ts'
import type { OutputSpec, Spec } from './spec.ts'
import type { Instance, State } from './state.ts'
import type { Timetable } from './timetable.ts'

/** Raised when an older master could not understand a row any more, or would misunderstand it. */
export const SCHEMA = 4
/** Still understood: its rows are brought up to date as they are read. */
export const OLDEST_SCHEMA = 1

export type RowKind = keyof Rows

/** Each kind with its rows. */
export interface Rows {
  /** By name. */
  readonly program: ProgramRow
  /** By `web:0:3`: program, slot, generation. */
  readonly instance: InstanceRow
  /** By the instance's key: its process, or the intent to make one. By its hook's key: the same of the hook. */
  readonly process: ProcessRow
  /** By name of its FIFO: a stream of captured output. */
  readonly stream: StreamRow
  /** By path: a log file whose last writer is known. */
  readonly file: FileRow
  /** By key: a socket that programs listen on. */
  readonly listener: ListenerRow
  /** By program: the settings that are in force, as the configuration wrote them. */
  readonly settings: SettingsRow
  /** One row, `state`. */
  readonly master: MasterRow
}

export interface ProgramRow {
  readonly generation: number
  readonly desired: number
  readonly removed: boolean
  readonly wanted: 'up' | 'down'
  readonly spec: Spec
  /** The rolling replacement that is under way. */
  readonly rollout: KeptRollout | null
  /** An update waits for its turn. */
  readonly owesUpdate: boolean
  /** Slots that were to be stopped when what depends on them has ended. */
  readonly owesStop?: readonly number[]
  readonly timetable?: Timetable
  /** What else waits for its turn, behind what is under way; absent where nothing does. */
  readonly owed?: readonly Owed[]
}

/** An operation that was asked for, and has not come to its end. */
export type Owed =
  | { readonly kind: 'start' | 'restart'; readonly slots: readonly number[]; readonly whole: boolean }
  | { readonly kind: 'reload'; readonly slots: readonly number[]; readonly byName: boolean; readonly whole: boolean }
  | { readonly kind: 'scale'; readonly count: Count }
  /** It has done what it had to do: its slots have still to come to rest before the next one's turn. */
  | { readonly kind: 'settle'; readonly slots: readonly number[] }

/** What a count shall be: so many, or so many more; with `least` not fewer than that, without it not at all where that is no count. */
export type Count = { readonly to: number } | { readonly by: number; readonly least?: number }

export interface KeptRollout {
  readonly kind: 'reload' | 'recycle' | 'update'
  readonly slots: readonly number[]
  readonly plan: Rollout
}

/** `spec` null = its program's. */
export type InstanceRow = Omit<Instance, 'spec'> & { readonly spec: Spec | null }

export interface ProcessRow {
  readonly token: string
  /** null = about to be made. */
  readonly pid: number | null
  readonly start: number | null
  readonly told?: true
}

/** A process that was made. */
export interface KeptProcess {
  readonly token: string
  readonly pid: number
  readonly start: number
  /** It is being stopped, and the signals for that have gone. */
  readonly told?: true
}

export interface StreamRow {
  /** `web:0` */
  readonly name: string
  readonly label: 'stdout' | 'stderr'
  /** The log file, or `inherit`. */
  readonly path: string
  readonly output: OutputSpec
  /** Of its process; records of schema 1 do not say. */
  readonly token?: string
  /** Written at an upgrade, and taken out by the program that comes after it. */
  readonly unsaid?: Unsaid
}

/** What log_full = drop has taken out of a pipe while its log could not be written, and not said there yet. */
export interface Unsaid {
  /** The end of the line that stands unfinished in the log, base64. */
  readonly rest: string | null
  readonly missing: Missing | null
}

/** What was thrown away. */
export interface Missing {
  readonly lines: number
  readonly bytes: number
  /** Wall clock, Unix ms. */
  readonly from: number
  readonly to: number
  /** Why the log could not be written. */
  readonly error: string
  /** The last of the lines has not come to its end yet. */
  readonly cut: boolean
}

export interface FileRow {
  /** Its place in the file of last writers. */
  readonly place: number
}

export interface ListenerRow {
  /** Of the socket: by this number it is found in a process that has it. */
  readonly inode: number
  /** The file of a Unix socket that we have made. */
  readonly file: { readonly ino: number; readonly dev: number } | null
}

export interface SettingsRow {
  readonly settings: readonly object[]
}

export interface MasterRow {
  /** It was on its way out: what is wanted down was not asked for by anybody. */
  readonly stopping: boolean
}

/** What was read back: the rows of each kind by key. */
export type Kept = { readonly [K in RowKind]: ReadonlyMap<string, Rows[K]> }

/** Of the process row of an instance's hook. */
export const hookKey = (i: Parameters<typeof instanceKey>[0]): string => hookOf(instanceKey(i))

/** The same by the instance's key. */
export const hookOf = (key: string): string => `${key}:hook`

export const instanceKey = ({ program, slot, generation }: Pick<Instance, 'program' | 'slot' | 'generation'>): string =>
  `${program}:${slot}:${generation}`

/** What specs of schema 1 did not have. */
const SINCE_2: Partial<Spec> = { listeners: [], backlog: 511, balance: 'shared', maxMemoryBytes: 0, maxConcurrency: 10 }

/** What those before 4 did not have. */
const SINCE_4: Partial<Spec> = { dependsOn: [], dependsRestart: false, priority: 999, groups: [] }

/** What `ready` was before 3. */
type ReadyBefore3 = 'time' | 'worker'

/** A row of an older schema, as this one has it. */
export function upToDate(row: object, schema: number): object {
  if (schema >= SCHEMA || !('spec' in row) || row.spec === null) return row
  const spec = { ...(schema < 2 ? SINCE_2 : {}), ...SINCE_4, ...(row.spec as Spec) }
  const ready = spec.ready as Spec['ready'] | ReadyBefore3
  return { ...row, spec: typeof ready === 'string' ? { ...spec, ready: { kind: ready } } : spec }
}

/** The row of an instance. */
export function rowOf(i: Instance, programSpec: Spec): InstanceRow {
  const { spec, state, ...rest } = i
  return { ...rest, state: state.at === 'running' ? lasting(state) : state, spec: spec === programSpec ? null : spec }
}

/** Without what changes every few seconds, and is no older than its master: heartbeats, and when checks are made. */
function lasting(state: Extract<State, { at: 'running' }>): State {
  const { check } = state
  return {
    ...state,
    heartbeatBy: null,
    ...(check && { check: { ...check, phase: 'waits', due: null, at: null } }),
  }
}
