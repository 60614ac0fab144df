// The pure parts of the chaos run: what it chooses, what it remembers, when it complains.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProcessStatus, Program } from '../../src/api/contract.ts'
import { loadConfig } from '../../src/config/load.ts'
import { outputOf } from '../../src/supervisor/launch.ts'
import { sceneOf } from '../helpers/scene.ts'
import { disagreement } from './agreement.ts'
import type { Seen } from './census.ts'
import { growthOf } from './growth.ts'
import { Ledger } from './ledger.ts'
import { readOptions } from './options.ts'
import { kills, planRound } from './plan.ts'
import { configText, logsOf, roles } from './roles.ts'
import { scaledTo, updatedTo, Wants, wishes } from './wants.ts'

test('a seed chooses the same again, another seed something else, and every action has its turn', () => {
  const all = (seed: number) => Array.from({ length: 60 }, (_, round) => planRound(seed, round))
  assert.deepEqual(all(1), all(1))
  assert.notDeepEqual(all(1), all(2))
  const actions = all(1).flatMap((steps) => steps.map(({ action }) => action))
  const found = new Set(actions.map(({ kind }) => kind))
  assert.equal(found.size, 12, [...found].join(', '))
  const verbs = new Set(actions.flatMap((action) => (action.kind === 'operate' ? [action.verb] : [])))
  assert.deepEqual([...verbs].sort(), ['reload', 'restart', 'start', 'stop'])
})

test('no master is killed in the rounds in which one is to grow old', () => {
  for (let round = 0; round < 80; round++) {
    const kinds = planRound(3, round).map(({ action }) => action.kind)
    if (!kills(round)) assert.ok(!kinds.some((kind) => kind === 'kill master' || kind === 'upgrade'), `round ${round}`)
  }
})

test('the configuration of a run is one that phd takes', (t) => {
  const scene = sceneOf(t)
  scene.write('fixtures/prints.js', '')
  const file = scene.write('config.ini', configText(scene.dir, scene.path('fixtures'), new Map()))
  const { programs, warnings } = loadConfig(file, { instance: null, foreground: true })
  assert.deepEqual(warnings, [])
  for (const { name, base } of roles) {
    const spec = programs.get(name)?.spec
    assert.equal(spec?.workers, base)
    assert.ok(spec)
    assert.equal(outputOf(spec, 0).stdout, scene.path(`logs/${logsOf(`${name}:0`)[0]}`))
  }
})

test('options', () => {
  assert.deepEqual(readOptions([], 7), { seed: 7, durationMs: 60_000 })
  assert.deepEqual(readOptions(['--minutes', '10', '--seed', '5'], 7), { seed: 5, durationMs: 600_000 })
  assert.deepEqual(readOptions(['--seconds', '30'], 7), { seed: 7, durationMs: 30_000 })
  for (const words of [
    ['--seconds', 'x'],
    ['--seed', '-1'],
    ['--minutes', '1', '--seconds', '1'],
    ['--hours', '1'],
  ]) {
    assert.throws(() => readOptions(words, 7))
  }
})

test('excused is who died without a master, or just before', () => {
  const ledger = new Ledger()
  const at = (...names: string[]): Set<string> => new Set(names)
  const everybody = ['a', 'b', 'c', 'd', 'e']
  ledger.look(at('a', 'b', 'c', 'd'), 0)
  ledger.look(at('a', 'b', 'c'), 1_000) // d was read to its end
  ledger.look(at('a', 'b'), 9_900) // c may not have been
  ledger.masterKilled(10_000, 10_005)
  ledger.masterBack(everybody, at('a'), 12_000) // e was born and died meanwhile
  assert.deepEqual(
    everybody.filter((one) => ledger.isExcused(one)),
    ['b', 'c', 'e'],
  )
  ledger.look(at(), 20_000)
  assert.ok(!ledger.isExcused('a'), 'a died under a master')
  assert.deepEqual(ledger.outages, [{ killed: 10_000, gone: 10_005 }])
})

