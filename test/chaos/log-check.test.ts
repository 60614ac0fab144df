// The judge of logs is judged: whole logs pass whatever the incarnations did, and one that was harmed does not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatLines } from '../../src/os/line-format.ts'
import { type Format, lengthOf, lineOf } from './lines.ts'
import { type Fault, follow, type Incarnation, type LogFacts, missing, newProgress } from './log-check.ts'

const MOST = 100
const tokenOf = (n: number): string => n.toString(16).padStart(32, '0')

const incarnation = (n: number, said: number, excused = false): Incarnation => ({
  token: tokenOf(n),
  name: `web:${n}`,
  said,
  excused,
})

const factsOf = (incarnations: readonly Incarnation[], more: Partial<LogFacts> = {}): LogFacts => ({
  format: 'raw',
  most: MOST,
  pipeBytes: 65_536,
  workers: false,
  incarnations: new Map(incarnations.map((one) => [one.token, one])),
  outages: [],
  ...more,
})

/** Line `number` of incarnation `n`, as it stands in a log. */
function written(n: number, number: number, format: Format = 'raw', time = 1_000): string {
  const line = lineOf(tokenOf(n), number, MOST)
  if (format === 'raw') return line
  const facts = { format, name: `web:${n}`, label: 'stdout', time } as const
  return formatLines(Buffer.from(`${line}\n`), facts)
    .toString()
    .trimEnd()
}

function judge(lines: readonly string[], facts: LogFacts): Fault[] {
  const progress = newProgress()
  return [...follow(progress, lines, facts), ...missing(progress, facts)]
}

const kinds = (faults: readonly Fault[]): string[] => faults.map(({ kind }) => kind)

/** Lines of several incarnations, each in its own order, mixed by the choices. */
const mixed = fc.record({
  counts: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
  choices: fc.infiniteStream(fc.nat()),
  format: fc.constantFrom<Format>('raw', 'prefix', 'json'),
})

function logOf({ counts, choices, format }: { counts: number[]; choices: Iterator<number>; format: Format }) {
  const next = counts.map(() => 1)
  const lines: string[] = []
  for (;;) {
    const open = counts.flatMap((count, n) => ((next[n] ?? 0) <= count ? [n] : []))
    const n = open[(choices.next().value as number) % open.length]
    if (n === undefined)
      return {
        lines,
        facts: factsOf(
          counts.map((count, at) => incarnation(at, count)),
          { format },
        ),
      }
    lines.push(written(n, next[n] ?? 0, format))
    next[n] = (next[n] ?? 0) + 1
  }
}

test('a log that is whole passes, in every format and mixture', () => {
  fc.assert(
    fc.property(mixed, (recipe) => {
      const { lines, facts } = logOf(recipe)
      assert.deepEqual(judge(lines, facts), [])
    }),
  )
})

test('taken in parts it is the same log', () => {
  fc.assert(
    fc.property(mixed, fc.nat(), (recipe, cut) => {
      const { lines, facts } = logOf(recipe)
      const progress = newProgress()
      const at = cut % (lines.length + 1)
      const faults = [...follow(progress, lines.slice(0, at), facts), ...follow(progress, lines.slice(at), facts)]
      assert.deepEqual([...faults, ...missing(progress, facts)], [])
      assert.equal(progress.lines, lines.length)
    }),
  )
})

test('a line that is taken out, doubled, cut, or moved is found', () => {
  const harms: Readonly<Record<string, (lines: string[], at: number) => void>> = {
    out: (lines, at) => void lines.splice(at, 1),
    doubled: (lines, at) => void lines.splice(at, 0, lines[at] ?? ''),
    cut: (lines, at) => void lines.splice(at, 1, lines[at]?.slice(0, -2) ?? ''),
    joined: (lines, at) => void lines.splice(at, 2, lines.slice(at, at + 2).join('')),
    empty: (lines, at) => void lines.splice(at, 0, ''),
  }
  for (const [name, harm] of Object.entries(harms)) {
    fc.assert(
      fc.property(mixed, fc.nat(), (recipe, choice) => {
        const { lines, facts } = logOf(recipe)
        fc.pre(name !== 'joined' || lines.length > 1)
        const harmed = [...lines]
        harm(harmed, choice % (name === 'joined' ? lines.length - 1 : lines.length))
        assert.notDeepEqual(judge(harmed, facts), [], name)
      }),
    )
  }
})

