// What /proc tells of processes: state, family, start time, the token in an environment. For those that
// are no children of ours, of whom the kernel tells us nothing by itself. Everything here may be gone in
// the next moment; a process that cannot be read counts as not there, or as not ours.

import { readdirSync, readFileSync } from 'node:fs'

export interface ProcStat {
  readonly pid: number
  /** One letter; Z and X have ended. */
  readonly state: string
  readonly parent: number
  readonly group: number
  readonly session: number
  /** In ticks since boot. */
  readonly start: number
  /** Wait status of one that has ended and was not reaped yet. */
  readonly exit: number
}

/** null = there is no such process, or /proc is hidden from us. */
export function statOf(pid: number): ProcStat | null {
  const text = read(`/proc/${pid}/stat`)
  if (text === null) return null
  // proc(5): the name in parentheses may hold anything; fields are counted behind the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    pid,
    state: fields[0] ?? 'X',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    start: Number(fields[19]),
    exit: Number(fields[49] ?? 0),
  }
}

/** Lives: neither a zombie nor gone. */
export const isAlive = ({ state }: ProcStat): boolean => state !== 'Z' && state !== 'X'

/** The values of the names in the environment that the process was started with; null = it cannot be read. */
export function environmentOf(pid: number, names: readonly string[]): ReadonlyMap<string, string> | null {
  const text = read(`/proc/${pid}/environ`)
  if (text === null) return null
  const found = new Map<string, string>()
  for (const name of names) {
    const at = text.startsWith(`${name}=`) ? 0 : text.indexOf(`\0${name}=`) + 1
    if (at === 0 && !text.startsWith(`${name}=`)) continue
    const from = at + name.length + 1
    const to = text.indexOf('\0', from)
    found.set(name, text.slice(from, to < 0 ? undefined : to))
  }
  return found
}

/** Every process that we can see. */
export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** Children of a process that has one thread that makes them. May miss some while others end. */
export function childrenOf(pid: number): number[] {
  return (read(`/proc/${pid}/task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number)
}

/** Changes with each boot of the machine. */
export const bootId = (): string => (read('/proc/sys/kernel/random/boot_id') ?? 'unknown').trim()

function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null // ended between the question and the look, or not ours to read
  }
}
