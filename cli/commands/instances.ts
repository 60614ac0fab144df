// `instances`: the masters that have been started by one configuration, and which of them live.

import type { Info } from '../../src/api/contract.ts'
import { messageOf, PhError } from '../../src/errors.ts'
import { infoAt } from '../connect.ts'
import { findPlace, type Place } from '../finding.ts'
import { clean, columns, duration } from '../format.ts'
import { besideSocket, inRunPath, type Known } from '../instances.ts'
import { type Context, OK } from './context.ts'

interface Found extends Known {
  /** What it says of itself; null = it does not run, or `error` says why it does not answer. */
  readonly info: Info | null
  readonly error: string | null
}

/** Each may take so long to answer. */
const PATIENCE_S = 2

export async function instances(ctx: Context): Promise<number> {
  // Of the configuration, not of one of them.
  const place = await findPlace({ ...ctx.globals, instance: null }, process.env, ctx.out.remark)
  const known = [...(await byConfiguration(place)), ...besideSocket(place.socket)]
  const bySocket = new Map(known.map((one) => [one.socket, one]))
  const all = [...bySocket.values()].toSorted((a, b) => (a.instance ?? '').localeCompare(b.instance ?? ''))
  const found = await Promise.all(all.map((one) => ask(one, ctx.globals.timeout ?? PATIENCE_S)))
  ctx.out.result(found.map(wireOf), () => tableOf(found, place))
  return OK
}

/** A file names the socket of every instance, wherever it is; none where it is broken, or did not lead here. */
async function byConfiguration({ config }: Place): Promise<readonly Known[]> {
  if (config === null) return []
  const { loadConfig } = await import('../../src/config/load.ts')
  try {
    const { runPath } = loadConfig(config).master
    return inRunPath(runPath).map((instance) => ({ instance, socket: loadConfig(config, { instance }).master.socket }))
  } catch (e) {
    if (e instanceof PhError) return []
    throw e
  }
}

async function ask(one: Known, timeout: number): Promise<Found> {
  try {
    const info = await infoAt(one.socket, timeout, one.instance)
    return { ...one, instance: info.instance, info, error: null }
  } catch (e) {
    const nobody = e instanceof PhError && e.code === 'PH_NO_MASTER'
    return { ...one, info: null, error: nobody ? null : (messageOf(e).split('\n')[0] ?? '') }
  }
}

function wireOf({ instance, socket, info, error }: Found): object {
  const { pid = null, version = null, config = null, uptime = null, processes = null } = info ?? {}
  return { instance, socket, lives: info !== null, pid, version, config, uptime, processes, error }
}

function tableOf(found: readonly Found[], place: Place): string {
  if (found.length === 0) return `no master has been started here (looked beside ${clean(place.socket)})`
  const rows = found.map(({ instance, socket, info, error }) => [
    clean(instance ?? '-'),
    info ? String(info.pid) : '-',
    info ? clean(info.version) : '-',
    info ? duration(info.uptime) : '-',
    info ? String(info.processes) : '-',
    `${clean(socket)}${info ? '' : ` (${clean(error ?? 'not running')})`}`,
  ])
  return columns([['INSTANCE', 'PID', 'VERSION', 'UPTIME', 'PROCESSES', 'SOCKET'], ...rows]).join('\n')
}
