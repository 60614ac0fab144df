// What an instance is and can be: its states with the data each carries, what can happen to it, and
// what the world owes it. Pure types and the few questions that only look at a state.
// Times are monotonic ms unless a comment says wall clock. The table that moves it is instance.ts.

import type { Exit, Exited, Leftovers, StopCause } from './ends.ts'
import type { Check } from './health.ts'
import { type Hook, hookDue, isBeside } from './hooks.ts'
import type { Spec } from './spec.ts'

export type Withdrawn = 'reloading' | 'stopping'

export type State =
  | { readonly at: 'stopped' }
  | {
      /** It starts when what it depends on is far enough; until then `reason` says what that is. */
      readonly at: 'waiting'
      readonly since: number
      /** What it waits for does not come by itself: it is down, or its starts fail. */
      readonly stuck: boolean
    }
  | {
      readonly at: 'starting'
      readonly pid: number | null // null until the spawn has happened
      readonly since: number
      readonly startedAt: number // wall clock of the spawn
      readonly deadline: number | null
      /** What the worker said about a failing boot. */
      readonly said: string | null
      /** Why the last look found it not ready yet. */
      readonly missed?: string
      /** pre_start: the process is made when it has exited 0. */
      readonly hook?: Hook
    }
  | {
      readonly at: 'running'
      readonly pid: number
      readonly since: number
      readonly startedAt: number
      /** The heartbeat must come before. */
      readonly heartbeatBy: number | null
      /** max_age is over then. */
      readonly recycleAt: number | null
      /** Not ready at present, by its own word: it reads its settings anew, or is on its way out. */
      readonly withdrawn?: Withdrawn
      /** What its checks say; absent until they have said it. */
      readonly health?: 'passing' | 'failing'
      readonly check?: Check
      /** post_start. */
      readonly hook?: Hook
    }
  | {
      readonly at: 'stopping'
      /** null once the process itself has ended and only its group is left. */
      readonly pid: number | null
      readonly group: number
      readonly since: number
      readonly startedAt: number
      readonly deadline: number
      readonly kills: number
      readonly cause: StopCause
      /** From RUNNING or from STARTING: decides whether an unasked end is a failed start. */
      readonly from: 'starting' | 'running'
      /** pre_stop before the signal, post_stop after the end; pre_start: that is what is being stopped. */
      readonly hook?: Hook
      /** It has ended while pre_stop ran, and others of its group are left. */
      readonly remains?: true
      /** What follows pre_stop. */
      readonly signal?: string
    }
  | {
      readonly at: 'backoff'
      readonly until: number
      readonly left: Leftovers | null
      /** The start that follows was asked for: it is no restart of ours. */
      readonly asked?: true
    }
  | { readonly at: 'exited'; readonly left: Leftovers | null }
  | { readonly at: 'standby'; readonly of: string | null } // who has the lock that its program needs; null = nobody else has
  | { readonly at: 'fatal'; readonly left: Leftovers | null }

export type At = State['at']

export interface Instance {
  readonly program: string
  readonly slot: number
  /** Of the spec it runs; a rolling reload replaces older ones. */
  readonly generation: number
  readonly spec: Spec
  readonly wanted: 'up' | 'down'
  readonly state: State
  /** Made in the place of an older instance of its slot. */
  readonly replaces?: true
  /** Unplanned starts in this slot. */
  readonly restarts: number
  /** Planned replacements in this slot. */
  readonly recycles: number
  /** Short runs in a row; decides the backoff. */
  readonly row: number
  /** Starts in a row that never got to RUNNING; decides FATAL. */
  readonly failures: number
  readonly exit: Exit | null
  /** Why it is in this state, in words, where that is not plain. */
  readonly reason: string | null
  /** What its process says that it is doing; of an earlier one once that has ended. */
  readonly statusText?: string | null
}

