// exit_when: when a master has nothing more to do.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exit } from '../../src/core/ends.ts'
import { type ExitWhen, exitVerdict } from '../../src/core/exit-when.ts'
import type { Program } from '../../src/core/program.ts'
import { type Instance, newInstance, type State } from '../../src/core/state.ts'
import { newTimetable, type Timetable } from '../../src/core/timetable.ts'
import { specOf } from '../helpers/specs.ts'

const exit = (expected: boolean): Exit => ({ code: expected ? 0 : 4, signal: null, at: 0, expected, forced: false })
const of = (state: State, ended: Exit | null = null): Instance => ({
  ...newInstance(specOf(), 0, 1, 'up'),
  state,
  exit: ended,
  reason: ended && !ended.expected ? 'exit 4' : null,
})
const left = { group: 7, deadline: 9, kills: 0 }
const good = of({ at: 'exited', left: null }, exit(true))
const bad = of({ at: 'exited', left: null }, exit(false))
const fatal = of({ at: 'fatal', left: null }, exit(false))
const stopped = of({ at: 'stopped' }, exit(true))
const never = of({ at: 'stopped' })

function verdict(when: ExitWhen, ...instances: readonly Instance[]): string | null {
  return verdictWith(undefined, when, ...instances)
}

function verdictWith(
  timetable: Timetable | undefined,
  when: ExitWhen,
  ...instances: readonly Instance[]
): string | null {
  const program = { name: 'web', spec: specOf(), generation: 1, desired: 9, removed: false } as const
  const all: Program = { ...program, lingersUntil: null, wanted: 'up', instances, ...(timetable ? { timetable } : {}) }
  const found = exitVerdict(when, new Map([['web', all]]))
  return found && `${found.code}: ${found.why}`
}

test('all_stopped: nothing lives, nothing will come, something has run', () => {
  assert.equal(verdict('all_stopped', good, stopped, never), '0: exit_when = all_stopped')
  assert.equal(verdict('all_stopped', good, bad), '1: exit_when = all_stopped: web:0 ended badly (exit 4)')
  assert.equal(verdict('all_stopped', good, fatal), '1: exit_when = all_stopped: web:0 is FATAL (exit 4)')
  assert.equal(verdict('all_stopped', never), null)
  assert.equal(verdict('all_stopped'), null)
  const others: readonly State[] = [
    { at: 'waiting', since: 0, stuck: true },
    { at: 'backoff', until: 9, left: null },
    { at: 'exited', left },
    { at: 'running', pid: 7, since: 0, startedAt: 0, heartbeatBy: null, recycleAt: null },
  ]
  for (const state of others) assert.equal(verdict('all_stopped', good, of(state, exit(true))), null, state.at)
})

test('all_stopped: a program that will run again by its schedule has not stopped for good', () => {
  const schedule = { cron: '0 0 1 1 *', timezone: null }
  const at = (next: number | null): Timetable => ({
    ...newTimetable,
    waits: { schedule, next, lookAt: 0, ahead: 0 },
  })
  assert.equal(verdictWith(at(9), 'all_stopped', good), null)
  assert.equal(verdictWith(at(null), 'all_stopped', good), '0: exit_when = all_stopped')
  assert.equal(verdictWith({ ...at(9), waits: null }, 'all_stopped', good), '0: exit_when = all_stopped')
})

test('any_fatal, never', () => {
  assert.equal(verdict('any_fatal', good, fatal), '3: exit_when = any_fatal: web:0 is FATAL (exit 4)')
  assert.equal(verdict('any_fatal', good, bad), null)
  assert.equal(verdict('never', fatal), null)
})
