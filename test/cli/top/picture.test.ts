// The screen of `top`: what it says, that it fits whatever happens, and that blessed gets nothing it cannot draw.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { painter, width } from '../../../cli/format.ts'
import { roundUp } from '../../../cli/top/curves.ts'
import { drawable } from '../../../cli/top/glyphs.ts'
import { keyRows } from '../../../cli/top/keys.ts'
import { isTooSmall } from '../../../cli/top/layout.ts'
import { firstModel, type Message, type Model, watched } from '../../../cli/top/model.ts'
import { pictureOf } from '../../../cli/top/picture.ts'
import { indexOf, rowsOf } from '../../../cli/top/rows.ts'
import { bars, fit, stripped, wrapped } from '../../../cli/top/text.ts'
import { after, down, event, info, key, look, now, program, row, seeing, size, some } from './pieces.ts'

const plain = { paint: painter(false), colour: false }
const painted = { paint: painter(true), colour: true }
const linesOf = (model: Model): string[] => pictureOf(model, plain).lines.map((line) => stripped(line).trimEnd())
const shows = (model: Model, text: string): void => {
  assert.ok(linesOf(model).join('\n').includes(text), `${text}\n${linesOf(model).join('\n')}`)
}

test('the master, the totals, and the table', () => {
  const [master, totals, head, web, web0, , , mail, , jobs0] = linesOf(seeing())
  assert.match(master ?? '', /^phd 0\.1\.0 {2}pid 4711 {2}up 4m 5s {2}\/srv\/phd\.sock +\d\d:\d\d:\d\d$/)
  assert.match(totals ?? '', /^6 processes: 5 running, 1 fatal {2}cpu 40\.0% {2}mem 12\.6M +sort file$/)
  assert.match(head ?? '', /^ {2}NAME +STATE +READY +PID +UPTIME +CPU +MEM +REQ\/S RESTARTS$/)
  assert.match(web ?? '', /^ -web +RUNNING +3\/3 +9\.0% +10\.6M +- +3$/)
  assert.match(web0 ?? '', /^ {4}web:0 +RUNNING +yes +100 +1m 0s +1\.0% +1\.0M +- +0$/)
  assert.match(mail ?? '', /^ {2}mail:0 +RUNNING/)
  assert.match(jobs0 ?? '', /^ {4}jobs:0 +FATAL +exit 3$/)
})

test('a wait is counted down, a mark is seen, and what is filtered is said', () => {
  const waiting = down('a:0', 'BACKOFF', { reason: 'exit 1', nextAttemptAt: new Date(now + 3200).toISOString() })
  shows(seeing([program('a', [waiting])]), 'BACKOFF  exit 1, again in 3.2s')
  shows(after(seeing(), key('space')), '*-web')
  shows(after(seeing(), key('space')), '1 marked')
  shows(after(seeing(), key('/'), key('m'), key('a'), key('enter')), 'filter ma')
  shows({ ...seeing(), filter: 'zzz' }, 'nothing has "zzz" in its name or state')
  shows(seeing([]), 'no programs')
  assert.ok(
    !linesOf(firstModel(size, [watched(null, info)], now))
      .join('')
      .includes('no programs'),
    'nothing is known yet',
  )
})

test('a master that goes, comes back, stops, or says nothing', () => {
  const gone = after(
    seeing(),
    { kind: 'gone', host: null, why: 'nobody listens on it' },
    { kind: 'tick', now: now + 3000 },
  )
  shows(gone, 'no master for 3s, trying again: nobody listens on it')
  shows(gone, 'web:0')
  shows(
    after(gone, { kind: 'gone', host: null, why: 'no such socket' }, { kind: 'tick', now: now + 5000 }),
    'no master for 5s',
  )
  shows(after(gone, { kind: 'connected', host: null, info: { ...info, pid: 99 } }), 'pid 99')
  shows(after(seeing(), event('master.stopping', { reason: 'SIGTERM' })), 'stopping')
  shows(after(seeing(), { kind: 'tick', now: now + 12_000 }), 'pid 4711, has not answered for 12s')
})

