// The quantiles against sorted lists, and the window.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { latencies, WINDOW_MS } from '../../src/worker/latency.ts'

test('each quantile is at most a bucket above the true one, and never below', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.02, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (times) => {
        const lately = latencies()
        for (const time of times) lately.add(time, 0)
        const sorted = times.toSorted((a, b) => a - b)
        const told = lately.told(0)
        for (const [share, got] of [
          [0.5, told?.p50Ms],
          [0.95, told?.p95Ms],
          [0.99, told?.p99Ms],
        ] as const) {
          const right = sorted[Math.ceil(times.length * share) - 1] ?? 0
          assert.ok(got !== undefined && got >= right * 0.994 && got <= right * 1.1, `${share}: ${got} for ${right}`)
        }
      },
    ),
  )
})

test('shorter than the first bucket and longer than the last are counted there', () => {
  const lately = latencies()
  lately.add(0, 0)
  assert.equal(lately.told(0)?.p99Ms, 0.01)
  lately.add(1e12, 0)
  assert.ok((lately.told(0)?.p99Ms ?? 0) > 9e6)
})

test('what is older than the window is forgotten, what is younger than half of it never', () => {
  const lately = latencies()
  assert.equal(lately.told(0), null)
  lately.add(100, 29_999)
  assert.notEqual(lately.told(29_999 + WINDOW_MS / 2), null)
  lately.add(1, 45_000)
  assert.ok((lately.told(59_999)?.p99Ms ?? 0) >= 100)
  assert.ok((lately.told(60_000)?.p99Ms ?? 100) < 2)
  assert.equal(lately.told(45_000 + WINDOW_MS), null)
})
