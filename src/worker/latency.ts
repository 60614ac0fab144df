// How long requests took, lately: counts in buckets of a fixed number, each 9 % wider than the one
// below it, for the running half-minute and the one before. Costs one addition a request and 3 KB.
// It must not read a clock: the caller says what time it is.

import type { Latency } from './protocol.ts'

const HALF_WINDOW_MS = 30_000
/** After so long without a request there is nothing to tell. */
export const WINDOW_MS = 2 * HALF_WINDOW_MS

const PER_DOUBLING = 8
const SHORTEST_MS = 0.01
/** Up to 2.9 hours; what took longer counts as that. */
const BUCKETS = 30 * PER_DOUBLING

export interface Latencies {
  add(tookMs: number, nowMs: number): void
  /** Of the last 30 to 60 seconds; null when nothing ended in them. */
  told(nowMs: number): Latency | null
}

export function latencies(): Latencies {
  let current = new Uint32Array(BUCKETS)
  let former = new Uint32Array(BUCKETS)
  let half = 0

  const turn = (nowMs: number): void => {
    const now = Math.floor(nowMs / HALF_WINDOW_MS)
    if (now === half) return
    ;[former, current] = [current, former]
    current.fill(0)
    if (now > half + 1) former.fill(0)
    half = now
  }

  return {
    add(tookMs, nowMs) {
      turn(nowMs)
      const at = bucketOf(tookMs)
      current[at] = (current[at] ?? 0) + 1
    },
    told(nowMs) {
      turn(nowMs)
      const counts = current.map((count, at) => count + (former[at] ?? 0))
      const all = counts.reduce((sum, count) => sum + count, 0)
      if (all === 0) return null
      const quantile = (share: number): number => {
        let left = Math.ceil(all * share)
        const at = counts.findIndex((count) => {
          left -= count
          return left <= 0
        })
        return Number(upperMs(at).toPrecision(3))
      }
      return { p50Ms: quantile(0.5), p95Ms: quantile(0.95), p99Ms: quantile(0.99) }
    },
  }
}

const bucketOf = (ms: number): number =>
  ms <= SHORTEST_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log2(ms / SHORTEST_MS) * PER_DOUBLING))

const upperMs = (bucket: number): number => SHORTEST_MS * 2 ** (bucket / PER_DOUBLING)