test('events stand in their strip, the newest last', () => {
  const model = after(
    seeing(),
    event('process.state', { program: 'web', name: 'web:0', from: 'RUNNING', to: 'BACKOFF', process: row('web:0') }),
    event('program.scaled', { program: 'web', from: 2, to: 3 }),
  )
  const [first, second] = linesOf(model).slice(-3)
  assert.match(first ?? '', /web:0 +RUNNING -> BACKOFF$/)
  assert.match(second ?? '', /web +2 -> 3 processes$/)
})

test('what a program says cannot leave its line', () => {
  const lines = ['\x1b[2J\x1b[31mred\x07', 'a\tb', '\u4f60\u597d'].map((text) => ({
    name: 'web',
    stream: null,
    time: null,
    text,
  }))
  const model = after(
    seeing(),
    { kind: 'logOpened', target: 'web', files: [{ path: '/w', name: 'web', stream: null, format: 'raw' }] },
    { kind: 'log', target: 'web', batch: { lines, missed: 0, files: [], place: null, error: null } },
  )
  const text = pictureOf(model, painted).lines.join('\n')
  assert.ok(text.includes('\\x1b[2J\x1b[31mred\\x07'), text)
  shows(model, 'a    b')
  shows(model, '\u4f60\u597d')
})

test('on the whole screen long lines are wrapped, and the end is seen', () => {
  const texts = ['first', 'y'.repeat(100), `${'z'.repeat(3000)} end`]
  const lines = texts.map((text) => ({ name: 'web', stream: null, time: null, text }))
  const log: Message = { kind: 'log', target: 'web', batch: { lines, missed: 0, files: [], place: null, error: null } }
  const files = [{ path: '/w', name: 'web', stream: null, format: 'raw' as const }]
  const model = after(seeing(), { kind: 'logOpened', target: 'web', files }, log, key('enter'))
  const shown = linesOf(model)
  assert.deepEqual([shown.length, shown.at(-2), shown.at(2)], [24, `${'z'.repeat(40)} end`, 'z'.repeat(80)])
  assert.deepEqual(linesOf(after(model, key('k'))).slice(2, 5), ['first', 'y'.repeat(80), 'y'.repeat(20)])
})

test('help names every key, and a question stands over all else', () => {
  const help = pictureOf(after(seeing(some, { ...size, rows: 60 }), key('?')), plain).box?.lines.join('\n') ?? ''
  for (const { shown, meaning } of Object.values(keyRows))
    assert.ok(help.includes(shown) && help.includes(meaning.slice(0, 30)), shown)
  const question = pictureOf(after(seeing(), key('x')), plain).box
  assert.match(question?.lines[1] ?? '', /stop web \(3 processes\)\?/)
})

test('a terminal that is too small says what it needs', () => {
  assert.deepEqual(linesOf(seeing(some, { columns: 59, rows: 14, braille: true })), ['needs 60x14, this is 59x14'])
})

const key1 = fc.constantFrom(
  ...Object.values(keyRows).flatMap(({ keys }) => keys as readonly string[]),
  'y',
  'n',
  'z',
  'ß',
  '中',
)
const name = fc.constantFrom('web', 'a-program-with-a-very-long-name-indeed', '中文程序', 'x')
const programs = fc.uniqueArray(name, { maxLength: 4 }).chain((all) =>
  fc.tuple(
    ...all.map((one) =>
      fc
        .array(
          fc.constantFrom('RUNNING', 'FATAL', 'BACKOFF', 'STOPPED', 'EXITED', 'STANDBY') as fc.Arbitrary<'FATAL'>,
          { maxLength: 12 },
        )
        .map((states) =>
          program(
            one,
            states.map((state, i) =>
              (state as string) === 'RUNNING'
                ? row(`${one}:${i}`, { reason: 'too\nlong '.repeat(20), cpu: 98765.4 })
                : down(`${one}:${i}`, state),
            ),
            { desired: 3 },
          ),
        ),
    ),
  ),
)
const message: fc.Arbitrary<Message> = fc.oneof(
  { weight: 6, arbitrary: key1.map((one): Message => key(one)) },
  programs.map((all): Message => look(all)),
  fc
    .record({ columns: fc.integer({ min: 1, max: 200 }), rows: fc.integer({ min: 1, max: 70 }), braille: fc.boolean() })
    .map((room): Message => ({ kind: 'resize', size: room })),
  fc.string().map((why): Message => ({ kind: 'gone', host: null, why })),
  fc.array(fc.string({ unit: 'grapheme' })).map(
    (texts): Message => ({
      kind: 'log',
      target: 'web',
      batch: {
        lines: texts.map((text) => ({ name: 'web', stream: null, time: null, text })),
        missed: 1,
        files: [],
        place: null,
        error: null,
      },
    }),
  ),
)

