// Whose call is worked on next. All connections share one thread with the processes: a client that sends a thousand
// calls at once, or a batch of them, may not keep the others waiting until the last is answered. So calls wait in a
// place for each connection, connections take turns, and after some ms the loop is given back to everybody else.
// The calls of one connection are begun in the order in which they came.

import type { Clock } from '../core/ports.ts'

export type Work = () => Promise<unknown>

export interface Turns {
  /** Of one connection. While `mayBegin` says no, nothing of it is begun. */
  place(mayBegin?: () => boolean): Place
}

export interface Place {
  /** Begun after everything else that waits here. It must not reject. */
  add(work: Work): void
  /** Begun before everything else that waits here: parts of what has been begun. Must not reject. */
  addFirst(works: readonly Work[]): void
  /** It may begin again, perhaps. */
  wake(): void
  /** Not begun yet. */
  readonly waiting: number
}

/** What comes in meanwhile waits so long at most, and one call longer. */
const TURN_MS = 5

interface Waiting {
  readonly works: Work[]
  readonly mayBegin: () => boolean
  /** Among those that are due. */
  due: boolean
}

export function turnsOf(clock: Clock): Turns {
  /** Places where something waits that may begin; the first is next. */
  const due: Waiting[] = []
  let running = false
  /** The loop's next round; all calls of this one share the wait for it. */
  let next: Promise<void> | null = null

  const round = (): Promise<void> => {
    next ??= new Promise((done) =>
      clock.soon(() => {
        next = null
        done()
      }),
    )
    return next
  }

  const enter = (place: Waiting): void => {
    if (place.due || place.works.length === 0) return
    place.due = true
    due.push(place)
    if (!running) void run()
  }

  const run = async (): Promise<void> => {
    running = true
    let begun = clock.now()
    for (let place = due.shift(); place; place = due.shift()) {
      place.due = false
      if (!place.mayBegin()) continue // it is woken when it may
      const work = place.works.shift()
      enter(place)
      // A call that only looks is answered before the loop goes round; one that waits for something is not waited for.
      if (work) await Promise.race([work(), round()])
      if (clock.now() - begun < TURN_MS) continue
      await round()
      begun = clock.now()
    }
    running = false
  }

  return {
    place(mayBegin = () => true) {
      const place: Waiting = { works: [], mayBegin, due: false }
      return {
        add(work) {
          place.works.push(work)
          enter(place)
        },
        addFirst(works) {
          place.works.unshift(...works)
          enter(place)
        },
        wake: () => enter(place),
        get waiting() {
          return place.works.length
        },
      }
    },
  }
}
