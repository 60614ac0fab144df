// Random choices that one seed repeats.

export interface Dice {
  /** A whole number from 0, below the limit. */
  below(limit: number): number
  chance(percent: number): boolean
  pick<T>(of: readonly T[]): T
}

/** mulberry32: small, and good enough for choices. */
export function dice(seed: number): Dice {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    below,
    chance: (percent) => next() * 100 < percent,
    pick: (of) => of[below(of.length)] as (typeof of)[number],
  }
}