test('whatever happens: the selection is a row that is seen, and every line fits', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 30 }), (messages) => {
      let model = seeing()
      for (const one of messages) {
        model = after(model, one)
        const rows = rowsOf(model)
        assert.equal(rows.length === 0, model.selected === null)
        assert.ok(rows.length === 0 || rows.some((r) => r.name === model.selected))
        const { lines, box } = pictureOf(model, painted)
        const { columns, rows: height } = model.size
        for (const line of lines)
          assert.ok(width(line) <= columns, `${width(line)} of ${columns}: ${JSON.stringify(line)}`)
        if (isTooSmall(model.size)) continue
        assert.equal(lines.length, height)
        const at = indexOf(rows, model.selected)
        if (at >= 0 && model.view === 'main')
          assert.ok(
            lines.some((line) => line.startsWith('\x1b[7m')),
            'the selected row is seen',
          )
        if (box) {
          assert.ok(box.top + box.lines.length <= height, `${box.top} ${box.lines.length} ${height}`)
          for (const line of box.lines) assert.ok(box.left + width(line) <= columns)
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('fit is exactly as wide as it says; wrapped loses nothing', () => {
  const text = fc
    .array(fc.oneof(fc.string(), fc.constantFrom('\x1b[31m', '\x1b[0m', '中', 'é')))
    .map((all) => all.join('').replace(/\p{Cc}(?!\[)/gu, ''))
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 40 }), (one, columns) => {
      assert.equal(width(fit(one, columns)), columns)
      const lines = wrapped(one, columns)
      for (const line of lines) assert.ok(width(line) <= columns)
      assert.equal(stripped(lines.join('')), stripped(one))
    }),
  )
})

test('bars: the newest at the right end, the largest is the highest', () => {
  assert.equal(bars([0, 5, 10], 5, 10), '  ▁▅█')
  assert.equal(bars([1, 2, 3, 4], 2, 4), '▆█')
  assert.equal(bars([1], 0, 1), '')
})

test('the scale of curves goes up by steps', () => {
  assert.deepEqual([1, 1.1, 3, 5, 7, 12, 45.8, 101].map(roundUp), [1, 2, 5, 5, 10, 20, 50, 200])
})

test('blessed is given what it can draw, as wide as it was', () => {
  const full = { utf8: true, colour: true }
  assert.equal(drawable('\x1b[2mx\x1b[22m', full), '\x1b[90mx\x1b[22;39m')
  assert.equal(drawable('\x1b[4:3mx', full), 'x')
  assert.equal(drawable('中│…▁é', full), '中│…▁é')
  assert.equal(drawable('a👩‍👩‍👧b', full), 'a??b')
  assert.equal(drawable('⌚', full), '??', 'as wide as this to some, to blessed as wide as one')
  assert.equal(drawable('\x1b[1m\x1b[31mx\x1b[7m\x1b[38;5;9my', { utf8: true, colour: false }), '\x1b[1mx\x1b[7my')
  const ascii = drawable('┌─ 中…', { utf8: false, colour: true })
  assert.equal(ascii, '+- ??~')
})
