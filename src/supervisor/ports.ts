// The supervisor's share of the world: what it is given when it is made.

import type { Clock, Launcher, Signals } from '../core/ports.ts'

export interface Log {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
}

export interface Ports {
  readonly clock: Clock
  readonly launcher: Launcher
  readonly signals: Signals
  readonly log: Log
  /** From 0 to 1. */
  readonly random: () => number
}
