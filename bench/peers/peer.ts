// What phd is measured beside: each peer keeps `count` copies of one program alive, in the way that its own
// documentation shows, and is asked in its own words.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Witness } from '../witness.ts'

export interface Peer {
  readonly name: string
  /** Why it cannot be measured here; null = it can. */
  missing(): string | null
  /** Starts it; resolves once its births may be waited for. Its files go into `folder`. */
  start(folder: string, count: number, witness: Witness): Promise<Running>
}

export interface Running {
  /** All processes of its own, not those that it keeps. */
  readonly own: () => readonly number[]
  /** Stops all that it keeps, by its own command; resolves when that has returned. Missing: it has none. */
  readonly stopAll?: () => Promise<void>
  /** Missing: impossible at run time. */
  readonly scale?: (count: number) => Promise<void>
  /** Ends it, and what it keeps. */
  end(): Promise<void>
}

export const needs = (...programs: readonly string[]): string | null => {
  const absent = programs.filter((one) => spawnSync('sh', ['-c', `command -v ${one}`]).status !== 0)
  return absent.length > 0 ? `${absent.join(', ')} not found` : null
}

/** A daemon in the foreground. */
export function daemon(words: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const [command = '', ...args] = words
  return spawn(command, args, { stdio: 'ignore', env: { ...process.env, ...env } })
}

export const gone = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.on('exit', () => resolve())
  })

/** Runs a command to its end. */
export function ran(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const [command = '', ...args] = words
  return new Promise((resolve, reject) => {
    spawn(command, args, { stdio: 'ignore', env: { ...process.env, ...env } })
      .on('error', reject)
      .on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${words.join(' ')}: exit ${code}`))))
  })
}

/** The process and all below it whose program has one of these names. */
export function familyOf(pid: number, names: RegExp): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,comm='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  const found = [pid]
  for (const one of found) {
    for (const [child, parent, comm = ''] of rows) {
      if (Number(parent) === one && names.test(comm)) found.push(Number(child))
    }
  }
  return found
}

/** Resolves when none of these lives, but for zombies that somebody else forgot. */
export async function allGone(pids: readonly number[]): Promise<void> {
  let left = pids
  while (left.length > 0) {
    left = left.filter((pid) => {
      try {
        return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
      } catch {
        return false // that is what is waited for
      }
    })
    if (left.length > 0) await new Promise((next) => setTimeout(next, 1))
  }
}
