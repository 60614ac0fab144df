// Interpolation: where a name is looked up, what it becomes, and that it always ends.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLayer, type Entries, type Layer, parsePercents } from '../../src/config/layers.ts'
import { BadValue } from '../../src/config/problems.ts'
import { slotMark } from '../../src/core/spec.ts'

function entries(values: Readonly<Record<string, string>>, file = '/main/config.ini'): Entries {
  return new Map(
    Object.entries(values).map(([key, value], index) => [
      key,
      { written: key, value, file, line: index + 1, valueLine: index + 1 },
    ]),
  )
}

function layer(own: Readonly<Record<string, string>>, inherited: Readonly<Record<string, string>> = {}): Layer {
  const env = { HOME: '/home/x', PERCENT: '100%(x)s' }
  const builtins = { program: 'web', instance: null, cpus: 4, env, here: '/main', place: null }
  return createLayer('program', entries(own, '/inc/own.ini'), entries(inherited), builtins)
}

const text = (from: Layer, name: string): string | undefined => from.value(name)?.text

test('the section, then [DEFAULT], then the built-ins and the defaults of the table', () => {
  const from = layer({ a: '1', b: '%(a)s%(c)s%(program)s', program_name: 'mine' }, { a: '2', c: '%(a)s' })
  assert.equal(text(from, 'b'), '11web')
  assert.equal(from.expand('%(PROGRAM_NAME)s %(graceful_timeout)s %(Stopwaitsecs)s').text, 'mine 10 10')
  assert.equal(from.expand('%(ENV_HOME)s %(ENV_PERCENT)s').text, '/home/x 100%(x)s')
  assert.throws(() => from.expand('%(env_home)s'), BadValue)
  assert.equal(from.value('nope'), null)
})

test('here is the folder of the file that says it', () => {
  const from = layer({ a: '%(here)s %(b)s' }, { b: '%(here)s' })
  assert.equal(text(from, 'a'), '/inc /main')
})

test('base_path and log_path are absolute, against the file that says them', () => {
  assert.equal(text(layer({ base_path: 'x/.' }), 'base_path'), '/inc/x')
  assert.equal(text(layer({}, { base_path: '.' }), 'log_path'), '/main')
  assert.equal(text(layer({ a: '%(base_path)s/a' }, { base_path: '../r' }), 'a'), '/r/a')
  assert.equal(text(layer({ base_path: '', a: '%(log_path)s' }, { base_path: '/x' }), 'a'), '/main')
})

test('an empty variable is an empty text, an empty key its default', () => {
  const from = layer(
    { v: '', graceful_timeout: '', a: '<%(v)s%(graceful_timeout)s>' },
    { v: '1', graceful_timeout: '3' },
  )
  assert.equal(text(from, 'a'), '<10>')
})

test('slots are marked with their format, and known to be there', () => {
  const from = layer({
    a: 'x%(slot)s',
    b: '%(a)s-%(process_num)02d',
    n: '%(slot)s',
    c: '%(n)03d',
    five: '5',
    d: '%(five)03d|%(five)3d',
  })
  assert.deepEqual(from.value('b'), {
    text: `x${slotMark('s')}-${slotMark('02d')}`,
    slot: true,
    instance: false,
    depth: 2,
  })
  assert.equal(text(from, 'c'), slotMark('03d'))
  assert.equal(text(from, 'd'), '005|  5')
})

test('percent signs', () => {
  assert.deepEqual(parsePercents('a%%b%(c)s%(d)02d'), [
    'a',
    '%',
    'b',
    { name: 'c', format: 's' },
    { name: 'd', format: '02d' },
  ])
  for (const lone of ['%', '50%', '% x', '%s', '%(x', '%(x)', '%(x)q', '%()s', '%(x)100d', '%%%']) {
    assert.throws(() => parsePercents(lone), /write %% for a percent sign/, lone)
  }
})

test('ten levels are read, eleven are not', () => {
  const chain = (length: number): Layer =>
    layer(
      Object.fromEntries(
        Array.from({ length: length + 1 }, (_, i) => [`v${i}`, i === length ? 'end' : `%(v${i + 1})s`]),
      ),
    )
  assert.equal(text(chain(10), 'v0'), 'end')
  assert.throws(() => chain(11).value('v0'), /more than 10 deep/)
  assert.throws(() => chain(100_000).value('v0'), /more than 10 deep/)
})

test('values that would grow without end are refused', () => {
  const wide = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`v${i}`, `%(v${i + 1})s`.repeat(50)]))
  assert.throws(() => layer({ ...wide, v9: 'x' }).value('v0'), /longer than 1 MB/)
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`w${i}`, '%(big)s'.repeat(9)]))
  const from = layer({ ...many, big: 'x'.repeat(100_000) })
  assert.throws(() => Object.keys(many).map((name) => from.value(name)), /longer than 32 MB/)
})

test('any graph of names ends in a value or in words, and the same whichever name is asked first', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'log_file', 'base_path']
  const part = fc.oneof(
    fc.constantFrom(...names, 'slot', 'nope').map((name) => `%(${name})s`),
    fc.constantFrom('x', '%%', '/'),
  )
  const value = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''))
  const graph = fc.dictionary(fc.constantFrom(...names), value, { noNullPrototype: true })
  const ask = (from: Layer, name: string): string => {
    try {
      return JSON.stringify(from.value(name))
    } catch (e) {
      if (!(e instanceof BadValue)) throw e
      return 'refused'
    }
  }
  fc.assert(
    fc.property(graph, graph, (own, inherited) => {
      const [one, other] = [layer(own, inherited), layer(own, inherited)]
      const forth = names.map((name) => ask(one, name))
      const back = names.toReversed().map((name) => ask(other, name))
      assert.deepEqual(forth, back.reverse())
    }),
    { numRuns: 2000 },
  )
})
