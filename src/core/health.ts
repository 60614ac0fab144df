// Health as data: what is known of a running process by its checks, when the next one is due, and how that
// reads in words. Pure.

import { readyIn } from './readiness.ts'
import { forSlot, type Health, type HealthCheck, type Spec } from './spec.ts'

/** Where the checks of a running process stand. */
export interface Check {
  /** The next one is waited for, or is due and not begun yet, or runs. */
  readonly phase: 'waits' | 'owed' | 'asks'
  /** When the next one is due, or by when this one must have answered; null while it is owed. Monotonic ms. */
  readonly due: number | null
  /** Failed ones in a row. */
  readonly failures: number
  /** What the last one found; null = all was well, or there was none. */
  readonly error: string | null
  /** When the last one ended. Unix ms; null = there was none. */
  readonly at: number | null
}

/** Processes that began together do not ask together for ever. */
const EARLIER_SHARE = 0.1

/** No check has been made yet. */
export function firstCheck({ health }: Spec, now: number, random: number): Check | null {
  return health ? { phase: 'waits', due: nextAt(health, now, random), failures: 0, error: null, at: null } : null
}

/** A silence is looked for no later than when it could be long enough. */
export function nextAt({ check, intervalMs }: Health, now: number, random: number): number {
  const ms = check.kind === 'silence' ? Math.min(intervalMs, check.ms) : intervalMs
  return now + ms * (1 - EARLIER_SHARE * random)
}

/** A silence is long enough by itself; anything else must fail so often in a row. */
export const failuresOf = ({ check, failures }: Health): number => (check.kind === 'silence' ? 1 : failures)

/** The same in a slot. */
export function checkIn(check: HealthCheck, slot: number): HealthCheck {
  return check.kind === 'silence' ? check : (readyIn(check, slot) as HealthCheck)
}

/** What is asked, as it is written: `http://127.0.0.1:8000/healthz`. */
export function checkText(check: HealthCheck, slot: number): string {
  switch (check.kind) {
    case 'tcp':
      return `tcp:${forSlot(check.address, slot)}`
    case 'http':
      return forSlot(check.url, slot)
    case 'exec':
      return `exec:${check.argv.map((word) => forSlot(word, slot)).join(' ')}`
    case 'silence':
      return `log-silence:${check.ms / 1000}s`
    default:
      return check satisfies never
  }
}

/** `http://127.0.0.1:8000/healthz answered 503`, `tcp:127.0.0.1:8000: ECONNREFUSED` */
export function foundText(check: HealthCheck, slot: number, finding: string): string {
  if (check.kind === 'silence') return finding
  return finding.startsWith('answered')
    ? `${checkText(check, slot)} ${finding}`
    : `${checkText(check, slot)}: ${finding}`
}

/** `unhealthy: http://127.0.0.1:8000/healthz answered 503, 3 of 3` */
export function unhealthy(health: Health, { failures, error }: Check): string {
  const limit = failuresOf(health)
  const count = limit === 1 ? '' : `, ${Math.min(failures, limit)} of ${limit}`
  return `unhealthy: ${error ?? 'a check failed'}${count}`
}
