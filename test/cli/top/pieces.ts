// Programs, a model and keys for the tests of `top`.

import { firstModel, type Message, type Model, type Step, watched } from '../../../cli/top/model.ts'
import { update } from '../../../cli/top/update.ts'
import type { Happening, Info, ProcessStatus, Program } from '../../../src/api/contract.ts'
import { running } from '../../helpers/statuses.ts'

export const now = Date.parse('2026-01-02T03:04:05Z')

export const info: Info = {
  version: '0.1.0',
  pid: 4711,
  instance: null,
  config: '/srv/config.ini',
  socket: '/srv/phd.sock',
  startedAt: '2026-01-02T03:00:00.000Z',
  uptime: 245,
  upgrades: 0,
  node: 'v20.20.2',
  platform: 'linux',
  programs: 0,
  processes: 0,
  features: [],
  web: null,
}

export const row = (name: string, more: Partial<ProcessStatus> = {}): ProcessStatus =>
  running(name, { pid: 100 + Number(name.split(':')[1]), ...more })

/** One that has no process now. */
export const down = (name: string, state: ProcessStatus['state'], more: Partial<ProcessStatus> = {}): ProcessStatus =>
  row(name, { state, pid: null, ready: false, uptime: null, cpu: null, memory: null, ...more })

export function program(name: string, processes: readonly ProcessStatus[], more: Partial<Program> = {}): Program {
  const up = processes.filter((one) => one.state === 'RUNNING').length
  return {
    program: name,
    state: up === processes.length ? 'RUNNING' : 'DEGRADED',
    groups: [],
    desired: processes.length,
    running: up,
    ready: up,
    nextRunAt: null,
    lastRun: null,
    skippedRuns: null,
    missedRuns: null,
    processes,
    ...more,
  }
}

export const some: readonly Program[] = [
  program('web', [
    row('web:0', { cpu: 1 }),
    row('web:1', { cpu: 7, memory: 9_000_000 }),
    row('web:2', { restarts: 3 }),
  ]),
  program('mail', [row('mail:0', { cpu: 30, uptime: 5 })]),
  program('jobs', [down('jobs:0', 'FATAL', { reason: 'exit 3' }), row('jobs:1', { uptime: 999 })]),
]

export const look = (programs: readonly Program[], at = now): Message => ({
  kind: 'status',
  host: null,
  programs,
  now: at,
})

export const size = { columns: 80, rows: 24, braille: true }

/** A model that has seen these programs. */
export function seeing(programs: readonly Program[] = some, room = size): Model {
  return update(firstModel(room, [watched(null, info)], now), look(programs)).model
}

export function after(model: Model, ...messages: readonly Message[]): Model {
  return messages.reduce((last, message) => update(last, message).model, model)
}

export const key = (name: string): Message => ({ kind: 'key', key: name })

/** The last step of these keys. */
export function pressed(model: Model, ...keys: readonly string[]): Step {
  return keys.reduce<Step>((last, name) => update(last.model, key(name)), { model, effects: [] })
}

export const event = (topic: Happening['topic'], facts: object): Message => ({
  kind: 'event',
  host: null,
  event: { seq: 1, time: '2026-01-02T03:04:05.000Z', topic, ...facts },
})
