// What keys do to processes: which need a yes, whom they mean, and what is said of the outcome.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Effect, Model, Order } from '../../../cli/top/model.ts'
import { signals } from '../../../cli/top/orders.ts'
import { after, key, look, pressed, program, row, seeing, some } from './pieces.ts'

const orders = (effects: readonly Effect[]): readonly Order[] =>
  effects.flatMap((effect) => (effect.kind === 'call' ? [effect.order] : []))
const question = ({ panel }: Model): string | null => (panel?.kind === 'confirm' ? panel.question : null)

const target = ['web']
const scaled = (delta: 1 | -1): Order => ({ method: 'scale', program: 'web', delta })

const cases: readonly (readonly [key: string, order: Order, asks: string | null])[] = [
  ['a', { method: 'start', target }, null],
  ['R', { method: 'reload', target }, null],
  ['+', scaled(1), null],
  ['x', { method: 'stop', target }, 'stop web (3 processes)?'],
  ['r', { method: 'restart', target }, 'restart web (3 processes)?'],
  ['-', scaled(-1), 'scale web from 3 to 2? The last process ends.'],
]

for (const [name, order, asks] of cases) {
  test(`${name}: ${order.method}, ${asks === null ? 'at once' : 'after a yes'}`, () => {
    const first = pressed(seeing(), name)
    assert.equal(question(first.model), asks)
    if (asks === null) return assert.deepEqual(orders(first.effects), [order])
    assert.deepEqual(orders(first.effects), [])
    assert.deepEqual(orders(pressed(first.model, 'y').effects), [order])
    for (const no of ['n', 'escape', 'q']) {
      const left = pressed(first.model, no)
      assert.deepEqual([orders(left.effects), left.model.panel], [[], null], no)
    }
    // Nothing but an answer is one: not the key again, not Enter, not a movement.
    for (const other of [name, 'enter', 'space', 'j']) {
      const same = pressed(first.model, other)
      assert.deepEqual([orders(same.effects), question(same.model)], [[], asks], other)
    }
    return undefined
  })
}

test('a question is about what was selected then, whatever becomes of the table meanwhile', () => {
  const asked = pressed(seeing(), 'j', 'x').model
  const later = after(asked, look([program('other', [row('other:0')])]))
  assert.deepEqual(orders(pressed(later, 'y').effects), [{ method: 'stop', target: ['web:0'] }])
})

test('marks: all that is marked is meant, from wherever; what is gone is not; Esc forgets them', () => {
  const marked = pressed(seeing(), 'j', 'space', 'space', 'G').model
  assert.deepEqual([...marked.marked], ['web:0', 'web:1'])
  assert.equal(marked.selected, 'jobs:1', 'a mark goes on to the next row')
  assert.equal(question(pressed(marked, 'x').model), 'stop web:0, web:1 (2 processes)?')
  const fewer = after(marked, look([program('web', [row('web:0')]), ...some.slice(1)]))
  assert.deepEqual(orders(pressed(fewer, 'a').effects), [{ method: 'start', target: ['web:0'] }])
  assert.equal(pressed(marked, 'escape').model.marked.size, 0)
  const covered = pressed(seeing(), 'space', 'space').model
  assert.deepEqual(orders(pressed(covered, 'a').effects), [{ method: 'start', target: ['web'] }])
})

test('a signal is chosen from a list; what may end a process asks', () => {
  const menu = (down: number) => pressed(seeing(), '!', ...Array.from({ length: down }, () => 'j'), 'enter')
  for (const [at, { name, asks }] of signals.entries()) {
    const chosen = menu(at)
    const order: Order = { method: 'signal', target, signal: name }
    const sent = asks ? pressed(chosen.model, 'y') : chosen
    assert.equal(question(chosen.model), asks ? `send SIG${name} to web (3 processes)?` : null)
    assert.deepEqual(orders(sent.effects), [order], name)
  }
  for (const name of ['KILL', 'TERM', 'STOP', 'USR1']) assert.ok(signals.find((one) => one.name === name)?.asks, name)
  assert.equal(pressed(seeing(), '!', 'escape').model.panel, null)
})

test('the outcome stands on the last line for a while', () => {
  const sent = pressed(seeing(), 'a').model
  assert.equal(sent.remark?.text, 'start web …')
  const order: Order = { method: 'start', target }
  const failed = after(sent, { kind: 'done', order, error: 'web:0: exit 1' })
  assert.deepEqual([failed.remark?.text, failed.remark?.bad], ['start web: web:0: exit 1', true])
  assert.ok(after(failed, { kind: 'tick', now: failed.now + 5000 }).remark)
  assert.equal(after(failed, { kind: 'tick', now: failed.now + 9000 }).remark, null)
})

test('nothing is done where nothing is selected', () => {
  const empty = seeing([])
  for (const name of ['a', 'x', 'r', 'R', '+', '-', '!', 'space', 'enter', 'left', 'j', 'G', 'pageup']) {
    const step = pressed(empty, name)
    assert.deepEqual([step.effects, step.model.panel, step.model.view], [[], null, 'main'], name)
  }
})

test('Ctrl-C quits from everywhere, q from the main view only, Esc never', () => {
  const quits = (model: Model, name: string): boolean =>
    pressed(model, name).effects.some(({ kind }) => kind === 'quit')
  const places = [[], ['enter'], ['?'], ['/'], ['!'], ['x'], ['enter', '/']].map(
    (keys) => pressed(seeing(), ...keys).model,
  )
  assert.ok(places.every((model) => quits(model, 'C-c')))
  assert.deepEqual(
    places.map((model) => quits(model, 'q')),
    [true, false, false, false, false, false, false],
  )
  assert.ok(places.every((model) => !quits(model, 'escape')))
  assert.equal(after(seeing(), key('enter'), key('q')).view, 'main')
})
