// The graph of programs: waves, needs, circles.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allNeedsOf, circleIn, dependentsOf, type Graph, needsOf, wavesOf } from '../../src/core/order.ts'

/** `web: api db` a line. */
const graph = (...lines: readonly string[]): Graph =>
  new Map(
    lines.map((line) => {
      const [name = '', needs = ''] = line.split(':')
      const programs = needs.split(' ').filter(Boolean)
      return [name, { dependsOn: programs.map((program) => ({ program, condition: 'ready' as const })) }]
    }),
  )

test('waves: as early as each may be', () => {
  assert.deepEqual(wavesOf(graph('web: api', 'api: db cache', 'db', 'cache', 'job: db nobody')), [
    ['db', 'cache'],
    ['api', 'job'],
    ['web'],
  ])
  assert.deepEqual(wavesOf(graph()), [])
  assert.deepEqual(wavesOf(graph('a: b', 'b: a', 'c')), [['c'], ['a', 'b']])
})

test('needs and dependents', () => {
  const all = graph('web: api', 'api: db cache', 'db', 'cache: db')
  assert.deepEqual(needsOf('api', all), ['db', 'cache'])
  assert.deepEqual(dependentsOf('db', all), ['api', 'cache'])
  assert.deepEqual(allNeedsOf(['web'], all), ['db', 'cache', 'api'])
  assert.deepEqual(allNeedsOf(['web', 'db'], all), ['cache', 'api'])
})

test('circles', () => {
  assert.equal(circleIn(graph('web: api', 'api: db', 'db')), null)
  assert.deepEqual(circleIn(graph('web: api', 'api: db', 'db: api')), ['api', 'db', 'api'])
  assert.deepEqual(circleIn(graph('web: web')), ['web', 'web'])
})

test('any graph: waves hold each program once, and a circle is found where there is one', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const edges = fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 10 })
  fc.assert(
    fc.property(edges, (list) => {
      const of = (at: number): string =>
        list
          .filter(([from]) => from === at)
          .map(([, to]) => names[to])
          .join(' ')
      const any = graph(...names.map((name, at) => `${name}: ${of(at)}`))
      const waves = wavesOf(any)
      assert.deepEqual(waves.flat().sort(), names)
      const waveOf = (name: string): number => waves.findIndex((wave) => wave.includes(name))
      const inOrder = names.every((name) => needsOf(name, any).every((one) => waveOf(one) < waveOf(name)))
      assert.equal(circleIn(any) === null, inOrder)
    }),
  )
})
