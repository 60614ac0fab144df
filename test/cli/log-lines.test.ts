// Lines of logs, of the master's log, and of events, as people read them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventLine } from '../../cli/event-lines.ts'
import { outputLine, painter, timeOfDay } from '../../cli/format.ts'
import { inOrder, logPrinter, nameStyle } from '../../cli/log-lines.ts'
import { recordWords } from '../../cli/record-words.ts'
import type { Happening, LogLine, LogSource } from '../../src/api/contract.ts'

const plain = painter(false)
const time = '2026-11-24T11:40:00.123Z'
const now = Date.parse(time) + 1000
const clock = timeOfDay(time, now)
const line = (name: string, text: string, more: Partial<LogLine> = {}): LogLine => ({
  name,
  text,
  stream: null,
  time: null,
  ...more,
})
const source = (name: string, format: LogSource['format'] = 'raw'): LogSource => ({
  path: `/${name}.log`,
  name,
  stream: null,
  format,
})
const print = (files: readonly LogSource[], lines: readonly LogLine[], tty = false): string =>
  logPrinter(files, { tty, colour: false, paint: plain, now: () => now }).print(lines)

test('a name stands before a line where several can come, and only there', () => {
  assert.equal(print([source('web')], [line('web', 'text')]), 'text\n')
  assert.equal(print([source('web:0', 'prefix')], [line('web:0', 'text', { time })]), `${time} text\n`)
  assert.equal(
    print([source('web:0'), source('a:0')], [line('web:0', 'one'), line('a:0', 'two', { stream: 'stderr' })]),
    'web:0 | one\na:0   ! two\n',
  )
  assert.equal(print([source('web', 'json')], [line('web:1', 'text', { time })], true), `web:1 | ${clock} text\n`)
  assert.equal(print([], []), '')
})

test('a wider name widens the column from then on', () => {
  const printer = logPrinter([source('w', 'json')], { tty: false, colour: false, paint: plain, now: () => now })
  assert.equal(printer.print([line('w:0', 'a')]), 'w:0 | a\n')
  assert.equal(printer.print([line('w:100', 'b'), line('w:0', 'c')]), 'w:100 | b\nw:0   | c\n')
})

test('names stand before the lines from when a second file joins the first', () => {
  const printer = logPrinter([source('web:0')], { tty: false, colour: false, paint: plain, now: () => now })
  printer.follows([source('web:0')])
  assert.equal(printer.print([line('web:0', 'alone')]), 'alone\n')
  printer.follows([source('web:11')])
  assert.equal(printer.print([line('web:0', 'one'), line('web:11', 'two')]), 'web:0  | one\nweb:11 | two\n')
})

test('lines of several files are put in the order of time where all have one', () => {
  const at = (second: number): LogLine => line('x', `${second}`, { time: `2026-11-24T11:40:0${second}.000Z` })
  assert.deepEqual(inOrder([at(2), at(1), at(3)]), [at(1), at(2), at(3)])
  const mixed = [at(2), line('x', 'no time'), at(1)]
  assert.equal(inOrder(mixed), mixed)
})

test('the colour of a name is always the same, and neighbours differ', () => {
  for (const name of ['web', 'api', 'a-very-long-name', 'x.y_z']) {
    assert.equal(nameStyle(`${name}:3`), nameStyle(`${name}:3`))
    for (let slot = 0; slot < 20; slot++)
      assert.notEqual(nameStyle(`${name}:${slot}`), nameStyle(`${name}:${slot + 1}`))
  }
})

for (const [text, colour, wanted] of [
  ['plain', true, 'plain'],
  ['tab\tstays', true, 'tab\tstays'],
  ['\x1b[1;31mred\x1b[0m', true, '\x1b[1;31mred\x1b[0m\x1b[0m'],
  ['\x1b[38:5:1mred', true, '\x1b[38:5:1mred\x1b[0m'],
  ['\x1b[1;31mred\x1b[0m', false, 'red'],
  ['\x1b[2Jgone', true, '\\x1b[2Jgone'],
  ['\x1b]0;title\x07', true, '\\x1b]0;title\\x07'],
  ['10%\r20%\r', true, '10%\\x0d20%'],
  ['\u202eright to left', true, '\\u202eright to left'],
  ['\x9b2J', true, '\\x9b2J'],
  ['日本', true, '日本'],
] as const) {
  test(`on a terminal ${JSON.stringify(text)} ${colour ? 'in colour' : 'without'}`, () => {
    assert.equal(outputLine(text, colour), wanted)
  })
}

test('the time of another day has its day', () => {
  const day = 24 * 3600 * 1000
  assert.match(timeOfDay(time, now), /^\d\d:\d\d:\d\d$/)
  assert.match(timeOfDay(time, now + 2 * day), /^2026-11-2[345] \d\d:\d\d:\d\d$/)
  assert.equal(timeOfDay('never\x07', now), 'never\\x07')
})

