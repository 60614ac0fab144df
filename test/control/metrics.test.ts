// Metrics as text, and the sums behind them: what a scraper reads is whole, and no counter goes back.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Family, printerFor, type Sample } from '../../src/control/exposition.ts'
import { families } from '../../src/control/metric-families.ts'
import { SlotSum } from '../../src/control/totals.ts'
import { readMetrics } from '../helpers/prometheus.ts'

const OPEN = 'application/openmetrics-text; version=1.0.0'
const counter: Family = { name: 'phd_x_total', kind: 'counter', help: 'Lines\nand \\.', labels: ['name'] }

async function printed(accept: string | undefined, family: Family, samples: readonly Sample[]): Promise<string> {
  const printer = printerFor(accept)
  return (await printer.family(family, samples)) + printer.end
}

test('any value of a label is read back as it was, in both forms', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 5 }), async (names) => {
      const samples = names.map((name, at): Sample => [[name], at + 0.5])
      for (const [accept, form] of [
        [undefined, 'prometheus'],
        [OPEN, 'openmetrics'],
      ] as const) {
        const read = readMetrics(await printed(accept, counter, samples), form)
        for (const [at, name] of names.entries()) assert.equal(read.value('phd_x_total', { name }), at + 0.5)
      }
    }),
    { numRuns: 50 },
  )
})

test('a family without labels has its one sample; one with labels may have none', async () => {
  const none = readMetrics(await printed(undefined, counter, []))
  assert.deepEqual(none.families.get('phd_x_total')?.samples, [])
  const one = readMetrics(await printed(undefined, { ...counter, labels: [] }, [[[], 7]]))
  assert.equal(one.value('phd_x_total'), 7)
})

test('the form is the one that is better liked; Prometheus and browsers get theirs', () => {
  const isOpen = (accept?: string): boolean => printerFor(accept).type.startsWith('application/openmetrics-text')
  assert.ok(
    isOpen(
      'application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3',
    ),
  )
  assert.ok(isOpen(OPEN))
  for (const accept of [
    undefined,
    '',
    '*/*',
    'text/html,*/*;q=0.8',
    'text/plain',
    `text/plain, ${OPEN};q=0.1`,
    `${OPEN};q=0`,
  ])
    assert.ok(!isOpen(accept), accept)
})

test('names are as Prometheus would have them, and each is there once', () => {
  const names = families.map(({ name }) => name)
  assert.deepEqual(names, [...new Set(names)])
  for (const { name, kind, help } of families) {
    assert.match(name, /^phd_[a-z_]+$/)
    assert.equal(kind === 'counter', name.endsWith('_total'), name)
    assert.doesNotMatch(name, /milli|kilo|_ms|percent|minutes/)
    assert.match(help, /^[A-Z0-9].*\.$/)
  }
})

test('the sum of a slot never goes back, whatever its processes have done when', () => {
  const step = fc.record({ pid: fc.integer({ min: 1, max: 3 }), more: fc.nat(5), what: fc.constantFrom('see', 'end') })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const sum = new SlotSum()
      const counts = new Map<number, number>()
      let before = 0
      for (const { pid, more, what } of steps) {
        if (what === 'see') {
          counts.set(pid, (counts.get(pid) ?? 0) + more)
          sum.see(pid, counts.get(pid) ?? 0)
        } else {
          sum.end(pid)
          counts.delete(pid) // the pid is another process now, which begins at 0
        }
        assert.ok(sum.total >= before)
        before = sum.total
      }
    }),
  )
  const sum = new SlotSum()
  sum.see(1, 10)
  sum.see(2, 4) // beside it
  sum.see(1, null) // unknown is not 0
  sum.end(1)
  sum.see(3, 1)
  assert.equal(sum.total, 15)
})
