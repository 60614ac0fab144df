// Programs with a schedule: when the clock is looked at, and what a look leads to. What time it is next, and
// whether one was missed, core/timetable.ts says.

import { look, newTimetable, rest } from '../core/timetable.ts'
import type { Entry } from './entry.ts'
import type { Office } from './orders.ts'
import type { Ports } from './ports.ts'
import { beginRun, isBusy } from './runs.ts'

export interface TimeParts extends Office {
  readonly ports: Ports
}

/** At each change of a program, and when its timetable asks for it. @param isOver the master is on its way out */
export function keepTime(entry: Entry, { ports, all, deskOf }: TimeParts, isOver: boolean): void {
  const { name: program, spec, wanted, removed } = entry
  const { schedule } = spec
  if (!schedule) {
    delete entry.timetable
    return
  }
  const { clock, log, nextRun } = ports
  const before = entry.timetable ?? newTimetable
  const follows = wanted === 'up' && !removed && !isOver
  const moment = { now: clock.now(), wall: clock.wall() }
  const looked = follows ? look(before, schedule, moment, isBusy(entry), nextRun) : rest(before)
  const { found, at, timetable } = looked
  entry.timetable = timetable
  if (found === null) return
  const next = timetable.waits?.next ?? null
  const facts = { program, at: iso(at), next: iso(next) }
  if (found === 'due') log.info(facts, 'a run by schedule begins')
  if (found === 'skipped') log.warn(facts, 'a run by schedule is skipped: the last one is still under way')
  if (found === 'missed') log.warn(facts, 'a run by schedule was missed, and is not made up for')
  all.notice({ kind: 'schedule', program, found, at, next })
  if (found === 'due') for (const { slot } of entry.instances) beginRun(deskOf(entry), slot)
}

const iso = (wall: number | null): string | null => (wall === null ? null : new Date(wall).toISOString())
