// Random programs of a storm and the vices of their processes.

import type { Health, Hooks, Schedule, Spec } from '../../src/core/spec.ts'
import type { Event, Instance } from '../../src/core/state.ts'
import type { Dice } from './dice.ts'
import type { Nature, WorldOptions } from './fake-os.ts'
import { specOf } from './specs.ts'
import { dependenciesBy } from './storm-order.ts'

export function specBy(d: Dice, program: string): Spec {
  const worker = d.chance(50)
  const random = specOf({
    program,
    ...(worker
      ? {
          run: { kind: 'worker', module: '/job.js', className: null },
          ready: { kind: d.pick(['worker', 'worker', 'notify'] as const) },
        }
      : {}),
    workers: d.below(4),
    ...dependenciesBy(d, program),
    ...(d.chance(25) ? { singleInstance: true } : {}),
    autorestart: d.pick(['always', 'always', 'on-failure', 'never']),
    startMs: d.pick([0, 200, 1000]),
    startTimeoutMs: 1500,
    startRetries: d.pick([0, 1, 3, 10, -1]),
    backoffMaxMs: 1000,
    backoffResetMs: d.pick([500, 3000]),
    stopMs: d.pick([0, 500, 2000]),
    stopGroup: d.chance(30),
    reloadStrategy: d.pick(['start-first', 'stop-first', 'signal']),
    reloadParallel: d.pick([1, 1, 2]),
    maxAgeMs: d.pick([0, 0, 0, 15_000]), // more than it takes to recycle all slots: there must be calm between
    workerTimeoutMs: worker ? d.pick([0, 0, 1500]) : 0,
    ...(d.chance(30) ? { health: healthBy(d) } : {}),
    ...(d.chance(30) ? { hooks: hooksBy(d) } : {}),
  })
  if (!d.chance(15)) return random
  return { ...random, autorestart: 'never', maxAgeMs: 0, schedule: scheduleBy(d) }
}

export const scheduleBy = (d: Dice): Schedule => ({ cron: d.pick(['3000', '20000', '90000']), timezone: null })

function healthBy(d: Dice): Health {
  return {
    check: { kind: 'tcp', address: '127.0.0.1:1', own: false },
    intervalMs: d.pick([200, 1000]),
    timeoutMs: 300,
    failures: d.pick([1, 2, 3]),
    action: d.pick(['restart', 'restart', 'none', { signal: 'SIGUSR2' }] as const),
  }
}

function hooksBy(d: Dice): Hooks {
  const names = (['pre_start', 'post_start', 'pre_stop', 'post_stop'] as const).filter(() => d.chance(50))
  return { commands: Object.fromEntries(names.map((name) => [name, [name]])), timeoutMs: d.pick([300, 1000]) }
}

/** A hook that does its work; with dice, its vices. */
export function hookBy(d: Dice | null): ReturnType<WorldOptions['nature']> {
  if (!d) return { ends: { afterMs: 20, how: 0 } }
  if (d.chance(10)) return { failed: 'ENOENT' }
  return {
    ...(d.chance(80)
      ? { ends: { afterMs: d.pick([0, d.below(500)]), how: d.pick([0, 0, 0, 1, 'SIGSEGV'] as const) } }
      : {}),
    ...(d.chance(25) ? { onStop: 'ignore' } : {}),
    ...(d.chance(15) ? { leaves: [d.pick(['obeys', 'ignores'] as const)] } : {}),
  }
}

/** What a check finds. */
export function checkBy(d: Dice | null): ReturnType<NonNullable<WorldOptions['check']>> {
  if (!d) return { afterMs: 5, finding: null }
  return { afterMs: d.pick([0, d.below(200), 5_000]), finding: d.chance(40) ? 'ECONNREFUSED' : null }
}

/** A healthy process; with dice, its vices. */
export function natureOf({ spec }: Instance, d: Dice | null): ReturnType<WorldOptions['nature']> {
  const beats = spec.workerTimeoutMs > 0 ? { beatMs: 400 } : {}
  if (!d) return { readyMs: 50, ...beats, ...(spec.schedule ? { ends: { afterMs: 120, how: 0 } } : {}) }
  if (d.chance(10)) return { failed: 'EAGAIN', permanent: d.chance(20) }
  const how = d.pick([0, 0, 1, 2, 3, 'SIGSEGV', 'SIGKILL'] as const)
  const nature: Nature = {
    readyMs: d.chance(20) ? null : d.below(1000),
    ...(d.chance(70) ? beats : {}),
    // A run ends at some time, or whoever waits for its end waits for ever.
    ...(d.chance(spec.schedule ? 100 : 35)
      ? { ends: { afterMs: d.pick([0, 0, d.below(300), d.below(4000)]), how } }
      : {}),
    ...(d.chance(10) ? { says: 'boot failed' } : {}),
    ...(d.chance(15) ? { words: wordsBy(d) } : {}),
    ...(d.chance(25) ? { onStop: 'ignore' } : d.chance(40) ? { onStop: { afterMs: d.below(3000), how: 0 } } : {}),
    ...(d.chance(3) ? { unkillableMs: 1500 } : {}),
    ...(d.chance(15) ? { leaves: [d.pick(['obeys', 'ignores', { vanishesAfterMs: d.below(2000) }] as const)] } : {}),
  }
  return nature
}

const words: readonly Event[] = [
  { type: 'withdrew', why: 'reloading' },
  { type: 'withdrew', why: 'stopping' },
  { type: 'ready' },
  { type: 'status', text: 'at work' },
  { type: 'missed', text: 'ECONNREFUSED' },
  { type: 'hangs', text: 'it said so' },
]

/** Who withdraws for a reload is ready again at last: others may wait for it, and would for ever. */
const wordsBy = (d: Dice): NonNullable<Nature['words']> => [
  { afterMs: d.below(2000), event: d.pick(words) },
  { afterMs: d.below(4000), event: d.pick(words) },
  { afterMs: 4000 + d.below(1000), event: { type: 'ready' } },
]

export const facts = (s: Spec): string =>
  `${s.workers} ${s.run.kind} ${s.autorestart} retries ${s.startRetries} start ${s.startMs} stop ${s.stopMs} ${s.reloadStrategy}*${s.reloadParallel} ${s.schedule ? `every ${s.schedule.cron} ` : ''}age ${s.maxAgeMs} beat ${s.workerTimeoutMs} after ${s.dependsOn.map((o) => `${o.program}:${o.condition}`).join() || 'nothing'}${s.dependsRestart ? ', with them' : ''}`
