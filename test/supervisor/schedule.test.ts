// Programs with a schedule and tasks, under the real supervisor in the fake world: what begins when, what start,
// stop, restart, reload and updates mean to them, and what a next master knows.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Spec } from '../../src/core/spec.ts'
import type { Instance } from '../../src/core/state.ts'
import { startOperation } from '../../src/supervisor/operations.ts'
import type { Notice } from '../../src/supervisor/ports.ts'
import { runOperation } from '../../src/supervisor/runs.ts'
import { type Nature, World } from '../helpers/fake-os.ts'
import { type Asked, ask, verbs } from '../helpers/operate.ts'
import { specOf, WALL } from '../helpers/specs.ts'

/** At each tenth second. */
const scheduled = (over: Partial<Spec> = {}): Spec =>
  specOf({ startMs: 0, autorestart: 'never', schedule: { cron: '10000', timezone: null }, ...over })
const daemon = specOf({ startMs: 0 })
const task = specOf({ startMs: 0, autorestart: 'never', autostart: false })
const ends = (afterMs: number, how: number | string = 0): Nature => ({ ends: { afterMs, how } })

interface Stage {
  readonly world: World
  /** `due 10000`: what of the schedule was told. */
  readonly told: string[]
  /** Moments at which processes were made. */
  launches(): number[]
  state(): string
  run(): Asked & { readonly ended: readonly Instance[] }
}

function stage(spec: Spec, nature: Nature, wanted: 'up' | 'down' = 'up'): Stage {
  const told: string[] = []
  const watch = (n: Notice): void => {
    if (n.kind === 'schedule' && n.found !== 'set') told.push(`${n.found} ${(n.at ?? 0) - WALL}`)
  }
  const world = new World({ nature: () => nature, watch })
  world.supervisor.add(spec, wanted)
  world.settle()
  return {
    world,
    told,
    launches: () => world.launched.map(([at]) => at),
    state() {
      const program = world.supervisor.programs.get('web')
      const next = program?.timetable?.waits?.next ?? null
      const states = program?.instances.map((i) => `${i.state.at} ${i.wanted}`).join()
      return `${states}, next ${next === null ? null : next - WALL}`
    },
    run() {
      const ended: Instance[] = []
      return Object.assign(
        ask(
          world.supervisor,
          'web',
          runOperation([0], (i) => ended.push(i)),
        ),
        { ended },
      )
    },
  }
}

test('it waits for its time, runs, and waits again; nothing runs before', () => {
  const { world, told, launches, state } = stage(scheduled(), ends(100))
  assert.equal(state(), 'stopped down, next 10000')
  world.advance(9_999)
  assert.deepEqual(launches(), [])
  world.advance(25_000)
  assert.deepEqual(launches(), [10_000, 20_000, 30_000])
  assert.deepEqual(told, ['due 10000', 'due 20000', 'due 30000'])
  assert.equal(state(), 'exited up, next 40000')
})

test('a run that is still under way: the next ones are skipped and counted', () => {
  const { world, told, launches } = stage(scheduled(), ends(25_000))
  world.advance(41_000)
  assert.deepEqual(launches(), [10_000, 40_000])
  assert.deepEqual(told, ['due 10000', 'skipped 20000', 'skipped 30000', 'due 40000'])
  assert.equal(world.supervisor.programs.get('web')?.timetable?.skipped, 2)
})

test('one that failed, and one that could not even be started, run again at the next time', () => {
  const { world, launches, state } = stage(scheduled(), ends(100, 1))
  world.advance(10_200)
  assert.equal(state(), 'exited up, next 20000')
  world.options.nature = () => ({ failed: 'ENOENT', permanent: true })
  world.advance(10_000)
  assert.equal(state(), 'fatal up, next 30000')
  world.options.nature = () => ends(100)
  world.advance(10_000)
  assert.deepEqual([launches(), state()], [[10_000, 30_000], 'exited up, next 40000'])
})

test('what a run leaves behind is ended before the next one, which waits for that', () => {
  const { world, launches } = stage(scheduled({ stopMs: 12_000 }), { ...ends(100), leaves: ['ignores'] })
  world.advance(23_000)
  assert.deepEqual(launches(), [10_000, 22_100])
})

