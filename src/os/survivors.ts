// Processes that outlived the master that made them, found in /proc by what their environment says: the
// token of one launch, and whose master, program and slot they are. For what the record does not
// tell: a launch of which only the intent was written, and all of them when the record is lost.

import { readlinkSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { KeptProcess } from '../core/record.ts'
import { TOKEN_ENV } from '../worker/protocol.ts'
import { allPids, environmentOf, isAlive, statOf } from './proc.ts'

export interface Survivor extends KeptProcess {
  readonly program: string
  readonly slot: number
  /** Names of the FIFOs that are its stdout and stderr; null = no FIFO of ours. */
  readonly stdout: string | null
  readonly stderr: string | null
}

/**
 * The process that was started with this token; not one that it made. Where it has ended (start 0) and others of
 * its session live on, they are what it left.
 */
export function survivorWith(token: string): KeptProcess | null {
  const leader = leaders(() => true).get(token)
  if (leader) return { token, pid: leader.pid, start: leader.start }
  for (const pid of allPids()) {
    const stat = tokenOf(pid) === token ? statOf(pid) : null
    if (!stat || !isAlive(stat) || stat.session === 0) continue
    // While a session has members, its number is no other process's.
    const founder = statOf(stat.session)
    return { token, pid: stat.session, start: founder && isAlive(founder) ? founder.start : 0 }
  }
  return null
}

/** All processes of the master with this control socket, whose FIFOs stand in `folder`. */
export function survivorsOf(socket: string, folder: string): Survivor[] {
  const isOurs = (env: Environment): boolean => utf8(env.get('PHD_SOCKET')) === socket && !env.has('PHD_HOOK')
  return [...leaders(isOurs).values()].flatMap(({ env, ...process }) => {
    const program = env.get('PHD_PROGRAM')
    const slot = Number(env.get('PHD_SLOT'))
    if (!program || !Number.isInteger(slot)) return []
    const [stdout, stderr] = [fifoOf(process.pid, 1, folder), fifoOf(process.pid, 2, folder)]
    return [{ ...process, program, slot, stdout, stderr }]
  })
}

/** Ends the hooks of a master whose record is lost: what they were to be followed by nobody knows. How many. */
export function endHooksOf(socket: string): number {
  const hooks = leaders((env) => utf8(env.get('PHD_SOCKET')) === socket && env.has('PHD_HOOK'))
  for (const { pid } of hooks.values()) {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It has just ended, or is another user's by now.
    }
  }
  return hooks.size
}

type Environment = ReadonlyMap<string, string>

/** By token: what a process makes carries its token as well, so the oldest leader of a session is the one. */
function leaders(wanted: (env: Environment) => boolean): Map<string, KeptProcess & { readonly env: Environment }> {
  const found = new Map<string, KeptProcess & { readonly env: Environment }>()
  for (const pid of allPids()) {
    const env = environmentOf(pid, [TOKEN_ENV, 'PHD_SOCKET', 'PHD_PROGRAM', 'PHD_SLOT', 'PHD_HOOK'])
    const token = env?.get(TOKEN_ENV)
    if (!env || !token || !wanted(env)) continue
    const stat = statOf(pid)
    if (stat?.session !== pid || !isAlive(stat)) continue
    const other = found.get(token)
    if (!other || other.start > stat.start) found.set(token, { token, pid, start: stat.start, env })
  }
  return found
}

const tokenOf = (pid: number): string | undefined => environmentOf(pid, [TOKEN_ENV])?.get(TOKEN_ENV)

function fifoOf(pid: number, fd: number, folder: string): string | null {
  try {
    const path = readlinkSync(`/proc/${pid}/fd/${fd}`)
    return dirname(path) === folder ? basename(path) : null
  } catch {
    return null // it has closed it, or has just ended
  }
}

const utf8 = (latin1: string | undefined): string => Buffer.from(latin1 ?? '', 'latin1').toString()
