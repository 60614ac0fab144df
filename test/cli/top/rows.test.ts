// The table of `top`: which rows there are, in what order, and that the selection is a name and not a place.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Sort } from '../../../cli/top/model.ts'
import { rowsOf, topFor } from '../../../cli/top/rows.ts'
import { after, down, event, key, look, pressed, program, row, seeing, some } from './pieces.ts'

const names = (model: ReturnType<typeof seeing>): string =>
  rowsOf(model)
    .map((one) => one.name)
    .join(' ')

test('programs and below each its processes; a program of one process is one row', () => {
  assert.equal(names(seeing()), 'web web:0 web:1 web:2 mail:0 jobs jobs:0 jobs:1')
  assert.equal(names(seeing([program('none', [])])), 'none')
  assert.equal(names(seeing([program('one', [row('one:0')], { desired: 2 })])), 'one one:0', 'another one is wanted')
})

const orders: readonly (readonly [Sort, string])[] = [
  ['file', 'web web:0 web:1 web:2 mail:0 jobs jobs:0 jobs:1'],
  ['cpu', 'mail:0 web web:1 web:0 web:2 jobs jobs:1 jobs:0'],
  ['memory', 'web web:1 web:0 web:2 mail:0 jobs jobs:1 jobs:0'],
  ['requests', 'web web:0 web:1 web:2 mail:0 jobs jobs:0 jobs:1'],
  ['uptime', 'jobs jobs:1 jobs:0 web web:0 web:1 web:2 mail:0'],
  ['restarts', 'web web:2 web:0 web:1 mail:0 jobs jobs:0 jobs:1'],
  ['state', 'jobs jobs:0 jobs:1 web web:0 web:1 web:2 mail:0'],
]

for (const [sort, expected] of orders) {
  test(`sorted by ${sort}: the largest or the worst first, processes stay with their program`, () => {
    assert.equal(names({ ...seeing(), sort }), expected)
  })
}

test('s goes through all orders and comes back', () => {
  let model = seeing()
  for (const [sort] of orders) {
    assert.equal(model.sort, sort)
    model = after(model, key('s'))
  }
  assert.equal(model.sort, 'file')
})

test('a filter looks at names and states, of processes and of programs', () => {
  const shown = (filter: string): string => names({ ...seeing(), filter })
  assert.equal(shown('web'), 'web web:0 web:1 web:2')
  assert.equal(shown('WEB:1'), 'web web:1')
  assert.equal(shown('fatal'), 'jobs jobs:0')
  assert.equal(shown('nothing'), '')
  assert.equal(pressed({ ...seeing(), filter: 'nothing' }, 'x', 'y').model.selected, null)
})

test('the selection follows the process: other orders, other neighbours, other slots', () => {
  const chosen = pressed(seeing(), 'j', 'j').model
  assert.equal(chosen.selected, 'web:1')
  assert.equal(after(chosen, key('s'), key('s')).selected, 'web:1')
  assert.equal(after(chosen, look([program('new', [row('new:0')]), ...some.toReversed()])).selected, 'web:1')
  assert.equal(
    after(chosen, event('process.state', { program: 'web', name: 'web:0', process: null })).selected,
    'web:1',
  )
})

test('one that is gone leaves the selection to whoever stands there now', () => {
  const last = pressed(seeing(), 'j', 'j', 'j').model
  const gone = after(last, look([program('web', [row('web:0'), row('web:1')]), ...some.slice(1)]))
  assert.deepEqual([last.selected, gone.selected], ['web:2', 'mail:0'])
  assert.equal(after(last, look([])).selected, null)
  const single = after(
    pressed(seeing([program('a', [row('a:0'), row('a:1')])])).model,
    look([program('a', [row('a:0')])]),
  )
  assert.equal(single.selected, 'a:0', 'the program has no row of its own any more')
})

test('folding hides the processes, and the program is selected in their place', () => {
  const folded = pressed(seeing(), 'j', 'j', 'left').model
  assert.equal(names(folded), 'web mail:0 jobs jobs:0 jobs:1')
  assert.equal(folded.selected, 'web')
  assert.equal(names(after(folded, key('right'))), names(seeing()))
})

test('moving: to the ends and no further, by rows and by pages, and what is selected is seen', () => {
  const many = [
    program(
      'a',
      Array.from({ length: 50 }, (_, i) => row(`a:${i}`)),
    ),
  ]
  const at = (...keys: readonly string[]): string | null => pressed(seeing(many), ...keys).model.selected
  assert.deepEqual(
    [at('k'), at('j'), at('G'), at('G', 'j'), at('G', 'g'), at('end', 'up'), at('pagedown'), at('pagedown', 'pageup')],
    ['a', 'a:0', 'a:49', 'a:49', 'a', 'a:48', 'a:8', 'a'],
  )
  assert.equal(pressed(seeing(many), 'G').model.top, 51 - 10)
  assert.deepEqual(
    [topFor(0, 8, 9, 51), topFor(0, 9, 9, 51), topFor(5, 2, 9, 51), topFor(40, 45, 9, 46), topFor(3, -1, 9, 0)],
    [0, 1, 2, 37, 0],
  )
})

test('a process that went down is still where it was', () => {
  const model = after(
    seeing(),
    event('process.state', { program: 'web', name: 'web:1', process: down('web:1', 'BACKOFF') }),
  )
  assert.equal(names(model), names(seeing()))
  const web = model.masters[0]?.programs[0]
  assert.deepEqual([web?.running, web?.ready, web?.processes[1]?.state], [2, 2, 'BACKOFF'])
})
