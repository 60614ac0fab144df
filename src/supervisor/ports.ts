// The supervisor's share of the world: what it is given when it is made.

import type { Clock, Launcher, Listeners, Signals, SingleLocks, Store } from '../core/ports.ts'
import type { HookName } from '../core/spec.ts'
import type { Instance } from '../core/state.ts'
import type { Found, NextRun } from '../core/timetable.ts'

export interface Log {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
}

export interface Ports {
  readonly clock: Clock
  readonly launcher: Launcher
  readonly listeners: Pick<Listeners, 'keep'>
  readonly signals: Signals
  readonly single: SingleLocks
  /** The same across hosts. */
  readonly leases: SingleLocks
  readonly store: Store
  readonly log: Log
  /** From 0 to 1. */
  readonly random: () => number
  readonly nextRun: NextRun
}

/** What a watcher of the supervisor is told, after it has been stored. */
export type Notice =
  /** An instance was made (before null), changed, or forgotten (after null). */
  | { readonly kind: 'instance'; readonly before: Instance | null; readonly after: Instance | null }
  | { readonly kind: 'scaled'; readonly program: string; readonly from: number; readonly to: number }
  /** The time of a program with a schedule has come, or another one is next. Unix ms. */
  | {
      readonly kind: 'schedule'
      readonly program: string
      readonly found: Found
      /** What is due, skipped or missed. */
      readonly at: number | null
      readonly next: number | null
    }
  /** A hook failed. */
  | {
      readonly kind: 'hook'
      readonly program: string
      readonly slot: number
      readonly hook: HookName
      readonly error: string
    }
  /** A planned replacement of processes begins or ends. */
  | {
      readonly kind: 'rollout'
      readonly program: string
      readonly what: 'reload' | 'update' | 'recycle'
      readonly phase: 'begun' | 'ended'
      readonly slots: readonly number[]
      /** Why it ended early; null = it did not. */
      readonly error: string | null
    }

export type Watcher = (notice: Notice) => void
