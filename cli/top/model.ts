// All that `top` knows, and all that can happen to it. Types, and the state at the beginning; what follows from what
// is in update.ts. Immutable: a message makes the next model.

import type { Happening, Info, LogLine, LogSource, Program } from '../../src/api/contract.ts'
import type { LogBatch } from '../../src/api/notices.ts'
import type { View } from './keys.ts'

export interface Size {
  readonly columns: number
  readonly rows: number
  /** The terminal can show dots of Braille, of which curves are made. */
  readonly braille: boolean
}

/** How it stands with a master. */
export type Link =
  /** It was not reached yet. */
  | { readonly at: 'coming' }
  | { readonly at: 'up' }
  | { readonly at: 'stopping' }
  | { readonly at: 'gone'; readonly why: string; readonly since: number }

/** A master, and what it said last. */
export interface Watched {
  /** Null: it is the only one, and nobody needs to be told which. */
  readonly host: string | null
  readonly link: Link
  /** Null as long as it was not reached. */
  readonly info: Info | null
  readonly programs: readonly Program[]
  /** When its last look was put into the trails. */
  readonly lookedAt: number
}

export const sorts = ['file', 'cpu', 'memory', 'requests', 'uptime', 'restarts', 'state'] as const
export type Sort = (typeof sorts)[number]

/** What was seen of one process, or of all of a program, oldest first. */
export interface Trail {
  readonly cpu: readonly number[]
  readonly memory: readonly number[]
  /** Requests a second, between the last two looks; null when unknown. */
  readonly rate: number | null
  /** The look that `rate` is counted from. */
  readonly seen: { readonly pid: number; readonly requests: number; readonly at: number } | null
}

/** What somebody wants done. */
export type Order =
  | { readonly method: 'start' | 'stop' | 'restart' | 'reload'; readonly target: readonly string[] }
  | { readonly method: 'scale'; readonly program: string; readonly delta: 1 | -1 }
  | { readonly method: 'signal'; readonly target: readonly string[]; readonly signal: string }

/** What stands over everything else and takes the keys. */
export type Panel =
  | { readonly kind: 'help'; readonly top: number }
  | { readonly kind: 'confirm'; readonly question: string; readonly order: Order }
  | { readonly kind: 'signals'; readonly target: readonly string[]; readonly at: number }
  | { readonly kind: 'filter'; readonly view: View; readonly text: string }

export interface Log {
  /** `web:0`, `web` or `master`. */
  readonly target: string | null
  readonly state: { readonly at: 'waiting' | 'open' | 'none' } | { readonly at: 'failed'; readonly why: string }
  readonly files: readonly LogSource[]
  readonly lines: readonly LogLine[]
  /** Lines that were forgotten before the first of `lines`. */
  readonly dropped: number
  /** Number of the last line shown, counted from the first that ever came; null follows the end. */
  readonly held: number | null
  /** Lines that came while it was held and were not kept. */
  readonly passed: number
  readonly filter: string
}

export interface Remark {
  readonly text: string
  readonly bad: boolean
  /** When it goes, in ms since the epoch; null: when something else is said. */
  readonly until: number | null
}

export interface Model {
  readonly size: Size
  /** ms since the epoch. */
  readonly now: number
  /** In the order of the command line. All names in them, and below, have the host before them (names.ts). */
  readonly masters: readonly Watched[]
  readonly trails: ReadonlyMap<string, Trail>
  readonly view: View
  readonly panel: Panel | null
  /** Name of the row: it stays selected wherever it moves. */
  readonly selected: string | null
  /** The first row shown. */
  readonly top: number
  readonly marked: ReadonlySet<string>
  readonly folded: ReadonlySet<string>
  readonly sort: Sort
  readonly filter: string
  readonly log: Log
  /** Newest last. */
  readonly events: readonly Happening[]
  readonly remark: Remark | null
}

export type Message =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'resize'; readonly size: Size }
  | { readonly kind: 'tick'; readonly now: number }
  | { readonly kind: 'connected'; readonly host: string | null; readonly info: Info }
  | { readonly kind: 'gone'; readonly host: string | null; readonly why: string }
  | {
      readonly kind: 'status'
      readonly host: string | null
      readonly programs: readonly Program[]
      readonly now: number
    }
  | { readonly kind: 'event'; readonly host: string | null; readonly event: Happening }
  | { readonly kind: 'logOpened'; readonly target: string; readonly files: readonly LogSource[] }
  | { readonly kind: 'log'; readonly target: string; readonly batch: LogBatch }
  | { readonly kind: 'logFailed'; readonly target: string; readonly why: string }
  | { readonly kind: 'done'; readonly order: Order; readonly error: string | null }

export type Effect =
  | { readonly kind: 'watchLog'; readonly target: string | null }
  | { readonly kind: 'call'; readonly order: Order }
  /** Ask for status now. */
  | { readonly kind: 'look'; readonly host: string | null }
  | { readonly kind: 'redraw' }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'quit' }

export interface Step {
  readonly model: Model
  readonly effects: readonly Effect[]
}

export const noLog: Log = {
  target: null,
  state: { at: 'waiting' },
  files: [],
  lines: [],
  dropped: 0,
  held: null,
  passed: 0,
  filter: '',
}

/** As it is known at the beginning. */
export function watched(host: string | null, info: Info | null): Watched {
  return { host, link: { at: info === null ? 'coming' : 'up' }, info, programs: [], lookedAt: 0 }
}

export function firstModel(size: Size, masters: readonly Watched[], now: number): Model {
  return {
    size,
    now,
    masters,
    trails: new Map(),
    view: 'main',
    panel: null,
    selected: null,
    top: 0,
    marked: new Set(),
    folded: new Set(),
    sort: 'file',
    filter: '',
    log: noLog,
    events: [],
    remark: null,
  }
}
