// Programs that have changed are settled, at each rest of the mailbox: counts reconciled, instances that are done with
// forgotten, operations asked whether they are done, sockets and locks kept. Where only the course of processes has changed,
// as at most times, what depends on counts and wishes alone is as it was, and is not asked again.

import { forgettable, reconcile } from '../core/program.ts'
import type { Deadlines } from './deadlines.ts'
import type { Entry } from './entry.ts'
import { keepShared } from './standby.ts'
import { keepTime, type TimeParts } from './timetables.ts'

export function settle(parts: TimeParts, deadlines: Deadlines, isStopping: boolean): void {
  const { all } = parts
  const whole = [...all.touched]
  const rest = [...all.lookout.routine].filter((entry) => !all.touched.has(entry))
  all.touched.clear()
  all.lookout.routine.clear()
  for (const entry of whole) settleOne(entry, true)
  for (const entry of rest) settleOne(entry, false)

  function settleOne(entry: Entry, isWhole: boolean): void {
    const desk = parts.deskOf(entry)
    if (isWhole && !isStopping) desk.carryOut(reconcile(entry), 'count')
    if (isWhole) for (const i of forgettable(entry)) all.forget(entry, i)
    entry.queue.advance(desk)
    keepTime(entry, parts, isStopping)
    deadlines.settled(entry)
    all.recording.program(entry)
    if (isWhole) keepShared(entry, all, parts.ports)
    if (entry.removed && entry.instances.length === 0) all.programGone(entry)
  }
}
