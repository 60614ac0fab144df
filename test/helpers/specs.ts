// Specs and instances for tests of pure code: every setting at its default, what a test is about overridden.

import { transition } from '../../src/core/instance.ts'
import type { Spec } from '../../src/core/spec.ts'
import { type Effect, type Event, type Instance, newInstance } from '../../src/core/state.ts'

/** A command program with the defaults of the contract. */
export function specOf(over: Partial<Spec> = {}): Spec {
  return {
    program: 'web',
    run: { kind: 'command', argv: ['true'] },
    workers: 1,
    procName: 'web',
    directory: '/',
    env: {},
    envClear: false,
    output: {
      stdout: 'none',
      stderr: null,
      pipeBytes: 262_144,
      format: 'raw',
      full: 'block',
      maxBytes: 52_428_800,
      backups: 10,
      compress: false,
    },
    listeners: [],
    backlog: 511,
    balance: 'shared',
    autostart: true,
    dependsOn: [],
    dependsRestart: false,
    priority: 999,
    groups: [],
    autorestart: 'always',
    exitCodes: [0],
    startMs: 1_000,
    startTimeoutMs: 60_000,
    startRetries: 10,
    backoffInitialMs: 100,
    backoffMaxMs: 30_000,
    backoffResetMs: 10_000,
    stopSignal: 'SIGTERM',
    stopMs: 10_000,
    stopGroup: false,
    ready: { kind: 'time' },
    reloadStrategy: 'stop-first',
    reloadParallel: 1,
    reloadSignal: 'SIGHUP',
    maxRequests: 0,
    maxRequestsJitter: { amount: 0 },
    maxMemoryBytes: 0,
    maxConcurrency: 10,
    maxAgeMs: 0,
    maxAgeJitter: { share: 0.1 },
    workerTimeoutMs: 0,
    cfg: {},
    ...over,
  }
}

/** An SDK worker: its own word is readiness. */
export function workerSpec(over: Partial<Spec> = {}): Spec {
  const run = { kind: 'worker', module: '/app/job.js', className: null } as const
  return specOf({ run, ready: { kind: 'worker' }, reloadStrategy: 'start-first', ...over })
}

/** The wall clock of the tests is this much ahead of the monotonic one. */
export const WALL = 1_700_000_000_000

export interface Played {
  /** After the last event. */
  readonly last: Instance
  /** After each event. */
  readonly states: readonly Instance[]
  /** All effects, with the moment of each. */
  readonly done: readonly { readonly at: number; readonly effect: Effect }[]
}

/** Plays events, each at its moment, on one instance that begins as `from` (default: stopped, wanted down). */
export function play(
  spec: Partial<Spec> | Instance,
  events: readonly (readonly [at: number, event: Event])[],
  random = 0,
): Played {
  let last = 'state' in spec ? spec : newInstance(specOf(spec), 0, 1, 'down')
  const states: Instance[] = []
  const done: { at: number; effect: Effect }[] = []
  for (const [at, event] of events) {
    const step = transition(last, event, { now: at, wall: WALL + at, random })
    last = step.next
    states.push(last)
    for (const effect of step.effects) done.push({ at, effect })
  }
  return { last, states, done }
}

/** Effects in short: `spawn`, `SIGTERM`, `-SIGTERM` to a group, `look`, `recycle`. */
export function names(done: Played['done']): string[] {
  return done.map(({ effect }) => (effect.do === 'signal' ? `${effect.group ? '-' : ''}${effect.signal}` : effect.do))
}

/** The states passed, in short. */
export const path = ({ states }: Played): string[] => states.map((i) => i.state.at)

export const start: Event = { type: 'start' }
export const run: Event = { type: 'run' }
export const stop: Event = { type: 'stop' }
export const restart: Event = { type: 'restart' }
export const kill: Event = { type: 'kill' }
export const ready: Event = { type: 'ready' }
export const beat: Event = { type: 'beat' }
export const deadline: Event = { type: 'deadline' }
export const missed = (text: string): Event => ({ type: 'missed', text })
export const withdrew = (why: 'reloading' | 'stopping'): Event => ({ type: 'withdrew', why })
export const status = (text: string): Event => ({ type: 'status', text })
export const extend = (ms: number): Event => ({ type: 'extend', ms })
export const depsOk: Event = { type: 'depsOk' }
export const waits = (text: string, stuck: boolean): Event => ({ type: 'waits', text, stuck })
export const hangs: Event = { type: 'hangs', text: 'it said so' }
export const lockLost = (reason: string, now: boolean): Event => ({ type: 'lockLost', reason, now })
export const lockGot: Event = { type: 'lockGot' }
export const lockTaken = (of: string): Event => ({ type: 'lockTaken', of, reason: `${of} runs it` })
export const emptied: Event = { type: 'emptied' }
export const untold: Event = { type: 'untold' }
export const spawned = (pid: number): Event => ({ type: 'spawned', pid })
export const said = (text: string): Event => ({ type: 'said', text })
export const spawnFailed = (reason: string, permanent = false): Event => ({ type: 'spawnFailed', reason, permanent })
export const recycleLater = (at: number): Event => ({ type: 'recycleLater', at })

export const checking: Event = { type: 'checking' }
export const checked = (finding: string | null = null, againMs?: number): Event => ({
  type: 'checked',
  finding,
  ...(againMs === undefined ? {} : { againMs }),
})
export const hookSpawned = (pid: number): Event => ({ type: 'hookSpawned', pid })
export const hookFailed = (reason: string, permanent = false): Event => ({ type: 'hookFailed', reason, permanent })
export const hookEnded = (how: number | string | null): Event => ({
  type: 'hookEnded',
  code: typeof how === 'number' ? how : null,
  signal: typeof how === 'string' ? how : null,
})

/** An end: a number is an exit code, a string a signal. */
export function exited(how: number | string | null, left = false): Event {
  const code = typeof how === 'number' ? how : null
  return { type: 'exited', code, signal: typeof how === 'string' ? how : null, left }
}
