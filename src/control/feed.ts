// From the supervisor's notices to the socket's events.

import type { Program } from '../core/program.ts'
import { nameOf, slotOf, wordOf } from '../core/program.ts'
import type { Instance } from '../core/state.ts'
import { isReady, pidOf } from '../core/state.ts'
import type { Notice } from '../supervisor/ports.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Events } from './events.ts'
import { isoOf, processStatus, type StatusFacts } from './status.ts'

/** Feeds the events from now on. */
export function feedEvents(supervisor: Supervisor, events: Events, facts: StatusFacts): void {
  // Events say what changed, and use changes by itself: those who want it ask for status.
  const still: StatusFacts = { ...facts, usage: () => ({ cpu: null, memory: null }) }
  supervisor.watch((notice) => {
    switch (notice.kind) {
      case 'instance':
        instanceChanged(notice, supervisor.programs, events, still)
        break
      case 'scaled':
        events.emit('program.scaled', { program: notice.program, from: notice.from, to: notice.to })
        break
      case 'schedule': {
        const { program, found, at, next } = notice
        events.emit('program.schedule', { program, what: found, at: isoOf(at), nextRunAt: isoOf(next) })
        break
      }
      case 'rollout':
        rolloutChanged(notice, events)
        break
      case 'hook': {
        const { program, slot, hook, error } = notice
        events.emit('process.hook', { program, name: nameOf(program, slot), hook, error })
        break
      }
      default:
        notice satisfies never
    }
  })
}

function instanceChanged(
  { before, after }: Extract<Notice, { kind: 'instance' }>,
  programs: ReadonlyMap<string, Program>,
  events: Events,
  facts: StatusFacts,
): void {
  const i = after ?? before
  if (!i || (before && after && !visiblyDiffers(before, after))) return
  const name = nameOf(i.program, i.slot)
  const known = programs.get(i.program)
  const row = known ? slotOf(known, i.slot) : null
  events.emit('process.state', {
    program: i.program,
    name,
    generation: i.generation,
    from: before ? wordOf(before) : null,
    to: after ? wordOf(after) : null,
    pid: after ? (pidOf(after) ?? (before ? pidOf(before) : null)) : null,
    exit:
      after && before && after.exit !== before.exit && after.exit
        ? { code: after.exit.code, signal: after.exit.signal }
        : null,
    reason: after?.reason ?? null,
    process: row ? processStatus(row, facts) : null,
  })
  if (before && after) healthChanged(after, name, before, events)
  const was = before !== null && isReady(before)
  const is = after !== null && isReady(after)
  if (was !== is)
    events.emit('process.ready', { program: i.program, name, ready: is, pid: pidOf(is ? i : (before ?? i)) })
}

function healthChanged(i: Instance, name: string, was: Instance, events: Events): void {
  const health = stateOfHealth(i)
  if (health === null || health === stateOfHealth(was)) return
  const check = i.state.at === 'running' ? i.state.check : undefined
  const facts = { state: health, failures: check?.failures ?? 0, error: check?.error ?? null }
  events.emit('process.health', { program: i.program, name, ...facts, pid: pidOf(i) })
}

const stateOfHealth = ({ state }: Instance): string | null => (state.at === 'running' ? (state.health ?? null) : null)

/** What of the checks is seen, but for when they are made. */
const seenOfChecks = ({ state }: Instance): string =>
  state.at === 'running' && state.check
    ? `${state.health} ${state.health === 'failing' ? '' : state.check.failures} ${state.check.error}`
    : ''

const seenOfHook = ({ state }: Instance): string | null =>
  state.at !== 'running' && 'hook' in state ? (state.hook?.name ?? null) : null

/** Beats and deadlines change an instance in ways that nobody sees. */
function visiblyDiffers(before: Instance, after: Instance): boolean {
  return (
    before.state.at !== after.state.at ||
    pidOf(before) !== pidOf(after) ||
    before.wanted !== after.wanted ||
    before.generation !== after.generation ||
    before.reason !== after.reason ||
    isReady(before) !== isReady(after) ||
    before.statusText !== after.statusText ||
    before.exit !== after.exit ||
    seenOfChecks(before) !== seenOfChecks(after) ||
    seenOfHook(before) !== seenOfHook(after) ||
    before.restarts !== after.restarts ||
    before.recycles !== after.recycles
  )
}

function rolloutChanged(
  { program, what, phase, slots, error }: Extract<Notice, { kind: 'rollout' }>,
  events: Events,
): void {
  if (what === 'recycle') {
    if (phase === 'begun') return
    for (const slot of slots)
      events.emit('process.recycled', { program, name: nameOf(program, slot), ok: error === null, error })
    return
  }
  events.emit('program.reload', { program, what, phase, names: slots.map((slot) => nameOf(program, slot)), error })
}
