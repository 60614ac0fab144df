// What must be looked at without being asked: instances by the time at which something is due, the earliest first,
// programs of which an instance may wait for others, and programs of which nothing but the course of a process has changed.
// So a death among ten thousand looks at none of the others.

import TinyQueue from 'tinyqueue'
import type { Spec } from '../core/spec.ts'
import { rests } from '../core/standby.ts'
import { deadlineOf, type Instance } from '../core/state.ts'
import { type Address, addressOf, type Entry, sameAddress } from './entry.ts'

/** Stays in the queue when its instance has another deadline by now: whoever takes it out sees that. */
export interface Due {
  readonly at: number
  /** Of two at one time the one that was noted first comes first. */
  readonly serial: number
  readonly whose: Address
}

export class Lookout {
  /** Those none of whose instances waits any more are taken out by whoever looks. */
  readonly waiting = new Set<Entry>()
  /** Their slots, wishes and settings are what they were. */
  readonly routine = new Set<Entry>()
  readonly #due = new TinyQueue<Due>([], (a, b) => a.at - b.at || a.serial - b.serial)
  #serial = 0

  /** The instance is new here, or has changed. Was that routine? */
  note(entry: Entry, before: Instance | null, after: Instance): boolean {
    if (after.state.at === 'waiting') this.waiting.add(entry)
    const at = deadlineOf(after)
    const stands = before !== null && deadlineOf(before) === at && sameAddress(before, after)
    if (at !== null && !stands) this.#due.push({ at, serial: ++this.#serial, whose: addressOf(after) })
    const routine = before !== null && !isShared(entry.spec) && isRoutine(before, after)
    if (routine) this.routine.add(entry)
    return routine
  }

  /** Takes out what is due by then, in order. */
  take(now: number): Due[] {
    const due: Due[] = []
    for (let first = this.#due.peek(); first && first.at <= now; first = this.#due.peek()) {
      due.push(first)
      this.#due.pop()
    }
    return due
  }

  /** It is due still. */
  keep(due: Due): void {
    this.#due.push(due)
  }

  /** When the first is due that still stands; the others before it are forgotten. */
  earliest(stands: (due: Due) => boolean): number | null {
    for (let first = this.#due.peek(); first; first = this.#due.peek()) {
      if (stands(first)) return first.at
      this.#due.pop()
    }
    return null
  }
}

const isShared = ({ singleInstance, listeners }: Spec): boolean => singleInstance === true || listeners.length > 0

/** Nothing that slots are counted by, forgotten by, or given sockets and locks by has changed. */
function isRoutine(before: Instance, after: Instance): boolean {
  if (before.wanted !== after.wanted || before.spec !== after.spec || !sameAddress(before, after)) return false
  if (isShared(after.spec)) return false
  return rests(before) === rests(after) && before.state.at !== 'stopped' && after.state.at !== 'stopped'
}
