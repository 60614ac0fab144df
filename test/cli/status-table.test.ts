// The table of status: what it says, that it fits, and what counts as "as wanted".

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { painter, width } from '../../cli/format.ts'
import { resultLines, resultsIn } from '../../cli/results.ts'
import { picture } from '../../cli/screen.ts'
import { columnNames, columnsTable } from '../../cli/status-columns.ts'
import { asWanted, exitWords, replacing, statusTable, summary } from '../../cli/status-table.ts'
import type { ExitFacts, ProcessState, ProcessStatus, Program } from '../../src/api/contract.ts'
import { running as statusOf } from '../helpers/statuses.ts'

const now = Date.parse('2026-01-02T03:04:05Z')
const iso = (seconds: number): string => new Date(now + seconds * 1000).toISOString()
const view = { columns: 80, now, paint: painter(false) }

const running = (name: string, more: Partial<ProcessStatus> = {}): ProcessStatus =>
  statusOf(name, {
    slot: 0,
    startedAt: iso(-3723),
    uptime: 3723,
    restarts: 2,
    cpu: 1.24,
    memory: 50 * 1024 * 1024,
    ...more,
  })

function down(name: string, state: ProcessState, more: Partial<ProcessStatus> = {}): ProcessStatus {
  const gone = { pid: null, startedAt: null, uptime: null, cpu: null, memory: null, ready: false }
  return running(name, { ...gone, state, wanted: state === 'STOPPED' ? 'down' : 'up', ...more })
}

function ended(more: Partial<ExitFacts> = {}): ExitFacts {
  return { code: 1, signal: null, at: iso(-300), expected: false, oom: null, forced: false, ...more }
}

function program(name: string, state: Program['state'], processes: readonly ProcessStatus[]): Program {
  const up = processes.filter((p) => p.state === 'RUNNING').length
  return {
    program: name,
    state,
    groups: [],
    desired: processes.length,
    running: up,
    ready: up,
    nextRunAt: null,
    lastRun: null,
    skippedRuns: null,
    missedRuns: null,
    processes,
  }
}

test('a table of everything, as people see it', () => {
  const programs = [
    program('web', 'DEGRADED', [
      running('web:0'),
      running('web:1', {
        pid: 4_194_304,
        uptime: 8,
        cpu: 400,
        replacement: { pid: 77, state: 'STARTING', startedAt: null },
      }),
      down('web:2', 'BACKOFF', { exit: ended(), nextAttemptAt: iso(3.2) }),
    ]),
    program('job', 'EXITED', [down('job:0', 'EXITED', { exit: ended({ code: 0, expected: true }) })]),
    program('mail', 'STARTING', [
      running('mail:0', { state: 'STARTING', ready: false, uptime: 3, reason: 'not ready yet' }),
      down('mail:1', 'STARTING', { reason: 'waits for db' }),
    ]),
    program('old', 'STOPPED', [down('old:0', 'STOPPED')]),
    program('none', 'STOPPED', []),
  ]
  assert.deepEqual(statusTable(programs, view), [
    'NAME      STATE         PID   UPTIME     CPU     MEM  RESTARTS',
    'web       DEGRADED  2 of 3 running',
    'web:0     RUNNING      1234    1h 2m    1.2%   50.0M         2',
    'web:1     RUNNING   4194304       8s    400%   50.0M         2',
    '  replacement pid 77 is STARTING',
    'web:2     BACKOFF   exit 1, again in 3.2s',
    'job:0     EXITED    exit 0, 5m 0s ago',
    'mail:0    STARTING     1234       3s  not ready yet',
    'mail:1    STARTING  waits for db',
    'old:0     STOPPED',
    'none      STOPPED   no processes wanted (phctl scale none N)',
  ])
  assert.equal(summary(programs), '7 processes: 2 running, 1 backoff, 1 exited, 2 starting, 1 stopped')
})

test('a reload on its way: how many processes are new, and what the next one waits for', () => {
  const before = [program('web', 'RUNNING', [running('web:0', { pid: 1 }), running('web:1', { pid: 2 })])]
  const replacement = { pid: 12, state: 'STARTING', startedAt: iso(-1) } as const
  const now = [
    program('web', 'RUNNING', [
      running('web:0', { pid: 11 }),
      running('web:1', { pid: 2, replacement }),
      running('web:2'),
    ]),
  ]
  assert.equal(replacing(before, now), '3 processes: 3 running, 1 of 2 replaced, web:1 STARTING')
})

