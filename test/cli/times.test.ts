// Times as people write them behind --since and --timeout.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { moment, secondsOf } from '../../cli/times.ts'

const now = Date.parse('2026-11-28T12:00:00Z')
/** Without a zone a time is this machine's. */
const local = (text: string): number => new Date(text).getTime()

test('how long ago, or when', () => {
  for (const [text, expected] of [
    ['90', now - 90_000],
    ['500ms', now - 500],
    ['10m', now - 600_000],
    [' 1.5h ', now - 5_400_000],
    ['2d', now - 172_800_000],
    ['2026-11-28T10:00Z', Date.parse('2026-11-28T10:00:00Z')],
    ['2026-11-28 10:00:01.5z', Date.parse('2026-11-28T10:00:01.500Z')],
    ['2026-11-28T10:00+02:00', Date.parse('2026-11-28T08:00:00Z')],
    ['2026-11-28', local('2026-11-28T00:00')],
    ['2026-11-28T10:00', local('2026-11-28T10:00')],
  ] as const) {
    assert.equal(moment('--since', text, now), expected, text)
  }
  for (const text of ['', 'yesterday', '10 minutes', '2026-13-01', '2026-11-28T25:00', '10:00', '-5m', '1e3']) {
    assert.throws(() => moment('--since', text, now), /cannot read --since ".*": wanted how long ago/, text)
  }
  assert.deepEqual([secondsOf('5m'), secondsOf('5 m'), secondsOf('m')], [300, 300, null])
})
