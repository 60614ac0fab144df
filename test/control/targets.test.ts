// What a TARGET means, and that one wrong word among them means nothing at all.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSignal } from '../../src/control/signal-names.ts'
import { chooseTargets, meaningOf } from '../../src/control/targets.ts'
import type { Program } from '../../src/core/program.ts'
import { newInstance } from '../../src/core/state.ts'
import { PhError } from '../../src/errors.ts'
import { specOf } from '../helpers/specs.ts'

function program(name: string, slots: number, more: Partial<Program> = {}): [string, Program] {
  const spec = specOf({ program: name, groups: name.startsWith('web-') ? ['backend', 'web-all'] : [] })
  const instances = Array.from({ length: slots }, (_, slot) => newInstance(spec, slot, 1, 'up'))
  return [
    name,
    { name, spec, generation: 1, desired: slots, removed: false, lingersUntil: null, wanted: 'up', instances, ...more },
  ]
}

const spec = specOf({ program: 'twin' })
const programs = new Map([
  program('web', 3),
  program('web-api', 1),
  program('web-admin', 2),
  program('empty', 0),
  program('leaving', 2, { removed: true }),
  program('twin', 1, { instances: [newInstance(spec, 0, 1, 'up'), newInstance(spec, 0, 2, 'up')] }),
  program('a.b_c', 1),
])

/** `web 0,1,2 whole name`: the slots, whether they are all, whether it was named. */
const choose = (target: string | readonly string[]): string[] =>
  chooseTargets(programs, target).map((c) =>
    [c.program, c.slots.join(), ...(c.whole ? ['whole'] : []), ...(c.byName ? ['named'] : [])].join(' '),
  )

const chosen: readonly [target: string | readonly string[], found: readonly string[]][] = [
  ['web', ['web 0,1,2 whole named']],
  ['web:0', ['web 0 named']],
  ['web:2', ['web 2 named']],
  ['web-api:0', ['web-api 0 whole named']],
  ['a.b_c', ['a.b_c 0 whole named']],
  [
    'all',
    ['web 0,1,2 whole', 'web-api 0 whole', 'web-admin 0,1 whole', 'empty  whole', 'twin 0 whole', 'a.b_c 0 whole'],
  ],
  ['web*', ['web 0,1,2 whole', 'web-api 0 whole', 'web-admin 0,1 whole']],
  ['web-*', ['web-api 0 whole', 'web-admin 0,1 whole']],
  ['web-a?i', ['web-api 0 whole']],
  ['{web,empty}', ['web 0,1,2 whole', 'empty  whole']],
  ['web:[01]', ['web 0,1']],
  ['*:2', ['web 2']],
  ['empty', ['empty  whole named']],
  ['backend', ['web-api 0 whole', 'web-admin 0,1 whole']],
  [
    ['backend', 'web-api:0'],
    ['web-api 0 whole named', 'web-admin 0,1 whole'],
  ],
  ['twin', ['twin 0 whole named']],
  [['web:1', 'web:0'], ['web 0,1 named']],
  [['web:1', 'web:1'], ['web 1 named']],
  [['web:0', 'web:1', 'web:2'], ['web 0,1,2 whole named']],
  [
    ['web:1', 'web-*', 'web'],
    ['web 0,1,2 whole named', 'web-api 0 whole', 'web-admin 0,1 whole'],
  ],
  [
    ['web-admin', 'web'],
    ['web 0,1,2 whole named', 'web-admin 0,1 whole named'],
  ],
  [
    ['all', 'web-api'],
    [
      'web 0,1,2 whole',
      'web-api 0 whole named',
      'web-admin 0,1 whole',
      'empty  whole',
      'twin 0 whole',
      'a.b_c 0 whole',
    ],
  ],
]

test('targets: programs, slots, globs, lists, all; each program once, in the order of the configuration', () => {
  for (const [target, found] of chosen) assert.deepEqual(choose(target), found, String(target))
})

