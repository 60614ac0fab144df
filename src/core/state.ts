// What an instance is and can be: its states with the data each carries, what can happen to it, and
// what the world owes it. Pure types and the few questions that only look at a state.
// Times are monotonic ms unless a comment says wall clock. The table that moves it is instance.ts.

import type { Spec } from './spec.ts'

/** How the last process of the slot ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: string | null
  /** Wall clock, Unix ms. */
  readonly at: number
  readonly expected: boolean
  /** We sent SIGKILL because the grace was over. */
  readonly forced: boolean
  /** Wall clock of its spawn; absent in a record of a master that did not note it. */
  readonly startedAt?: number
  readonly oom?: boolean | null // killed for want of memory; null or absent = not known
}

/** What is left of a process's group after the process itself has ended by itself. */
export interface Leftovers {
  readonly group: number
  readonly deadline: number // when SIGKILL follows, and then when to look again, in monotonic ms
  readonly kills: number // how often SIGKILL has been sent
}

export type Withdrawn = 'reloading' | 'stopping'

/** Why a process is being stopped, which decides what comes after. */
export type StopCause =
  /** Somebody asked: stop, restart, a reload, scale-down, shutdown. */
  | { readonly kind: 'asked' }
  /** It was not ready in time: a failed start. */
  | { readonly kind: 'late'; readonly reason: string; readonly ranMs: number }
  /** Its heartbeat stopped. */
  | { readonly kind: 'silent'; readonly reason: string; readonly ranMs: number }

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
      /** null until the spawn has happened. */
      readonly pid: number | null
      readonly since: number
      /** Wall clock of the spawn. */
      readonly startedAt: number
      readonly deadline: number | null
      /** What the worker said about a failing boot. */
      readonly said: string | null
      /** Why the last look found it not ready yet. */
      readonly missed?: string
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
      /** What its health check says; absent where there is none, or none has ended yet. */
      readonly health?: 'passing' | 'failing'
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

/** An end as the kernel tells it; signals with SIG, as everywhere. */
export interface Exited extends Pick<Exit, 'oom'> {
  readonly code: number | null
  readonly signal: string | null
  /** Others of its group live on. */
  readonly left: boolean
  /** What was known before the end: the worker's own word, or why we ended it. */
  readonly why?: string
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
  /** Nothing is left of the group. */
  | { readonly type: 'emptied' }
  /** An earlier master was killed between the wish to end it and the signals. */
  | { readonly type: 'untold' }
  | { readonly type: 'deadline' }
  /** A planned replacement did not come about: ask again at `at`. */
  | { readonly type: 'recycleLater'; readonly at: number }

export type Effect =
  | { readonly do: 'spawn' }
  | { readonly do: 'signal'; readonly pid: number; readonly signal: string; readonly group: boolean }
  /** Is anything left of the group? Answered by `emptied` or not at all. */
  | { readonly do: 'look'; readonly group: number }
  | { readonly do: 'recycle'; readonly why: string }

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
      return state.deadline
    case 'running':
      return earlier(state.heartbeatBy, state.recycleAt)
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

/** The group whose end it waits for, its process having ended; null = it waits for none. */
export function leftGroupOf({ state }: Instance): number | null {
  if (state.at === 'stopping') return state.pid === null ? state.group : null
  return 'left' in state ? (state.left?.group ?? null) : null
}

/** Running, and by its own word ready. */
export const isReady = ({ state }: Instance): boolean => state.at === 'running' && state.withdrawn === undefined

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