for (const [facts, words] of [
  [{ msg: 'ready', pid: 7 }, 'info  ready pid=7'],
  [
    { msg: 'state', program: 'web', name: 'web:0', pid: 7, from: 'STARTING', to: 'RUNNING' },
    'info  web:0  STARTING -> RUNNING  pid 7',
  ],
  [
    { msg: 'state', name: 'web:0', pid: null, from: 'RUNNING', to: 'BACKOFF', exit: 3, reason: 'exit 3' },
    'info  web:0  RUNNING -> BACKOFF  exit 3',
  ],
  [
    {
      msg: 'called',
      audit: true,
      method: 'restart',
      params: { target: ['a', 'b'], wait: true, timeout: 3 },
      uid: 0,
      pid: 9,
    },
    'info  restart a b timeout=3 (uid 0, pid 9)',
  ],
  [{ level: 'error', msg: 'cannot log', file: '/x\x1b[2J' }, 'error cannot log file=/x\\x1b[2J'],
] as const) {
  test(`the master's record ${facts.msg} in words: ${words}`, () => {
    assert.equal(recordWords(JSON.stringify({ level: 'info', time, ...facts }), plain, now), `${clock} ${words}`)
  })
}

test('what is no record stays as it is', () => {
  for (const text of ['', 'words', 'null', '7', '[]', '{}', '{"level":1,"time":2,"msg":3}']) {
    assert.equal(recordWords(text, plain, now), null)
  }
})

const state = (from: string | null, to: string | null, more: object = {}): object => ({
  topic: 'process.state',
  program: 'web',
  name: 'web:0',
  from,
  to,
  pid: null,
  exit: null,
  reason: null,
  ...more,
})
for (const [event, words] of [
  [state('STARTING', 'RUNNING', { pid: 7 }), 'web:0         STARTING -> RUNNING  pid 7'],
  [state('STARTING', 'STARTING', { pid: 7 }), 'web:0         STARTING  pid 7'],
  [state(null, 'STOPPED'), 'web:0         STOPPED'],
  [state('STOPPED', null), 'web:0         STOPPED -> gone'],
  [
    state('RUNNING', 'BACKOFF', {
      pid: 7,
      exit: { code: 1, signal: null },
      reason: 'exit 1',
      process: {
        reason: 'exit 1; failed start 2 of 11',
        nextAttemptAt: new Date(Date.parse(time) + 400).toISOString(),
      },
    }),
    'web:0         RUNNING -> BACKOFF  exit 1; failed start 2 of 11, again in 0.4s',
  ],
  [
    state('STOPPING', 'STOPPED', { exit: { code: null, signal: 'SIGKILL' } }),
    'web:0         STOPPING -> STOPPED  SIGKILL',
  ],
  [{ topic: 'process.ready', name: 'web:0', ready: false }, 'web:0         not ready'],
  [{ topic: 'program.scaled', program: 'web', from: 2, to: 1 }, 'web           2 -> 1 process'],
  [
    { topic: 'program.reload', program: 'web', what: 'reload', phase: 'begun', names: ['web:0', 'web:1'], error: null },
    'web           reload of 2 processes begins',
  ],
  [
    { topic: 'program.reload', program: 'web', what: 'reload', phase: 'ended', names: [], error: 'exit 1' },
    'web           reload failed: exit 1',
  ],
  [
    {
      topic: 'program.schedule',
      program: 'job',
      what: 'due',
      at: time,
      nextRunAt: new Date(Date.parse(time) + 90_000).toISOString(),
    },
    `job           the run of ${clock} begins; next run in 1m 30s`,
  ],
  [
    { topic: 'program.schedule', program: 'job', what: 'skipped', at: time, nextRunAt: null },
    `job           the run of ${clock} is skipped, one is under way; no next run`,
  ],
  [
    { topic: 'program.schedule', program: 'job', what: 'missed', at: time, nextRunAt: null },
    `job           the run of ${clock} was missed; no next run`,
  ],
  [{ topic: 'program.schedule', program: 'job', what: 'set', at: null, nextRunAt: null }, 'job           no next run'],
  [
    { topic: 'config.updated', added: ['a'], changed: [{ program: 'b' }], removed: ['c'], master: ['socket'] },
    'master        configuration updated  +a ~b -c ~[master]',
  ],
  [{ topic: 'master.stopping', reason: 'got SIGTERM' }, 'master        stopping  got SIGTERM'],
  [{ topic: 'log.trouble', file: '/x', error: 'ENOSPC' }, 'log           cannot write /x: ENOSPC'],
  [{ topic: 'log.trouble', file: '/x', error: null }, 'log           /x is written again'],
  [
    { topic: 'log.trouble', file: '/x', error: null, dropped: { lines: 12, bytes: 345 } },
    'log           /x is written again; 12 lines (345 bytes) lost meanwhile',
  ],
  [{ topic: 'from.later', program: 'web', fact: '\x1b' }, 'web           from.later fact=\\x1b'],
] as const) {
  test(`the event ${words}`, () => {
    assert.equal(eventLine({ seq: 1, time, ...event } as Happening, plain, now), `${clock}  ${words}`)
  })
}
