// Streams of processes that have ended, whose last bytes wait for a log that cannot be written. Each holds a descriptor,
// and a program that is started again and again leaves one more each time: so there is an end to it. The oldest goes.

/** Of one program. */
const MOST = 32

export interface EndedStreams {
  /** One more waits, or still does; `drop` ends it. */
  waits(program: string, id: string, drop: () => void): void
  /** It has come to its end. */
  over(program: string, id: string): void
}

export function endedStreams(): EndedStreams {
  const waiting = new Map<string, Map<string, () => void>>()
  return {
    waits(program, id, drop) {
      const all = waiting.get(program) ?? new Map<string, () => void>()
      waiting.set(program, all)
      if (all.has(id)) return
      all.set(id, drop)
      const [oldest] = all
      if (all.size > MOST) oldest?.[1]()
    },
    over(program, id) {
      const all = waiting.get(program)
      all?.delete(id)
      if (all?.size === 0) waiting.delete(program)
    },
  }
}