test('stop ends the run and the schedule; start takes it up again, and runs nothing at once', () => {
  const { world, launches, state } = stage(scheduled(), {})
  world.advance(12_000)
  const give = verbs(world.supervisor)
  const stop = give.stop()
  world.settle()
  assert.deepEqual([stop.words, state()], ['0 ok STOPPED', 'stopped down, next null'])
  world.advance(60_000)
  const start = give.start()
  world.settle()
  assert.equal(start.words, '0 ok STOPPED waits for its next run')
  assert.deepEqual([launches(), state()], [[10_000], 'stopped down, next 80000'])
  world.advance(8_000)
  assert.deepEqual(launches(), [10_000, 80_000])
  const again = give.start()
  assert.equal(again.words, '0 ok RUNNING')
})

test('restart ends the run, the next one comes at its time; reload lets it alone', () => {
  const { world, launches, state } = stage(scheduled(), {})
  world.advance(12_000)
  const give = verbs(world.supervisor)
  assert.equal(give.reload([0], true).words, '0 RUNNING cannot reload: it is at work by its schedule')
  assert.equal(give.reload([0], false).words, '0 ok RUNNING skipped: it is at work by its schedule')
  const restart = give.restart()
  world.settle()
  assert.deepEqual([restart.words, state()], ['0 ok STOPPED waits for its next run', 'stopped down, next 20000'])
  world.advance(8_000)
  assert.deepEqual(launches(), [10_000, 20_000])
})

test('run: one now, also of a schedule that is not followed, and it answers at the end', () => {
  const { world, launches, state, run } = stage(scheduled(), ends(500, 3), 'down')
  const one = run()
  world.advance(499)
  assert.equal(one.ends, 0)
  const second = run()
  assert.equal(second.words, '0 RUNNING a run is under way already')
  world.advance(1)
  assert.deepEqual([one.words, one.ended[0]?.exit?.code], ['0 EXITED exit 3', 3])
  assert.deepEqual([launches(), state()], [[0], 'exited up, next null'])
  world.advance(30_000)
  assert.deepEqual(launches(), [0], 'the schedule is still not followed')
})

test('run of a task; what is asked meanwhile does not wait for its end, and a stop ends it', () => {
  const { world, run } = stage(task, {}, 'down')
  const one = run()
  world.advance(10)
  const give = verbs(world.supervisor)
  const start = give.start()
  assert.deepEqual([one.ends, start.words], [0, '0 ok RUNNING'])
  give.stop()
  world.settle()
  assert.deepEqual([one.words, one.superseded], ['0 RUNNING superseded by a stop', 'superseded by a stop'])
})

test('a changed schedule counts at once, other settings at the next run', () => {
  const { world, launches, state } = stage(scheduled(), ends(5_000))
  world.advance(12_000)
  world.supervisor.atOnce('web', (desk) => desk.setSpecLive(scheduled({ schedule: { cron: '4000', timezone: null } })))
  assert.equal(state(), 'running up, next 16000')
  const fresh = scheduled({ env: { NEW: '1' } })
  const update = verbs(world.supervisor).update(fresh)
  assert.equal(update.words, '0 ok RUNNING takes effect at its next start')
  world.advance(3_000)
  const [i] = world.supervisor.programs.get('web')?.instances ?? []
  assert.deepEqual([launches(), i?.state.at], [[10_000], 'exited'])
  world.advance(5_000)
  const [next] = world.supervisor.programs.get('web')?.instances ?? []
  assert.deepEqual([launches(), next?.spec], [[10_000, 20_000], fresh])
})

for (const way of ['live', 'by an update'] as const) {
  const change = (world: World, spec: Spec): void => {
    if (way === 'live') world.supervisor.atOnce('web', (desk) => desk.setSpecLive(spec))
    else verbs(world.supervisor).update(spec)
    world.settle()
  }
  test(`what ran always gets a schedule, and what had one loses it, ${way}`, () => {
    const { world, launches, state } = stage(daemon, {})
    world.advance(1_000)
    change(world, scheduled())
    assert.equal(state(), 'stopped down, next 10000')
    world.advance(500)
    change(world, daemon)
    world.advance(1)
    assert.deepEqual([launches(), state()], [[0, 1_500], 'running up, next null'])
  })
}

test('a reload that is under way when its program gets a schedule is over, and both processes end', () => {
  const slow = { ...daemon, startMs: 5_000, reloadStrategy: 'start-first' as const }
  const { world, state } = stage(slow, {})
  world.advance(6_000)
  const reload = verbs(world.supervisor).reload()
  world.advance(100)
  assert.equal(world.leaders().length, 2)
  world.supervisor.atOnce('web', (desk) => desk.setSpecLive({ ...scheduled(), startMs: 5_000 }))
  world.advance(10)
  assert.deepEqual([reload.superseded, world.leaders().length], ['it runs by a schedule now', 0])
  assert.equal(state(), 'stopped down, next 10000')
})

