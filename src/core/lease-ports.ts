// What the leases of programs need of the world.

import type { Hold, LeaseCall, LeaseReply } from './lease-state.ts'
import type { LeaseSpec, Spec } from './spec.ts'

/** etcd, or what speaks as it does. */
export interface LeaseServer {
  /** Answers once, later. What is not answered within `ms` has failed. */
  ask(at: LeaseSpec, call: LeaseCall, ms: number, answer: (answer: LeaseReply) => void): void
  /** Lets the lease go, and the key with it; `done` is called when that is so, or cannot be. */
  revoke(at: LeaseSpec, lease: string, done: () => void): void
}

/** What ends the processes of a lease even where we cannot: we may be stopped, or killed. */
export interface Fuses {
  /** Processes of the program with that fence may live until then; asked to end somewhat earlier. Throws a system error. */
  arm(program: string, hold: Hold, times: { readonly stopAt: number; readonly killAt: number }, spec: Spec): void
  disarm(program: string, fence: string): void
  /** Of an earlier master. */
  left(program: string): Hold | null
}