test('a schedule: when it runs next, how it ended, and what did not run', () => {
  const far = { nextRunAt: iso(11_000), skippedRuns: 0, missedRuns: 0 }
  const exit = ended({ code: 0, expected: true })
  const lines = statusTable(
    [
      { ...program('new', 'STOPPED', [down('new:0', 'STOPPED')]), ...far },
      { ...program('old', 'EXITED', [down('old:0', 'EXITED', { exit })]), ...far, skippedRuns: 2, missedRuns: 1 },
      { ...program('now', 'RUNNING', [running('now:0')]), ...far, skippedRuns: 1 },
      { ...program('soon', 'STOPPED', [down('soon:0', 'STOPPED')]), ...far, nextRunAt: iso(3.2) },
    ],
    view,
  )
  assert.deepEqual(lines.slice(1), [
    'new:0     STOPPED   next run in 3h 3m',
    'old:0     EXITED    exit 0, 5m 0s ago; next run in 3h 3m; 2 runs skipped, 1 mis…',
    'now:0     RUNNING      1234    1h 2m    1.2%   50.0M         2',
    '  1 run skipped',
    'soon:0    STOPPED   next run in 3.2s',
  ])
})

test('no programs', () => {
  assert.deepEqual(statusTable([], view), ['no programs'])
  assert.equal(summary([]), '0 processes')
})

for (const [name, process, wanted] of [
  [
    'the reason of the master is enough',
    down('a:0', 'BACKOFF', { reason: 'exit 1, next try in 2 s', nextAttemptAt: iso(2) }),
    'exit 1, next try in 2 s',
  ],
  [
    'a reason without the wait gets it',
    down('a:0', 'BACKOFF', { reason: 'exit 1', nextAttemptAt: iso(65) }),
    'exit 1, again in 1m 5s',
  ],
  ['a wait that is over', down('a:0', 'BACKOFF', { exit: ended(), nextAttemptAt: iso(-1) }), 'exit 1, again now'],
  [
    'what went wrong, when it is tried again, and how often it was',
    down('a:0', 'BACKOFF', { reason: 'exit 1; failed start 4 of 10', nextAttemptAt: iso(3.2) }),
    'exit 1, again in 3.2s, failed start 4 of 10',
  ],
  [
    'of a long error the end is cut, not what follows',
    down('a:0', 'BACKOFF', {
      reason: 'ENOENT: /srv/app/releases/current/bin/server does not exist; failed start 4 of 10',
      nextAttemptAt: iso(3.2),
    }),
    'ENOENT: /srv/app/relea…, again in 3.2s, failed start 4 of 10',
  ],
  ['stopped', down('a:0', 'STOPPED', { exit: ended() }), 'ended 5m 0s ago'],
  [
    'stopped the hard way',
    down('a:0', 'STOPPED', { exit: ended({ code: null, signal: 'SIGKILL', forced: true }) }),
    'ended 5m 0s ago: SIGKILL (did not stop in time)',
  ],
  [
    'a start that has a limit',
    down('a:0', 'STARTING', { reason: 'waits for db', deadlineAt: iso(58) }),
    'waits for db, gives up in 58s',
  ],
  ['a signal', down('a:0', 'FATAL', { exit: ended({ code: null, signal: 'SIGSEGV' }) }), 'SIGSEGV'],
  ['standby', down('a:0', 'STANDBY', { standbyOf: 'blue' }), 'standby of blue'],
  ['wanted up, not yet begun', down('a:0', 'STOPPED', { wanted: 'up' }), 'wanted up'],
  ['leftovers', down('a:0', 'STOPPED', { leftovers: 2 }), '2 leftovers of its group being ended'],
  ['escape sequences do not reach the terminal', down('a:0', 'FATAL', { reason: 'x\x1b[2J\ny' }), 'x\\x1b[2J y'],
] as const) {
  test(`words: ${name}`, () => {
    const line = statusTable([program('a', 'RUNNING', [process])], view)[1] ?? ''
    assert.equal(line.slice('NAME      STATE     '.length), wanted)
  })
}

test('a running process with something to say says it on a line below', () => {
  const health = {
    state: 'passing',
    check: 'tcp:[::1]:1',
    failures: 1,
    limit: 3,
    lastError: 'tcp:[::1]:1: ECONNREFUSED',
    at: null,
  } as const
  const said = running('a:0', { ready: false, health, statusText: 'warming up' })
  const lines = statusTable([program('a', 'RUNNING', [said])], view)
  assert.equal(lines[2], '  not ready; tcp:[::1]:1: ECONNREFUSED, 1 of 3; warming up')
})

test('how a process ended', () => {
  assert.deepEqual(
    [
      ended(),
      ended({ code: null, signal: 'SIGKILL', forced: true }),
      ended({ code: null, signal: 'SIGKILL', oom: true }),
      ended({ code: null }),
    ].map(exitWords),
    ['exit 1', 'SIGKILL (did not stop in time)', 'SIGKILL (out of memory)', 'exit status unknown'],
  )
})

test('as wanted: up and RUNNING, up and EXITED as expected, down and STOPPED, STANDBY', () => {
  const states: ProcessState[] = ['STOPPED', 'STARTING', 'RUNNING', 'STOPPING', 'BACKOFF', 'EXITED', 'FATAL', 'STANDBY']
  const fine = (wanted: 'up' | 'down', exit: ExitFacts | null) =>
    states.filter((state) => asWanted(running('a:0', { state, wanted, exit })))
  assert.deepEqual(fine('up', null), ['RUNNING', 'STANDBY'])
  assert.deepEqual(fine('up', ended({ expected: true })), ['RUNNING', 'EXITED', 'STANDBY'])
  assert.deepEqual(fine('up', ended()), ['RUNNING', 'STANDBY'])
  assert.deepEqual(fine('down', ended({ expected: true })), ['STOPPED', 'STANDBY'])
})

