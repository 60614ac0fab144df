// When a program with a schedule runs next, and what became of the runs that did not begin. Pure.
//
// A schedule speaks of the wall clock, and that one may be set, or go on while the machine sleeps and nothing of
// ours does. So it is looked at again after a minute at the latest, and only while a program waits for its time.
// A run may begin a minute late: after a stall, a restart of the master, a small step of the clock. Later than
// that it was missed, which is said, and not made up for.

import type { Schedule } from './spec.ts'

const MINUTE_MS = 60_000

/** The first moment after `after` at which it runs, both Unix ms; null = never again. Pure, given to us from outside. */
export type NextRun = (schedule: Schedule, after: number) => number | null

export interface Timetable {
  /** null = it is stopped, and waits for nothing. */
  readonly waits: Waits | null
  /** Runs that were due while one was under way. */
  readonly skipped: number
  /** Times that passed unseen; a row of them counts once. */
  readonly missed: number
}

export interface Waits {
  /** What it follows. */
  readonly schedule: Schedule
  /** Wall clock, Unix ms; null = never again. */
  readonly next: number | null
  /** When the wall clock is looked at again. Monotonic ms. */
  readonly lookAt: number
  /** Wall clock less monotonic: where that differs at the next look, the clock was set, or the machine slept. */
  readonly ahead: number
}

export interface Moment {
  /** Monotonic ms. */
  readonly now: number
  /** Unix ms. */
  readonly wall: number
}

/** What a look has found. `set`: another time is the next one now. */
export type Found = 'due' | 'skipped' | 'missed' | 'set'

export interface Looked {
  readonly timetable: Timetable
  readonly found: Found | null
  /** The time that is due, skipped or missed. */
  readonly at: number | null
}

export const newTimetable: Timetable = { waits: null, skipped: 0, missed: 0 }

/** It waits for nothing any more. */
export function rest(timetable: Timetable): Looked {
  const found = timetable.waits === null ? null : 'set'
  return { timetable: found ? { ...timetable, waits: null } : timetable, found, at: null }
}

/** A look at the clock: what is to be done, and when to look again. @param isBusy a run is under way */
export function look(timetable: Timetable, schedule: Schedule, m: Moment, isBusy: boolean, nextRun: NextRun): Looked {
  const { waits } = timetable
  const anew = (): Waits => waitFor(schedule, nextRun(schedule, m.wall), m)
  if (waits === null || !isSame(waits.schedule, schedule)) {
    return { timetable: { ...timetable, waits: anew() }, found: 'set', at: null }
  }
  const { next } = waits
  if (next !== null && m.wall >= next) {
    const found = m.wall - next > MINUTE_MS ? 'missed' : isBusy ? 'skipped' : 'due'
    const counted = found === 'due' ? {} : { [found]: timetable[found] + 1 }
    return { timetable: { ...timetable, ...counted, waits: anew() }, found, at: next }
  }
  const wasSetBack = m.wall - m.now < waits.ahead - MINUTE_MS
  const again = wasSetBack ? anew() : waitFor(schedule, next, m)
  return { timetable: { ...timetable, waits: again }, found: again.next === next ? null : 'set', at: null }
}

function waitFor(schedule: Schedule, next: number | null, { now, wall }: Moment): Waits {
  const ms = next === null ? MINUTE_MS : Math.min(MINUTE_MS, Math.max(1, next - wall))
  return { schedule, next, lookAt: now + ms, ahead: wall - now }
}

const isSame = (a: Schedule, b: Schedule): boolean => a.cron === b.cron && a.timezone === b.timezone
