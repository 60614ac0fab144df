// Following a log against a model, on real files: whatever is written, rotated, renamed and skipped in
// whatever order, every line comes once and in order, or is counted as missed.

import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { followLog } from '../../src/os/log-follow.ts'
import { lastLines } from '../../src/os/log-reader.ts'

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      lines: fc.integer({ min: 1, max: 400 }),
      length: fc.integer({ min: 0, max: 900 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'half' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'rotate' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('read' as const), most: fc.integer({ min: 1, max: 200_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('skip' as const),
      keep: fc.integer({ min: 0, max: 100_000 }),
      most: fc.integer({ min: 1, max: 300_000 }),
    }),
  },
)

test('every line comes once and in order, or is counted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const dir = mkdtempSync(path.join(tmpdir(), 'follow-'))
      const file = path.join(dir, 'x.log')
      const openFiles = (): number => readdirSync('/proc/self/fd').length
      const before = openFiles()
      const following = followLog(file)
      following.replaced()
      let written = 0
      let rotated = 0
      /** A line that is begun: it is finished by the next write, or by the rotation. */
      let half = false
      /** Of the newest line that came or was missed. */
      let at = 0
      const write = (text: string): void => {
        const fresh = !readdirSync(dir).includes('x.log')
        appendFileSync(file, text)
        if (fresh) following.replaced()
      }
      const finish = (): void => {
        if (half) write('\n')
        half = false
      }
      const take = (lines: readonly Buffer[]): void => {
        for (const line of lines) {
          const number = Number(String(line).split(' ')[0])
          const missed = following.missed()
          assert.equal(number, at + missed + 1, `after ${at}, with ${missed} missed`)
          at = number
        }
      }
      try {
        for (const one of steps) {
          if (one.kind === 'write') {
            finish()
            write(Array.from({ length: one.lines }, () => `${++written} ${'x'.repeat(one.length)}\n`).join(''))
          } else if (one.kind === 'half') {
            if (!half) write(`${++written} half`)
            half = true
          } else if (one.kind === 'rotate' && readdirSync(dir).includes('x.log')) {
            finish()
            renameSync(file, `${file}.${++rotated}`)
            if (rotated > 2) rmSync(`${file}.${rotated - 2}`)
            write('')
          } else if (one.kind === 'read') take(following.next(one.most))
          else if (one.kind === 'skip') following.skip(one.keep, one.most)
        }
        finish()
        for (let lines = following.next(1e6); lines.length > 0; lines = following.next(1e6)) take(lines)
        assert.equal(at + following.missed(), written)
        assert.ok(!following.holds)
      } finally {
        following.end()
        rmSync(dir, { recursive: true })
      }
      assert.equal(openFiles(), before, 'no descriptor is left')
    }),
    { numRuns: 150 },
  )
})

test('a file that was emptied is read from its beginning; a line longer than a chunk comes in parts', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'follow-'))
  const file = path.join(dir, 'x.log')
  const following = followLog(file)
  try {
    appendFileSync(file, 'before\nunfinished')
    following.replaced()
    assert.deepEqual(following.next(1000).map(String), ['before'])
    truncateSync(file)
    following.replaced()
    appendFileSync(file, 'after\n')
    assert.deepEqual(following.next(1000).map(String), ['after'])
    appendFileSync(file, `${'x'.repeat(200_000)}\nshort\n`)
    const lines = following.next(1_000_000)
    assert.equal(lines.slice(0, -1).join(''), 'x'.repeat(200_000))
    assert.equal(String(lines.at(-1)), 'short')
  } finally {
    following.end()
    rmSync(dir, { recursive: true })
  }
})

test('an unfinished last line is shown, but not to one who follows: he gets it whole', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'follow-'))
  const file = path.join(dir, 'x.log')
  appendFileSync(file, 'one\ntwo\nthr')
  const following = followLog(file)
  try {
    const last = async (whole: boolean): Promise<string[]> =>
      (await lastLines(file, { count: 2, mostBytes: 1000, whole })).map(String)
    assert.deepEqual(await last(false), ['two', 'thr'])
    assert.deepEqual(await last(true), ['one', 'two'])
    appendFileSync(file, 'ee\n')
    assert.deepEqual(following.next(1000).map(String), ['three'])
  } finally {
    following.end()
    rmSync(dir, { recursive: true })
  }
})
