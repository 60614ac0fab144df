// schedule, timezone and watch: what a file may say, and what it says wrong.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Spec } from '../../src/core/spec.ts'
import { load, problems, program } from './support.ts'

const web = (lines: string): string => `[web]\ncommand = x\n${lines}\n`
const scheduled = 'schedule = 0 3 * * *\n'

const values: readonly (readonly [string, (spec: Spec) => unknown, unknown])[] = [
  ['', (s) => [s.schedule, s.watch], [undefined, undefined]],
  [scheduled, (s) => [s.schedule, s.autorestart], [{ cron: '0 3 * * *', timezone: null }, 'never']],
  ['schedule = */10 * * * * *', (s) => s.schedule?.cron, '*/10 * * * * *'],
  ['schedule = @daily\ntimezone = Europe/Berlin', (s) => s.schedule, { cron: '@daily', timezone: 'Europe/Berlin' }],
  ['schedule = 0 12 L * *', (s) => s.schedule?.cron, '0 12 L * *'],
  ['schedule = 0 0 29 2 *', (s) => s.schedule?.cron, '0 0 29 2 *'],
  [`${scheduled}autorestart = false\nnumber_workers = 1\nkill_interval = 0`, (s) => s.workers, 1],
  [
    'base_path = /srv\nwatch = src/**/*.{js,ts}, views,!src/x',
    (s) => s.watch,
    ['/srv/src/**/*.{js,ts}', '/srv/views', '!/srv/src/x'],
  ],
  ['base_path = /srv\nwatch =\n  a\n  /b/*', (s) => s.watch, ['/srv/a', '/b/*']],
]
for (const [lines, pick, expected] of values) {
  test(`a program with ${JSON.stringify(lines)}`, (t) => {
    assert.deepEqual(pick(program(load(t, web(lines))).spec), expected)
  })
}

test('in [DEFAULT] stands what those may have that have no schedule', (t) => {
  const more =
    'autorestart = always\nnumber_workers = 4\nkill_interval = 1h\nmax_memory = 1GB\nwatch = src\ntimezone = UTC\n'
  const { programs } = load(t, `[DEFAULT]\n${more}[a]\ncommand = x\n${scheduled}[b]\ncommand = x\n`)
  const facts = [...programs.values()].map(({ spec: s, settings }) => [
    s.autorestart,
    s.workers,
    s.maxAgeMs,
    s.maxMemoryBytes,
    s.watch?.length ?? 0,
    settings.find(({ key }) => key === 'number_workers')?.value,
  ])
  assert.deepEqual(facts, [
    ['never', 1, 0, 0, 0, '1'],
    ['always', 4, 3_600_000, 2 ** 30, 1, '4'],
  ])
})

const FORM =
  'five fields, as "0 3 * * *" (minute hour day month weekday), six with seconds first, or @daily and the like'
const wrong: readonly (readonly [string, string])[] = [
  ['schedule = daily', `[web] schedule: cannot be "daily": wanted ${FORM}`],
  ['schedule = 0 3 * *', `[web] schedule: cannot be "0 3 * *": wanted ${FORM}`],
  ['schedule = 0 0 3 * * * 2027', `[web] schedule: cannot be "0 0 3 * * * 2027": wanted ${FORM}`],
  ['schedule = 2027-01-01T00:00:00', `[web] schedule: cannot be "2027-01-01T00:00:00": wanted ${FORM}`],
  ['schedule = 0 24 * * *', `[web] schedule: cannot be "0 24 * * *": wanted ${FORM} (Invalid value for hour: 24)`],
  ['schedule = 0 0 30 2 *', '[web] schedule: cannot be "0 0 30 2 *": no day is ever like that'],
  [
    'schedule = 0 3 * * * # nightly',
    `[web] schedule: cannot be "0 3 * * * # nightly": wanted ${FORM} (there are no inline comments: put the comment on a line of its own)`,
  ],
  [
    `timezone = Mars/Olympus\n${scheduled}`,
    '[web] timezone: cannot be "Mars/Olympus": wanted a time zone, as Europe/Berlin or UTC',
  ],
  ['timezone = UTC', '[web] timezone: cannot be used without schedule'],
  [
    `autorestart = always\n${scheduled}`,
    '[web] autorestart: cannot be "always" with schedule: a run that has ended is not restarted; wanted never',
  ],
  [
    `number_workers = 2\n${scheduled}`,
    '[web] number_workers: cannot be "2" with schedule: it runs in one process; wanted 1',
  ],
  [
    `kill_interval = 60\n${scheduled}`,
    '[web] kill_interval: cannot be "60" with schedule: a run is not replaced before its end; wanted 0',
  ],
  [`watch = src\n${scheduled}`, '[web] watch: cannot be used with schedule: each run takes the files as they are then'],
  ['watch = /**', '[web] watch: cannot be "/**": that is every file of this machine; begin with a folder'],
  ['watch = !src', '[web] watch: cannot be "!src": wanted a glob that does not begin with !'],
]
for (const [lines, message] of wrong) {
  test(`refused at its line: ${lines.split('\n')[0]}`, (t) => {
    assert.deepEqual(problems(t, web(lines)), [`config.ini:3: ${message}`])
  })
}
