// Following a log against a model, on real files: whatever is written, rotated, renamed and skipped in
// whatever order, every line comes once and in order, or is counted as missed.

import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
} from 'node:fs'
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

test('following goes on behind a place: in the same file, in one that was rotated since, and where it is gone', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'follow-'))
  const file = path.join(dir, 'x.log')
  const texts = (follower: ReturnType<typeof followLog>): string[] => follower.next(1_000_000).map(String)
  const opened: ReturnType<typeof followLog>[] = []
  const follow = (...words: Parameters<typeof followLog>) => {
    const follower = followLog(...words)
    opened.push(follower)
    return follower
  }
  try {
    appendFileSync(file, 'one\ntwo\n')
    const first = follow(file, 'beginning')
    assert.deepEqual([texts(first), first.lost], [['one', 'two'], false])
    const place = first.place()
    assert.ok(place)
    assert.deepEqual(place, { inode: statSync(file).ino, offset: 8 })
    appendFileSync(file, 'three\nfou')
    const same = follow(file, place)
    assert.deepEqual([texts(same), same.place()?.offset, same.lost], [['three'], 14, false])
    appendFileSync(file, 'r\n')
    renameSync(file, `${file}.1`)
    appendFileSync(file, 'five\n')
    renameSync(`${file}.1`, `${file}.2`)
    renameSync(file, `${file}.1`)
    appendFileSync(file, 'six\n')
    assert.deepEqual(texts(follow(file, place)), ['three', 'four', 'five', 'six'])
    renameSync(`${file}.1`, `${file}.1.gz`)
    const packed = follow(file, place)
    assert.deepEqual([texts(packed), packed.lost], [['six'], true], 'what is packed is not read as lines')
    rmSync(`${file}.2`)
    const late = follow(file, place)
    assert.deepEqual([texts(late), late.lost], [['six'], true])
  } finally {
    for (const one of opened) one.end()
    rmSync(dir, { recursive: true })
  }
})

test('lines since a time: files that were not written since are not opened, and one is read back no further than needed', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'follow-'))
  const file = path.join(dir, 'x.log')
  const now = Date.now()
  try {
    // 40 MB of old lines: were they read, the count of looks would show it.
    const old = `${'x'.repeat(199)}\n`.repeat(5000)
    for (let i = 0; i < 40; i++) appendFileSync(file, old)
    appendFileSync(file, 'new 1\nnew 2\n')
    appendFileSync(`${file}.1`, 'an archive\n')
    utimesSync(`${file}.1`, (now - 60_000) / 1000, (now - 60_000) / 1000)
    let looks = 0
    const isOlder = (line: Buffer): boolean => {
      looks++
      return line[0] === 'x'.charCodeAt(0)
    }
    const wanted = { count: 100_000, mostBytes: 1e9, whole: false }
    const found = await lastLines(file, { ...wanted, since: now - 10_000, isOlder })
    assert.deepEqual(found.slice(-2).map(String), ['new 1', 'new 2'])
    assert.ok(found.length < 3000 && looks < 10, `${found.length} lines, ${looks} looks`)
    const all = async (since: number): Promise<number> =>
      (await lastLines(file, { ...wanted, count: 300_000, since })).length
    assert.deepEqual(
      [await all(now - 10_000), await all(now - 120_000), await all(now + 60_000)],
      [200_002, 200_003, 0],
    )
  } finally {
    rmSync(dir, { recursive: true })
  }
})
