// What a lease may be, what happens to it and what follows, and its times. The table of it is lease.ts. Pure.

/** Between the speeds of our clock and the server's, as a share. */
export const DRIFT = 0.01
/** From the last moment at which a process may be ended to that at which the lease may: for the kernel to do so. */
export const MARGIN_MS = 1_000
/** What a lease must be longer than graceful_timeout: the margins, and time to renew it again where one answer is lost. */
export const LEAST_SLACK_MS = 3_000
/** What we have of the server. */
export interface Hold {
  /** The lease's id. */
  readonly lease: string
  /** Revision at which the key was created: it grows from holder to holder. */
  readonly fence: string
  readonly ttlMs: number
  /** When the request was sent that the server has last answered with yes. Monotonic ms. */
  readonly renewed: number
}

export interface Ask {
  readonly n: number
  readonly sent: number
  /** Not waited for any longer. */
  readonly by: number
}

export type LeaseState =
  /** Nobody needs it. */
  | { readonly at: 'idle' }
  | { readonly at: 'looking'; readonly ask: Ask }
  | { readonly at: 'granting'; readonly ask: Ask }
  | {
      readonly at: 'creating'
      readonly ask: Ask
      readonly lease: string
      readonly ttlMs: number
      readonly granted: number
    }
  /** Another has it, or nobody could be asked. */
  | { readonly at: 'waiting'; readonly until: number }
  | {
      readonly at: 'held'
      readonly hold: Hold
      readonly ask: Ask | null
      readonly due: number
      readonly trouble: string | null
    }
  /** It is lost, or will be: processes are ended, and nothing is made before `until`. */
  | { readonly at: 'losing'; readonly hold: Hold; readonly until: number; readonly why: string }

export interface Lease {
  /** Requests so far: an answer to an older one means nothing any more. */
  readonly asks: number
  readonly state: LeaseState
}

export type LeaseEvent =
  /** A process of the program is to be made. */
  | { readonly type: 'want' }
  /** Nothing of the program lives here, and nothing shall. */
  | { readonly type: 'release' }
  | { readonly type: 'deadline' }
  /** An earlier master, or program of this process, had it. */
  | { readonly type: 'adopted'; readonly hold: Hold }
  | LeaseAnswer

/** Each to the request of that number. */
export type LeaseAnswer = { readonly n: number } & LeaseReply

export type LeaseReply =
  | { readonly type: 'free' }
  | { readonly type: 'taken'; readonly by: string }
  | { readonly type: 'granted'; readonly lease: string; readonly ttlMs: number }
  | { readonly type: 'created'; readonly fence: string }
  | { readonly type: 'renewed' }
  /** The lease is no more, or the key is another's. */
  | { readonly type: 'gone'; readonly why: string }
  | { readonly type: 'failed'; readonly why: string }

export type LeaseCall =
  | { readonly do: 'look' }
  | { readonly do: 'grant' }
  | { readonly do: 'create'; readonly lease: string }
  | { readonly do: 'renew'; readonly lease: string; readonly fence: string }

export type LeaseEffect =
  | { readonly do: 'ask'; readonly n: number; readonly call: LeaseCall; readonly ms: number }
  /** Its answer is not waited for: without it the lease ends by itself. */
  | { readonly do: 'revoke'; readonly lease: string }
  /** Processes may live until then, whatever becomes of us. Before anything else that follows. */
  | { readonly do: 'arm'; readonly hold: Hold }
  | { readonly do: 'disarm'; readonly fence: string }
  /** To those who wait. */
  | { readonly do: 'got' }
  | { readonly do: 'standBy'; readonly of: string | null; readonly why: string }
  /** To all processes: end. `now`: the lease may have gone already. */
  | { readonly do: 'lost'; readonly why: string; readonly now: boolean }

export interface LeaseContext {
  readonly now: number
  /** graceful_timeout of the program. */
  readonly stopMs: number
  /** Somebody waits for it. */
  readonly awaited: boolean
}

export interface LeaseStep {
  readonly next: Lease
  readonly effects: readonly LeaseEffect[]
}

export const noLease: Lease = { asks: 0, state: { at: 'idle' } }

/** By then no process may live. */
export const killAt = ({ renewed, ttlMs }: Hold): number => renewed + ttlMs * (1 - DRIFT) - MARGIN_MS

/** Then they are asked to end. */
export const stopAt = (hold: Hold, stopMs: number): number => killAt(hold) - stopMs

/** Two renewals may be lost before the third is too late. */
export const everyMs = (hold: Hold, stopMs: number): number => Math.max(100, (stopAt(hold, stopMs) - hold.renewed) / 3)

/** May a process be made? Asked of the clock, not of the state: a deadline may have passed unheard. */
export const isHeld = ({ state }: Lease, { now, stopMs }: Pick<LeaseContext, 'now' | 'stopMs'>): boolean =>
  state.at === 'held' && now < stopAt(state.hold, stopMs)

/** When it wants its `deadline`; null = it waits for nothing. */
export function leaseDeadline({ state }: Lease, stopMs: number): number | null {
  switch (state.at) {
    case 'idle':
      return null
    case 'looking':
    case 'granting':
    case 'creating':
      return state.ask.by
    case 'waiting':
    case 'losing':
      return state.until
    case 'held':
      return Math.min(stopAt(state.hold, stopMs), state.ask?.by ?? state.due)
    default:
      return state satisfies never
  }
}
