// Masters that follow one that was killed, and what a test asks of the processes in between: who lives, under
// which name, whose child it is. Seen through /proc, whatever a master believes.

import { writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import type { Program } from '../../src/api/contract.ts'
import { type Master, type StartOptions, startMaster } from './master.ts'
import { environmentOf, lives, pids, sessionOf } from './proc.ts'
import { type Scene, until } from './scene.ts'

/** A master on the scene of one that was killed: it must leave nothing behind, for it takes all over. */
export async function nextMaster(t: TestContext, ini: string, options: StartOptions = {}): Promise<Master> {
  const master = await startMaster(t, ini, options)
  master.scene.mayLeave(false)
  return master
}

/** Kills a master as it stands, and starts the next one on the same configuration. */
export async function succeed(t: TestContext, master: Master, ini: string): Promise<Master> {
  await master.murder()
  return nextMaster(t, ini)
}

export interface Made {
  readonly pid: number
  /** `web:0` */
  readonly name: string
}

/** Living processes that a master of this scene has made, not what these made themselves. By name. */
export function madeOn(scene: Scene): Made[] {
  const socket = scene.path('phd.sock')
  return pids()
    .flatMap((pid) => {
      const env = environmentOf(pid)
      const ours = env.PHD_SOCKET === socket && sessionOf(pid) === pid && lives(pid)
      return ours ? [{ pid, name: env.PHD_NAME ?? '' }] : []
    })
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }) || a.pid - b.pid)
}

/** Waits until exactly one process lives for each of these names, and no other. */
export async function onlyThese(scene: Scene, names: readonly string[]): Promise<readonly Made[]> {
  const wanted = [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).join(' ')
  let last = ''
  try {
    return await until('one process a slot', () => {
      const made = madeOn(scene)
      last = made.map(({ name }) => name).join(' ')
      return last === wanted && made
    })
  } catch (e) {
    throw new Error(`wanted ${wanted}, there are ${last}`, { cause: e })
  }
}

export const slots = (program: string, count: number): string[] =>
  Array.from({ length: count }, (_none, slot) => `${program}:${slot}`)

/** What of a status does not change by itself. */
export function still(programs: readonly Program[]) {
  return programs.map(({ processes, ...program }) => ({
    ...program,
    processes: processes.map(
      ({ uptime: _u, cpu: _c, memory: _m, requests: _r, inFlight: _i, latency: _l, ...process }) => process,
    ),
  }))
}

export type Row = readonly [kind: string, key: string, row: Readonly<Record<string, unknown>> | null]

const RECORD = '.phd/state/record'

/** The record as it lies there, with other rows: null leaves one out. And with another header, where one is given. */
export function editRecord(scene: Scene, edit: (row: Row) => Row | null, header: object = {}): void {
  const [first = '', ...batches] = scene.lines(RECORD)
  const rows = batches.flatMap((line) => (JSON.parse(line) as Row[]).map(edit)).filter((row) => row !== null)
  const lines = [{ ...(JSON.parse(first) as object), ...header }, ...rows.map((row) => [row])]
  writeFileSync(scene.path(RECORD), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** A moment of so many ms, within the fault: no event tells of it. */
export const moment = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
