// How a process ends: what the kernel tells of it, what it leaves behind, and why it was asked to. Pure.

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
  /** When SIGKILL follows, and then when to look again. Monotonic ms. */
  readonly deadline: number
  /** How often SIGKILL has been sent. */
  readonly kills: number
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

/** Why a process is being stopped, which decides what comes after. */
export type StopCause =
  /** Somebody asked: stop, restart, a reload, scale-down, shutdown. */
  | { readonly kind: 'asked' }
  /** SIGKILL at once, whatever the grace. */
  | { readonly kind: 'killed' }
  /** The lease of its program is lost. */
  | { readonly kind: 'lost'; readonly reason: string }
  /** It ended by itself, and its post_stop comes first. */
  | { readonly kind: 'ended'; readonly end: Exited; readonly ranMs: number }
  /** Its checks failed. */
  | { readonly kind: 'unhealthy'; readonly reason: string; readonly ranMs: number }
  /** It was not ready in time: a failed start. */
  | { readonly kind: 'late'; readonly reason: string; readonly ranMs: number }
  /** Its heartbeat stopped. */
  | { readonly kind: 'silent'; readonly reason: string; readonly ranMs: number }
