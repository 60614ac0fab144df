// When a program with a schedule runs: late, missed and skipped runs, clocks that are set, and what a look promises
// whatever the clock does.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { look, newTimetable, rest, type Timetable } from '../../src/core/timetable.ts'

const HOUR = 3_600_000
const every = (ms: number) => ({ cron: String(ms), timezone: null })
const nextRun = ({ cron }: { readonly cron: string }, after: number): number =>
  (Math.floor(after / Number(cron)) + 1) * Number(cron)

interface Look {
  /** Monotonic ms since the last look. */
  readonly after: number
  /** By so much the clock was set meanwhile. */
  readonly set?: number
  readonly busy?: boolean
}

/** Looks one after another at an hourly schedule, beginning on the hour; what each has found. */
function looks(...all: readonly Look[]): { readonly found: unknown[]; readonly last: Timetable } {
  const hourly = every(HOUR)
  let now = 0
  let wall = 10 * HOUR
  let { timetable } = look(newTimetable, hourly, { now, wall }, false, nextRun)
  const found = all.map(({ after, set = 0, busy = false }) => {
    now += after
    wall += after + set
    const looked = look(timetable, hourly, { now, wall }, busy, nextRun)
    timetable = looked.timetable
    const at = looked.at === null ? '' : ` ${looked.at / HOUR}`
    return `${looked.found}${at}, next ${(timetable.waits?.next ?? 0) / HOUR}`
  })
  return { found, last: timetable }
}

test('its time comes', () => {
  assert.deepEqual(looks({ after: 1000 }, { after: HOUR - 1000 }).found, ['null, next 11', 'due 11, next 12'])
})

test('a minute late it still runs, later it is missed, and said once however many there were', () => {
  assert.deepEqual(looks({ after: HOUR + 60_000 }).found, ['due 11, next 12'])
  const { found, last } = looks({ after: HOUR + 60_001 }, { after: 1000 }, { after: 5 * HOUR })
  assert.deepEqual(found, ['missed 11, next 12', 'null, next 12', 'missed 12, next 17'])
  assert.deepEqual([last.missed, last.skipped], [2, 0])
})

test('while a run is under way it is skipped', () => {
  const { found, last } = looks({ after: HOUR, busy: true }, { after: HOUR, busy: true }, { after: HOUR })
  assert.deepEqual(found, ['skipped 11, next 12', 'skipped 12, next 13', 'due 13, next 14'])
  assert.deepEqual([last.missed, last.skipped], [0, 2])
})

test('the clock is set: forward over a time, back by a little, back by more', () => {
  assert.deepEqual(looks({ after: 1000, set: 1.5 * HOUR }).found, ['missed 11, next 12'])
  assert.deepEqual(looks({ after: HOUR }, { after: 1000, set: -30_000 }).found, ['due 11, next 12', 'null, next 12'])
  assert.deepEqual(looks({ after: HOUR }, { after: 1000, set: -HOUR }, { after: HOUR }).found, [
    'due 11, next 12',
    'set, next 11',
    'due 11, next 12',
  ])
})

test('another schedule, a stop and a start: another time, and no run by itself', () => {
  const first = look(newTimetable, every(HOUR), { now: 0, wall: 0 }, false, nextRun).timetable
  const other = look(first, every(60_000), { now: 0, wall: 2 * HOUR }, false, nextRun)
  assert.deepEqual([other.found, other.timetable.waits?.next], ['set', 2 * HOUR + 60_000])
  const rested = rest(other.timetable)
  assert.deepEqual([rested.found, rested.timetable.waits, rest(rested.timetable).found], ['set', null, null])
})

test('a schedule that never comes again waits, and nothing happens', () => {
  const never = look(newTimetable, every(1), { now: 0, wall: 5 }, false, () => null).timetable
  const later = look(never, every(1), { now: 60_000, wall: 60_005 }, false, () => null)
  assert.deepEqual([later.found, later.timetable.waits?.next], [null, null])
})

test('whatever the clock does: the next look comes within a minute, the next run is ahead, nothing is uncounted', () => {
  const steps = fc.array(
    fc.record({ wait: fc.nat(200_000), set: fc.integer({ min: -200_000, max: 200_000 }), busy: fc.boolean() }),
    { maxLength: 50 },
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300_000 }), steps, (period, all) => {
      let [now, wall] = [0, 10_000_000]
      let { timetable } = look(newTimetable, every(period), { now, wall }, false, nextRun)
      for (const { wait, set, busy } of all) {
        now += wait
        wall += wait + set
        const before = timetable
        const { found, at, ...looked } = look(before, every(period), { now, wall }, busy, nextRun)
        timetable = looked.timetable
        const waits = timetable.waits
        assert.ok(waits && waits.lookAt > now && waits.lookAt <= now + 60_000)
        assert.ok(waits.next !== null && waits.next > wall)
        assert.equal(timetable.missed - before.missed, found === 'missed' ? 1 : 0)
        assert.equal(timetable.skipped - before.skipped, found === 'skipped' ? 1 : 0)
        const passed = (before.waits?.next ?? 0) <= wall
        assert.equal(at !== null, passed, 'a time that has passed is due, skipped or missed')
        if (found === 'due') assert.ok(!busy && wall - (at ?? 0) <= 60_000)
        // Unless the clock was set back by more than a minute no time comes twice.
        if (at !== null) assert.ok(waits.next > at)
      }
    }),
  )
})
