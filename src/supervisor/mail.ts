// What the supervisor's mailbox takes: everything that can happen to it, each an item of its own.

import type { Event } from '../core/state.ts'
import type { Counters } from '../worker/protocol.ts'

export type Mail =
  /** The kernel says that a process has ended. `signal` with SIG. */
  | { readonly type: 'reaped'; readonly pid: number; readonly code: number | null; readonly signal: string | null }
  /** What ended processes have left can be told better than a moment ago. */
  | { readonly type: 'look' }
  /** A worker's word about itself. */
  | { readonly type: 'worker'; readonly pid: number; readonly event: Event }
  /** What the last beat of a worker's process told. */
  | { readonly type: 'counters'; readonly pid: number; readonly counters: Counters }
  | { readonly type: 'recycle'; readonly pid: number; readonly why: string }
  /** Something asked by a method of the supervisor while its loop was at work. */
  | { readonly type: 'call'; readonly act: () => void }
