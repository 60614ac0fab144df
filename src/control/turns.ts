// Whose call is worked on next. All connections share one thread with the processes: a client that sends a thousand
// calls at once, or a batch of them, may not keep the others waiting until the last is answered. So calls wait in a
// place for each connection, connections take turns, and after some ms the loop is given back to everybody else.
// The calls of one connection are begun in the order in which they came.

import type { Clock } from '../core/ports.ts'

export type Work = () => Promise<unknown>

export interface Turns {
  /** Of one connection. */
  place(): Place
}

export interface Place {
  /** Begun after everything else that waits here. It must not reject. */
  add(work: Work): void
  /** Begun before everything else that waits here: parts of what has been begun. Must not reject. */
  addFirst(works: readonly Work[]): void
  /** Not begun yet. */
  readonly waiting: number
}

/** What comes in meanwhile waits so long at most, and one call longer. */
const TURN_MS = 5

export function turnsOf(clock: Clock): Turns {
  /** Places where something waits; the first is next. */
  const due: Work[][] = []
  let running = false

  const run = async (): Promise<void> => {
    running = true
    let begun = clock.now()
    for (let place = due.shift(); place; place = due.shift()) {
      const work = place.shift()
      if (place.length > 0) due.push(place)
      // A call that only looks is answered before the loop goes round; one that waits for something is not waited for.
      if (work) await Promise.race([work(), round(clock)])
      if (clock.now() - begun < TURN_MS) continue
      await round(clock)
      begun = clock.now()
    }
    running = false
  }

  return {
    place() {
      const works: Work[] = []
      const change = (put: () => void): void => {
        const idle = works.length === 0
        put()
        if (idle && works.length > 0) due.push(works)
        if (!running) void run()
      }
      return {
        add: (work) => change(() => works.push(work)),
        addFirst: (first) => change(() => works.unshift(...first)),
        get waiting() {
          return works.length
        },
      }
    },
  }
}

const round = (clock: Clock): Promise<void> => new Promise((done) => clock.soon(done))