test('who waits for the end of a run of what runs always from now on is told so', () => {
  const { world, run } = stage(task, {}, 'down')
  const one = run()
  world.advance(10)
  world.supervisor.atOnce('web', (desk) => desk.setSpecLive({ ...task, autorestart: 'always' }))
  assert.deepEqual([one.ends, one.words], [1, '0 RUNNING has autorestart = always now'])
})

test('a next master: the run goes on, the counts stay, and what came when nobody lived is missed or late', () => {
  const { world, told, launches, state } = stage(scheduled(), ends(15_000))
  world.advance(21_000)
  assert.deepEqual(told, ['due 10000', 'skipped 20000'])
  world.crash()
  world.advance(1_000)
  world.succeed()
  world.settle()
  assert.equal(state(), 'running up, next 30000')
  world.advance(7_000)
  assert.equal(state(), 'exited up, next 30000')
  world.crash()
  world.advance(4_000)
  world.succeed()
  world.advance(0)
  assert.deepEqual([launches(), told.at(-1)], [[10_000, 33_000], 'due 30000'], 'a little late')
  world.advance(16_000)
  world.crash()
  world.advance(600_000)
  world.succeed()
  world.advance(0)
  assert.equal(told.at(-1), 'missed 50000')
  const { skipped, missed } = world.supervisor.programs.get('web')?.timetable ?? {}
  assert.deepEqual([skipped, missed, launches().length], [2, 1, 2])
})

test('the clock is set: forward is seen within a minute and missed, back makes the times come again', () => {
  const { world, told, state } = stage(scheduled({ schedule: { cron: '3600000', timezone: null } }), ends(100))
  const first = 3_600_000 - (WALL % 3_600_000)
  assert.equal(state(), `stopped down, next ${first}`)
  world.clock.set = first + 1_800_000
  world.advance(60_000)
  assert.deepEqual(told, [`missed ${first}`])
  world.clock.set = 0
  world.advance(60_000)
  assert.equal(state(), `stopped down, next ${first}`)
})

test('no process is made in a shutdown, whatever is due; and a dropped program is gone', () => {
  const { world, launches } = stage(scheduled({ stopMs: 30_000 }), { onStop: 'ignore' })
  world.advance(11_000)
  let over = 0
  world.supervisor.shutdown(() => over++)
  world.advance(31_000)
  assert.deepEqual([launches(), over, world.clock.alarms.size], [[10_000], 1, 0])
  const other = stage(scheduled(), ends(100))
  other.world.supervisor.remove('web', () => undefined)
  other.world.advance(30_000)
  assert.deepEqual([other.launches(), other.world.clock.alarms.size], [[], 0])
})

test('a start whose slots a stop has taken away follows no schedule', () => {
  const { world, launches } = stage(scheduled(), ends(100), 'down')
  ask(world.supervisor, 'web', startOperation('start', [], false))
  world.advance(30_000)
  assert.deepEqual([launches(), world.supervisor.programs.get('web')?.wanted], [[], 'down'])
})

test('a stop that is under way when its program gets a schedule and loses it keeps its slot', () => {
  const { world, state } = stage(specOf({ startMs: 0, workers: 2, stopMs: 1_000 }), { onStop: 'ignore' })
  world.advance(10)
  const stop = verbs(world.supervisor).stop([1])
  verbs(world.supervisor).update({ ...scheduled(), workers: 2, stopMs: 1_000 })
  verbs(world.supervisor).update({ ...daemon, workers: 2, stopMs: 1_000 })
  world.advance(5_000)
  assert.deepEqual([stop.ends, state()], [1, 'running up,stopped down, next null'])
})

test('only the newest of a slot starts when the schedule is lost', () => {
  const slow = specOf({ startMs: 0, workers: 2, stopMs: 3_000, reloadStrategy: 'start-first' })
  const { world } = stage(slow, { onStop: 'ignore' })
  world.advance(10)
  verbs(world.supervisor).reload()
  world.advance(10) // two old ones are on their way out
  verbs(world.supervisor).scale(1)
  world.supervisor.atOnce('web', (desk) => desk.setSpecLive({ ...scheduled(), workers: 2, stopMs: 3_000 }))
  world.settle() // the reload is over, and the count falls
  world.supervisor.atOnce('web', (desk) => desk.setSpecLive(slow))
  const up = world.supervisor.programs.get('web')?.instances.filter(({ wanted }) => wanted === 'up')
  assert.deepEqual(
    up?.map(({ slot, generation }) => [slot, generation > 1]),
    [[0, true]],
  )
  world.advance(10_000)
  assert.equal(world.leaders().length, 1)
})