export type Event =
  | { readonly type: 'start' }
  /** One run now, whatever its schedule says. */
  | { readonly type: 'run' }
  | { readonly type: 'stop' }
  | { readonly type: 'restart' }
  /** SIGKILL now, whatever the grace. */
  | { readonly type: 'kill' }
  /** What it depends on is far enough. */
  | { readonly type: 'depsOk' }
  /** What it depends on is not far enough, in words. */
  | { readonly type: 'waits'; readonly text: string; readonly stuck: boolean }
  | { readonly type: 'spawned'; readonly pid: number }
  /** `permanent`: the same spawn can never succeed (E2BIG, an impossible argument). */
  | { readonly type: 'spawnFailed'; readonly reason: string; readonly permanent: boolean }
  | { readonly type: 'ready' }
  | { readonly type: 'said'; readonly text: string }
  | { readonly type: 'beat' }
  | { readonly type: 'missed'; readonly text: string } // a look found it not ready yet
  /** By its own word it is not ready for a while, or is on its way out. */
  | { readonly type: 'withdrew'; readonly why: Withdrawn }
  /** What it says that it is doing. */
  | { readonly type: 'status'; readonly text: string }
  /** It asks for so much more time, from now. */
  | { readonly type: 'extend'; readonly ms: number }
  /** It has found out itself that it hangs. */
  | { readonly type: 'hangs'; readonly text: string }
  | ({ readonly type: 'exited' } & Exited)
  | { readonly type: 'lockGot' }
  | { readonly type: 'lockTaken'; readonly of: string | null; readonly reason: string }
  | { readonly type: 'lockLost'; readonly reason: string; readonly now: boolean } // now: another may have it already
  | { readonly type: 'emptied' } // nothing is left of the group
  /** An earlier master was killed between the wish to end it and the signals. */
  | { readonly type: 'untold' }
  | { readonly type: 'deadline' }
  /** A planned replacement did not come about: ask again at `at`. */
  | { readonly type: 'recycleLater'; readonly at: number }
  /** The check that was owed is being made now. */
  | { readonly type: 'checking' }
  /** What a check has found: null = all is well. `againMs`: look again so long after, instead of the interval. */
  | { readonly type: 'checked'; readonly finding: string | null; readonly againMs?: number }
  | { readonly type: 'hookSpawned'; readonly pid: number }
  /** It could not be started; `permanent` as above. */
  | { readonly type: 'hookFailed'; readonly reason: string; readonly permanent: boolean }
  /** code and signal null: nobody knows how. */
  | { readonly type: 'hookEnded'; readonly code: number | null; readonly signal: string | null }

export type Effect =
  /** A process is owed: the instance's own, or that of its hook. */
  | { readonly do: 'spawn' }
  | { readonly do: 'signal'; readonly pid: number; readonly signal: string; readonly group: boolean }
  /** Is anything left of the group? Answered by `emptied` or not at all. */
  | { readonly do: 'look'; readonly group: number }
  | { readonly do: 'recycle'; readonly why: string }
  | { readonly do: 'check' }
  /** A signal that ends nothing by our wish. */
  | { readonly do: 'tell'; readonly pid: number; readonly signal: string }
  /** A hook failed, to be said. */
  | { readonly do: 'complain'; readonly hook: Hook['name']; readonly why: string }

export interface Context {
  /** Monotonic ms. */
  readonly now: number
  /** Unix ms, only ever shown. */
  readonly wall: number
  /** From 0 to 1, for jitter. */
  readonly random: number
}

export interface Step {
  readonly next: Instance
  readonly effects: readonly Effect[]
}

/** An instance known to be in one of the named states. */
export type In<S extends At> = Instance & { readonly state: Extract<State, { at: S }> }

/** The moment at which the state wants its `deadline` event; null = it waits for nothing. Monotonic ms. */
export function deadlineOf({ state }: Instance): number | null {
  switch (state.at) {
    case 'stopped':
    case 'waiting':
    case 'standby':
      return null
    case 'starting':
    case 'stopping':
      return state.hook && isBeside(state) ? hookDue(state.hook) : state.deadline
    case 'running': {
      const due = earlier(state.heartbeatBy, state.recycleAt)
      return earlier(earlier(due, state.check?.due ?? null), state.hook ? hookDue(state.hook) : null)
    }
    case 'backoff':
      return state.left ? state.left.deadline : state.until
    case 'exited':
    case 'fatal':
      return state.left ? state.left.deadline : null
    default:
      return state satisfies never
  }
}

/** The process of this instance, or null when it has none. */
export function pidOf({ state }: Instance): number | null {
  return 'pid' in state ? state.pid : null
}

/** What is still to be made for it. */
export function owedOf({ state }: Instance): 'process' | 'hook' | null {
  if ('hook' in state && state.hook) return state.hook.pid === null ? 'hook' : null
  return state.at === 'starting' && state.pid === null ? 'process' : null
}

/** The group whose end it waits for, its process having ended; null = it waits for none. */
export function leftGroupOf({ state }: Instance): number | null {
  if (state.at === 'stopping') return state.pid === null && (!isBeside(state) || state.remains) ? state.group : null
  return 'left' in state ? (state.left?.group ?? null) : null
}

/** Running, by its own word ready, and not unhealthy. */
export const isReady = ({ state }: Instance): boolean =>
  state.at === 'running' && state.withdrawn === undefined && state.health !== 'failing'

/** An instance that has never run. */
export function newInstance(spec: Spec, slot: number, generation: number, wanted: 'up' | 'down'): Instance {
  return {
    program: spec.program,
    slot,
    generation,
    spec,
    wanted,
    state: { at: 'stopped' },
    restarts: 0,
    recycles: 0,
    row: 0,
    failures: 0,
    exit: null,
    reason: null,
  }
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b)
}
