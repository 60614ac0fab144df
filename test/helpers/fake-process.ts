// A process of the fake world: what it is like, and what has become of it.

import type { Event, Instance } from '../../src/core/state.ts'

/** How a process behaves; without a word it runs for ever and ends at once on any signal. */
export interface Nature {
  /** Ends by itself after so long: a number is an exit code, a string a signal. */
  readonly ends?: { readonly afterMs: number; readonly how: number | string }
  /** SIGTERM and the like: ends so long after, with this code (default 0 ms, killed by the signal); `ignore`. */
  readonly onStop?: { readonly afterMs: number; readonly how: number | string } | 'ignore'
  /** Even SIGKILL ends it only so long after (D state). */
  readonly unkillableMs?: number
  /** SDK worker: says ready after so long; null = never. */
  readonly readyMs?: number | null
  /** SDK worker: says that its boot failed, just before `ends`. */
  readonly says?: string
  /** What else it says of itself, and when. */
  readonly words?: readonly { readonly afterMs: number; readonly event: Event }[]
  /** SDK worker: beats so often. */
  readonly beatMs?: number
  /** Members of its group that outlive it: each ends on a signal, or ignores all but SIGKILL; or goes by itself, unseen. */
  readonly leaves?: readonly ('obeys' | 'ignores' | { readonly vanishesAfterMs: number })[]
}

export interface Process {
  readonly pid: number
  /** As the kernel counts it: hundredths of a second since boot. */
  readonly start: number
  readonly group: number
  readonly token: string
  readonly program: string
  readonly slot: number
  readonly instance: Instance
  readonly leader: boolean
  /** A hook's, and no instance's own. */
  readonly hook: boolean
  readonly nature: Nature
  state: 'alive' | 'dead' | 'reaped'
  /** Its ending is on the way. */
  ending: boolean
  code: number | null
  signal: string | null
  /** SDK worker: it takes requests. */
  ready: boolean
  /** SDK worker: the master that lives hears what it says. */
  connected: boolean
}
