// When each process was last heard: what it has printed since is taken from its pipes, or waits there because its
// log cannot be written now.

import type { Clock } from '../core/ports.ts'

/** Of one stream. */
export interface Hearing {
  /** Bytes were taken from its pipe. */
  heard(): void
  ended(): void
}

export interface Heard {
  /**
   * A stream of the process with this token.
   * @param waiting bytes in its pipe now
   */
  listen(token: string, waiting: () => number): Hearing
  /** How long none of its streams has told anything, in ms; null = it has none. */
  quietFor(token: string): number | null
}

interface Ear {
  at: number
  /** Bytes that waited when somebody asked last. */
  waited: number
  readonly waiting: () => number
}

export function heardBy(clock: Clock): Heard {
  const ears = new Map<string, Set<Ear>>()
  return {
    listen(token, waiting) {
      const ear: Ear = { at: clock.now(), waited: 0, waiting }
      const its = ears.get(token) ?? new Set()
      ears.set(token, its.add(ear))
      return {
        heard() {
          ear.at = clock.now()
        },
        ended() {
          its.delete(ear)
          if (its.size === 0) ears.delete(token)
        },
      }
    },
    quietFor(token) {
      const its = ears.get(token)
      if (!its) return null
      const now = clock.now()
      for (const ear of its) {
        const waits = ear.waiting()
        if (waits !== ear.waited) ear.at = now
        ear.waited = waits
      }
      return now - Math.max(...[...its].map(({ at }) => at))
    },
  }
}