const processOf = (name: string, pid: number | null, more: Partial<ProcessStatus> = {}): ProcessStatus =>
  ({
    name,
    slot: Number(name.split(':')[1]),
    pid,
    state: 'RUNNING',
    wanted: 'up',
    replacement: null,
    leftovers: 0,
    ...more,
  }) as ProcessStatus

const programOf = (desired: number, processes: readonly ProcessStatus[]): Program =>
  ({ program: 'own', desired, processes }) as unknown as Program

const others = roles.filter(({ name }) => name !== 'own')
const rest = others.map(({ name, base }) => ({ ...programOf(base, []), program: name }))

test('what was asked and not answered is possible both ways, until it is seen', () => {
  const wants = new Wants()
  const status = (desired: number, wanted: 'up' | 'down'): Program[] => [
    programOf(desired, [processOf('own:0', 1, { wanted })]),
    ...rest,
  ]
  assert.equal(wants.compare(status(3, 'up')), null)
  wants.asked('own', scaledTo(5))
  assert.match(wants.compare(status(4, 'up')) ?? '', /own keeps 4/)
  assert.equal(wants.compare(status(5, 'up')), null)
  assert.notEqual(wants.compare(status(3, 'up')), null, 'it was 5 already')
  wants.done('own', wishes.down)
  assert.notEqual(wants.compare(status(5, 'up')), null)
  assert.equal(wants.compare(status(5, 'down')), null)
  wants.done('own', updatedTo(3))
  assert.equal(wants.compare(status(5, 'down')), null, 'the file says what it said: the count of scale stands')
  wants.done('own', updatedTo(2))
  assert.equal(wants.compare(status(2, 'down')), null)
  assert.ok(wants.is('own', ({ up, desired }) => !up && desired === 2))
})

test('status and /proc: every difference is one', () => {
  const seen = (pid: number, name: string, token: string, mark = 1): Seen => ({
    pid,
    parent: 1,
    start: 1,
    token,
    name,
    mark,
  })
  const says = (processes: readonly ProcessStatus[], living: readonly Seen[]): string | null =>
    disagreement({
      programs: [programOf(2, processes)],
      seen: living,
      desired: new Map([['own', 2]]),
      marks: new Map([['own', 1]]),
    })
  const two = [processOf('own:0', 10), processOf('own:1', 11)]
  const living = [seen(10, 'own:0', 'a'), seen(11, 'own:1', 'b'), seen(12, 'own:1', 'b')]
  assert.equal(says(two, living), null)
  assert.match(says(two.slice(1), living) ?? '', /slots 1/)
  assert.match(says(two, living.slice(1)) ?? '', /10 does not live/)
  assert.match(says(two, [...living, seen(13, 'own:1', 'c')]) ?? '', /launch that is over/)
  assert.match(says(two, [seen(10, 'own:1', 'a'), ...living.slice(1)]) ?? '', /is own:1/)
  assert.match(says(two, [seen(10, 'own:0', 'a', 0), ...living.slice(1)]) ?? '', /CHAOS=0/)
  assert.match(says([processOf('own:0', 10, { state: 'BACKOFF' }), ...two.slice(1)], living) ?? '', /BACKOFF/)
  assert.match(says([processOf('own:0', 10, { leftovers: 1 }), ...two.slice(1)], living) ?? '', /left over/)
})

test('growth: a young master may grow, a warm one may not; descriptors never', () => {
  const mb = 1024 * 1024
  const samples = (...sizes: number[]) =>
    sizes.map((size) => ({ master: 1, descriptors: 30, residentBytes: size * mb }))
  const young = [60, 80, 90, 100, 105, 110, 110, 111, 109, 110, 108, 110]
  assert.equal(growthOf(samples(...young)).residentBytes, null)
  const flat = growthOf(samples(...young, 112, 110))
  assert.deepEqual(flat, { descriptors: 0, residentBytes: mb, fault: null })
  assert.match(growthOf(samples(...young, 112, 150)).fault ?? '', /150\.0 MB resident/)
  const more = { master: 2, descriptors: 34, residentBytes: mb }
  assert.match(growthOf([...samples(60), more]).fault ?? '', /34 descriptors/)
  assert.equal(growthOf([...samples(60), { ...more, descriptors: 32 }]).fault, null)
})