test('every line fits, whatever the names and reasons are, with and without colour', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  const one = fc.record({
    name: text,
    state: fc.constantFrom<ProcessState>('RUNNING', 'STARTING', 'STOPPING', 'BACKOFF', 'EXITED', 'FATAL', 'STOPPED'),
    pid: fc.option(fc.integer({ min: 1, max: 4_194_304 })),
    reason: fc.option(text),
    statusText: fc.option(text),
    uptime: fc.option(fc.nat(1e9)),
    cpu: fc.option(fc.double({ min: 0, max: 99_999, noNaN: true })),
    memory: fc.option(fc.nat(2 ** 31)),
  })
  fc.assert(
    fc.property(
      fc.array(one, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 40, max: 120 }),
      fc.boolean(),
      (ps, columns, colour) => {
        const processes = ps.map((p) => running(`${p.name}:0`, p))
        const lines = statusTable([program(ps[0]?.name ?? '', 'DEGRADED', processes)], {
          columns,
          now,
          paint: painter(colour),
        })
        for (const line of lines)
          assert.ok(width(line) <= columns, `${width(line)} > ${columns}: ${JSON.stringify(line)}`)
      },
    ),
  )
})

test('a picture goes over the last one, and fits the rows', () => {
  assert.equal(picture(['a', 'b'], 24), '\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J')
  const cutOff = picture(['1', '2', '3', '4', '5'], 3).split('\r\n')
  assert.deepEqual([cutOff.length, cutOff[2]], [3, '… 3 more lines\x1b[K\x1b[J'])
})

test('results of an operation', () => {
  const lines = resultLines(
    [
      { name: 'web:0', ok: true, state: 'RUNNING', pid: 123 },
      { name: 'web:11', ok: false, state: 'BACKOFF', pid: null, error: 'exit 1,\nnext try in 0.2 s' },
      { name: 'web:2', ok: false, state: 'FATAL', pid: null },
      { name: 'web:3', ok: true, state: 'STOPPED', pid: null, error: 'stays down' },
    ],
    painter(false),
  )
  assert.deepEqual(lines, [
    'web:0   RUNNING  pid 123',
    'web:11  BACKOFF  exit 1, next try in 0.2 s',
    'web:2   FATAL    failed',
    'web:3   STOPPED  stays down',
  ])
})

test('results in an error are taken only when they are results', () => {
  const good = { name: 'web:0', ok: true, state: 'RUNNING', pid: 1 }
  assert.deepEqual(resultsIn({ results: [good, null, 5, {}, { ...good, pid: 'x' }, { ...good, error: 5 }] }), [good])
  assert.deepEqual([resultsIn({}), resultsIn({ results: 'x' })], [[], []])
})

test('STOPPING says when SIGKILL comes', () => {
  const stopping = running('a:0', { state: 'STOPPING', uptime: null, deadlineAt: iso(9.1) })
  const [, line = ''] = statusTable([program('a', 'STOPPING', [stopping])], view)
  assert.ok(line.endsWith('-  SIGKILL in 9.1s'), line)
})

test('columns by choice, and all of them: the widest cell makes the column, nobody has nothing to say', () => {
  const programs = [
    program('web', 'DEGRADED', [
      running('web:0', { requests: 1_000_000, latency: { p50: 0.001, p95: 0.0123, p99: 1 } }),
      down('web:1', 'FATAL', { reason: 'exit 3; the first start failed', exit: ended({ code: 3 }) }),
    ]),
    { ...program('none', 'STOPPED', []), groups: ['a', 'b'] },
  ]
  const wide = { ...view, columns: Number.POSITIVE_INFINITY }
  assert.deepEqual(columnsTable(programs, ['name', 'pid', 'latency', 'groups', 'reason'], wide), [
    'NAME    PID     P95  GROUPS  REASON',
    'web:0  1234  12.3ms  -       -',
    'web:1     -       -  -       exit 3; the first start failed',
    'none      -       -  a,b     no processes wanted (phctl scale none N)',
  ])
  const [head = '', first = ''] = columnsTable(programs, null, wide)
  assert.equal(
    head,
    'NAME   STATE    READY   PID  UPTIME   CPU    MEM  RESTARTS  RECYCLES  REQUESTS     P95  EXIT    GROUPS  REASON',
  )
  assert.match(first, /^web:0 {2}RUNNING {2}yes {4}1234 .* {2}1000000 {2}12\.3ms /)
  for (const line of columnsTable(programs, columnNames, { ...view, columns: 60 })) assert.ok(width(line) <= 60)
  const painted = columnsTable(programs, ['name', 'state'], { ...wide, paint: painter(true) })
  assert.ok(painted[1]?.includes('\x1b[32mRUNNING\x1b[39m'), painted[1])
})
