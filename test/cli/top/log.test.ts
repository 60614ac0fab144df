// The log in `top`: whose it is, holding and following, scrolling, filtering; and figures over time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seenLines } from '../../../cli/top/log.ts'
import type { Message, Model } from '../../../cli/top/model.ts'
import { KEPT } from '../../../cli/top/programs.ts'
import type { LogLine, LogSource } from '../../../src/api/contract.ts'
import { after, key, look, now, pressed, program, row, seeing } from './pieces.ts'

const file = (path: string, name: string): LogSource => ({ path, name, stream: null, format: 'raw' })
const line = (text: string): LogLine => ({ name: 'web', stream: null, time: null, text })
const batch = (texts: readonly string[], target = 'web', missed = 0): Message => ({
  kind: 'log',
  target,
  batch: { lines: texts.map(line), missed, files: [], place: null, error: null },
})
const opened: Message = { kind: 'logOpened', target: 'web', files: [file('/w', 'web')] }
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `line ${from + i}`)
const seen = (model: Model, count = 3): string[] => seenLines(model.log, count).map(({ text }) => text)
const reading = (...texts: readonly string[]): Model => after(seeing(), opened, batch(texts))

test('the log is that of the selected one: it is asked for when the selection moves, and what comes late is dropped', () => {
  const first = seeing()
  assert.equal(first.log.target, 'web')
  const moved = pressed(after(first, opened, batch(['of web'])), 'j')
  assert.deepEqual(moved.effects, [{ kind: 'watchLog', target: 'web:0' }])
  assert.deepEqual([moved.model.log.target, moved.model.log.lines.length], ['web:0', 0])
  assert.deepEqual(seen(after(moved.model, batch(['of web']))), [])
  assert.deepEqual(pressed(first, 'enter').effects, [], 'the same log, on the whole screen')
})

test('in the log view the selection may change, the log does not', () => {
  const model = after(seeing(), key('enter'), look([program('other', [row('other:0')])]))
  assert.deepEqual([model.selected, model.log.target], ['other:0', 'web'])
  const back = pressed(model, 'escape')
  assert.deepEqual([back.model.log.target, back.effects], ['other:0', [{ kind: 'watchLog', target: 'other:0' }]])
})

test('m shows the log of the master', () => {
  const { model, effects } = pressed(seeing(), 'm')
  assert.deepEqual([model.view, model.log.target, effects], ['log', 'master', [{ kind: 'watchLog', target: 'master' }]])
})

test('it follows its end; f holds it and lets it go', () => {
  const model = reading(...numbers(0, 10))
  assert.deepEqual(seen(model), ['line 7', 'line 8', 'line 9'])
  const held = after(model, key('f'), batch(numbers(10, 20)))
  assert.deepEqual(seen(held), ['line 7', 'line 8', 'line 9'])
  assert.deepEqual(seen(after(held, key('f'))), ['line 17', 'line 18', 'line 19'])
})

test('scrolling back holds it, scrolling to the end follows again', () => {
  const model = after(reading(...numbers(0, 100)), key('enter'))
  const up = after(model, key('k'), key('k'), batch(['new']))
  assert.deepEqual(seen(up), ['line 95', 'line 96', 'line 97'])
  assert.deepEqual(seen(after(up, key('j'))), ['line 96', 'line 97', 'line 98'])
  assert.deepEqual(seen(after(up, key('j'), key('j'), key('j'))), ['line 98', 'line 99', 'new'])
  assert.equal(after(up, key('j'), key('j'), key('j')).log.held, null)
  assert.deepEqual(seen(after(up, key('g'))), ['line 0'])
  assert.deepEqual(seen(after(up, key('g'), key('G')), 1), ['new'])
  assert.deepEqual(seen(after(model, key('pageup')), 1), ['line 79'])
})

test('a filter leaves lines out, of those that come as well, and scrolling goes over them', () => {
  const model = after(
    reading(...numbers(0, 20)),
    key('enter'),
    key('/'),
    ...'E 1'.split('').map((c) => key(c === ' ' ? 'space' : c)),
  )
  assert.deepEqual(seen(after(model, batch(['line 21', 'line 121'])), 2), ['line 19', 'line 121'])
  const typed = after(model, key('enter'))
  assert.deepEqual([typed.panel, typed.log.filter], [null, 'E 1'])
  assert.deepEqual(seen(after(typed, key('k')), 2), ['line 17', 'line 18'])
  assert.deepEqual(seen(after(typed, key('g')), 2), ['line 1'])
  assert.deepEqual(seen(after(typed, key('/'), key('backspace'), key('2'), key('enter')), 9), ['line 2'])
  const left = pressed(typed, 'escape').model
  assert.deepEqual([left.log.filter, left.view], ['', 'log'], 'first the filter goes, then the view')
  assert.equal(pressed(left, 'escape').model.view, 'main')
})

test('of very many lines the newest are kept; what is held stays, and what then passes by is counted', () => {
  const many = reading(...numbers(0, 2500))
  assert.deepEqual([many.log.lines.length, many.log.lines[0]?.text], [2000, 'line 500'])
  const held = after(many, key('f'), batch(numbers(2500, 5000)))
  assert.deepEqual(seen(held), ['line 2497', 'line 2498', 'line 2499'])
  const much = after(held, batch(numbers(5000, 9000)), batch(numbers(9000, 9500)))
  assert.deepEqual(seen(much), seen(held))
  const followed = after(much, key('f'))
  assert.deepEqual(seen(followed, 2), ['line 4999', '-- 4500 lines passed while it was held --'])
  const next = after(followed, batch(['new']))
  assert.deepEqual([seen(next, 1), next.log.lines.length], [['new'], 2000])
})

test('what was left out is said, and a log that cannot be shown says why', () => {
  assert.deepEqual(seen(after(reading('a'), batch(['b'], 'web', 12))), ['a', '-- 12 lines missed --', 'b'])
  const failed = after(seeing(), { kind: 'logFailed', target: 'web', why: 'no such program' })
  assert.deepEqual(failed.log.state, { at: 'failed', why: 'no such program' })
  assert.equal(after(failed, opened).log.state.at, 'open')
})

test('requests a second: between two looks at the same process', () => {
  const at = (pid: number, requests: number | null, seconds: number): Message =>
    look([program('web', [row('web:0', { pid, requests })])], now + seconds * 1000)
  const rate = (...looks: readonly Message[]): number | null | undefined =>
    after(seeing([]), ...looks).trails.get('web:0')?.rate
  assert.equal(rate(at(1, 100, 1)), null)
  assert.equal(rate(at(1, 100, 1), at(1, 150, 3)), 25)
  assert.equal(rate(at(1, 100, 1), at(2, 3, 3)), null, 'another process counts from 0')
  assert.equal(rate(at(1, 100, 1), at(1, null, 3)), null)
  assert.equal(rate(at(1, 100, 1), at(1, 150, 3), at(1, 999, 3.1)), 25, 'too soon to say')
})

test('curves: a value a look, the newest kept, gone with their process', () => {
  const looks = Array.from({ length: KEPT + 5 }, (_, i) =>
    look([program('web', [row('web:0', { cpu: i })])], now + i * 1000),
  )
  const { trails } = after(seeing([]), ...looks)
  const cpu = trails.get('web:0')?.cpu ?? []
  assert.deepEqual([cpu.length, cpu[0], cpu.at(-1)], [KEPT, 5, KEPT + 4])
  assert.deepEqual(trails.get('web')?.cpu, cpu)
  assert.equal(after(seeing([]), ...looks, look([], now + 999_000)).trails.size, 0)
})