test('what a target means of later slots is what it means of those that are there', () => {
  for (const [target] of chosen) {
    const means = meaningOf(typeof target === 'string' ? [target] : target)
    const found = new Map(chooseTargets(programs, target).map((c) => [c.program, c]))
    for (const { name, removed, instances, spec } of programs.values()) {
      const named = { name, groups: spec.groups }
      const c = found.get(name)
      if (removed) continue
      for (const { slot } of instances) assert.equal(means(named, slot) !== null, c?.slots.includes(slot) ?? false)
      assert.equal(means(named, null) === 'program', c?.asProgram ?? false, `${String(target)}: ${name}`)
    }
  }
  const means = meaningOf(['web:7', 'job', 'web-*', '*:3', 'backend'])
  const of = (name: string, slot: number, ...groups: string[]) => means({ name, groups }, slot)
  assert.deepEqual(
    [of('web', 7), of('web', 8), of('job', 0), of('web-new', 5), of('api', 3), of('jobs', 0), of('jobs', 0, 'backend')],
    ['slot', null, 'program', 'program', 'slot', null, 'program'],
  )
  assert.equal(meaningOf(['all'])({ name: 'anything', groups: [] }, 9), 'program')
  assert.equal(meaningOf(['master'])({ name: 'web', groups: [] }, 0), null)
})

const unknown: readonly [target: string | readonly string[], words: RegExp, nearest: string | null][] = [
  ['wbe', /no such program; did you mean "web"\?/, 'web'],
  ['bakcend', /no such program; did you mean "backend"\?/, 'backend'],
  ['backend:0', /a group has no slots of its own/, 'backend'],
  ['web-apo', /did you mean "web-api"\?/, 'web-api'],
  ['completely-else', /no such program$/, null],
  ['web:3', /"web" has slots web:0 to web:2;/, 'web'],
  ['web-api:1', /"web-api" has one slot, web-api:0;/, 'web-api'],
  ['empty:0', /"empty" has no slots/, null],
  ['web:', /no such program/, 'web'],
  ['web:x', /no such program/, 'web'],
  ['web:-1', /no such program/, null],
  [':0', /no such program/, null],
  ['nope-*', /no program matches it$/, null],
  ['leaving', /no such program/, null],
  ['leaving:0', /no such program/, null],
  ['All', /no such program/, null],
  ['__proto__', /no such program/, null],
  [['web', 'wbe'], /cannot find "wbe"/, 'web'],
  [['all', 'nope-*'], /cannot find "nope-\*"/, null],
]

test('an unknown name is PH_NOT_FOUND, with what is known', () => {
  for (const [target, words, nearest] of unknown) {
    assert.throws(
      () => choose(target),
      (e: unknown) => {
        assert.ok(e instanceof PhError && e.code === 'PH_NOT_FOUND', String(target))
        assert.match(e.message, words)
        assert.deepEqual(e.data.known, ['web', 'web-api', 'web-admin', 'empty', 'twin', 'a.b_c', 'backend', 'web-all'])
        if (nearest !== null) assert.equal(e.data.nearest, nearest, String(target))
        return true
      },
      String(target),
    )
  }
})

test('"all" without programs is nothing, and no failure', () => {
  assert.deepEqual(chooseTargets(new Map(), 'all'), [])
  assert.throws(() => chooseTargets(new Map(), 'web'), /cannot find "web"/)
})

test('signals: any case, with or without SIG, or a number', () => {
  for (const word of ['TERM', 'term', 'SIGTERM', 'sigterm', ' Term ', '15', 15])
    assert.equal(parseSignal(word), 'SIGTERM')
  assert.deepEqual([parseSignal('usr2'), parseSignal(9), parseSignal('SIGWINCH')], ['SIGUSR2', 'SIGKILL', 'SIGWINCH'])
  for (const word of ['', 'NOPE', 'SIG', 0, '0', 99, '-9', '9.5', 'SIGSIGTERM', '__proto__']) {
    assert.throws(
      () => parseSignal(word),
      (e: unknown) => e instanceof PhError && e.code === 'PH_PARAMS',
      String(word),
    )
  }
})
