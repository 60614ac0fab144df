// Every wait of every instance: which deadlines have passed, and the one alarm for the earliest of all.

import { deadlineOf, type Instance } from '../core/state.ts'
import type { Entry } from './entry.ts'
import type { Instances } from './instances.ts'
import type { Due } from './lookout.ts'
import type { Ports } from './ports.ts'

export class Deadlines {
  readonly #all: Instances
  readonly #ports: Ports
  readonly #turn: () => void
  /** The clock says that a deadline has come. */
  #alarmed = false
  #cancelAlarm: (() => void) | null = null
  /** Programs that themselves wait for a time. */
  readonly #timed = new Set<Entry>()

  /** `turn` is called when a deadline has come. */
  constructor(all: Instances, ports: Ports, turn: () => void) {
    this.#all = all
    this.#ports = ports
    this.#turn = turn
  }

  /** Tells each instance whose deadline has passed; was there any? */
  pass(): boolean {
    const now = this.#ports.clock.now()
    let any = false
    for (const entry of this.#timed) {
      if (entry.lingersUntil !== null && entry.lingersUntil <= now) {
        entry.lingersUntil = null
        this.#all.touched.add(entry)
        any = true
      }
      if ((entry.timetable?.waits?.lookAt ?? now + 1) <= now) {
        this.#all.touched.add(entry) // looked at when it is settled
        any = true
      }
    }
    for (const due of this.#all.lookout.take(now)) {
      const i = this.#standing(due)
      if (!i) continue
      if (this.#alarmed || judgesNobody(i)) {
        any = true
        this.#all.tell(i, { type: 'deadline' })
      }
      if (this.#standing(due)) this.#all.lookout.keep(due)
    }
    return any
  }

  /** A program has been settled: does it wait for a time? */
  settled(entry: Entry): void {
    const isTimed = entry.lingersUntil !== null || (entry.timetable?.waits ?? null) !== null
    if (isTimed && this.#all.entries.get(entry.name) === entry) this.#timed.add(entry)
    else this.#timed.delete(entry)
  }

  /** Whose deadline it still is. */
  #standing({ whose, at }: Due): Instance | null {
    const i = this.#all.find(whose)
    return i && deadlineOf(i) === at ? i : null
  }

  /** At the end of a turn of the supervisor. */
  arm(): void {
    this.#alarmed = false
    this.#cancelAlarm?.()
    this.#cancelAlarm = null
    let earliest = this.#all.lookout.earliest((due) => this.#standing(due) !== null) ?? Number.POSITIVE_INFINITY
    for (const entry of this.#timed) {
      const lookAt = entry.timetable?.waits?.lookAt
      earliest = Math.min(earliest, entry.lingersUntil ?? earliest, lookAt ?? earliest)
    }
    if (earliest === Number.POSITIVE_INFINITY) return
    this.#cancelAlarm = this.#ports.clock.alarm(earliest, () => {
      this.#alarmed = true
      this.#turn()
    })
  }
}

/**
 * Deadlines that may pass in any turn. All others judge a process (it is late, it is silent, it does not end),
 * and wait for the clock's alarm: after a stall of the master (SIGSTOP, suspend) that one lets what was said
 * meanwhile be heard first.
 */
function judgesNobody({ state, spec }: Instance): boolean {
  if (state.at === 'starting') return !state.hook && spec.ready.kind === 'time' && spec.startMs === 0
  return state.at === 'backoff' && state.left === null
}