test('who died without a master may lack its end, up to what its pipe holds; never a line in the middle', () => {
  const lines = [1, 2, 3].map((number) => written(1, number))
  assert.deepEqual(kinds(judge(lines, factsOf([incarnation(1, 9)]))), ['lost'])
  assert.deepEqual(judge(lines, factsOf([incarnation(1, 9, true)])), [])
  assert.deepEqual(kinds(judge([lines[0] ?? '', lines[2] ?? ''], factsOf([incarnation(1, 9, true)]))), ['lost'])
  const far = 65_536 / 4
  assert.ok(lengthOf(tokenOf(1), far, MOST) > 4)
  assert.deepEqual(kinds(judge(lines, factsOf([incarnation(1, far, true)]))), ['lost'])
})

test('and its last line may be half: as it would have gone on, and nobody else’s', () => {
  const half = written(1, 3).slice(0, 20)
  const lines = [written(1, 1), written(1, 2), half, written(2, 1)]
  const other = incarnation(2, 1)
  assert.deepEqual(judge(lines, factsOf([incarnation(1, 3, true), other])), [])
  assert.deepEqual(kinds(judge(lines, factsOf([incarnation(1, 2), other]))), ['torn'])
  const wrong = [written(1, 1), written(1, 2), written(1, 4).slice(0, 40), written(2, 1)]
  assert.deepEqual(kinds(judge(wrong, factsOf([incarnation(1, 2, true), other]))), ['torn'])
})

for (const format of ['prefix', 'json'] as const) {
  test(`${format}: lines may come twice where a master was killed in between, and only there`, () => {
    const lines = [1, 2, 3].map((number) => written(1, number, format, 1_000))
    const again = [2, 3, 4].map((number) => written(1, number, format, 2_000))
    const outages = [{ killed: 1_500, gone: 1_510 }]
    const facts = factsOf([incarnation(1, 4)], { format })
    assert.deepEqual(judge([...lines, ...again], { ...facts, outages }), [])
    assert.deepEqual(kinds(judge([...lines, ...again], facts)), ['doubled'])
    const elsewhere = [{ killed: 2_500, gone: 2_510 }]
    assert.deepEqual(kinds(judge([...lines, ...again], { ...facts, outages: elsewhere })), ['doubled'])
    assert.deepEqual(kinds(judge([...lines, written(1, 5, format, 2_000)], { ...facts, outages })), ['lost'])
  })

  test(`${format}: half a line where a master was killed: its whole comes again`, () => {
    const lines = [written(1, 1, format), written(1, 2, format).slice(0, 40), written(1, 2, format, 2_000)]
    const facts = factsOf([incarnation(1, 2)], { format })
    assert.deepEqual(kinds(judge(lines, facts)), ['torn'])
    assert.deepEqual(judge(lines, { ...facts, outages: [{ killed: 1_500, gone: 1_510 }] }), [])
  })

  test(`${format}: a line under another's name is found`, () => {
    const facts = factsOf([{ ...incarnation(1, 1), name: 'web:7' }], { format })
    assert.deepEqual(kinds(judge([written(1, 1, format)], facts)), ['stray', 'lost'])
  })
}

test('raw lines never come twice, whoever was killed', () => {
  const lines = [1, 2, 2].map((number) => written(1, number))
  const facts = factsOf([incarnation(1, 2)], { outages: [{ killed: 0, gone: 9e12 }] })
  assert.deepEqual(kinds(judge(lines, facts)), ['doubled'])
})

test('a line of nobody, and what a worker logs by itself', () => {
  const own = '{"level":"info","msg":"stopped"}'
  assert.deepEqual(kinds(judge([written(3, 1)], factsOf([incarnation(1, 0)]))), ['stray'])
  assert.deepEqual(kinds(judge([own], factsOf([]))), ['torn'])
  assert.deepEqual(judge([own], factsOf([], { workers: true })), [])
})
