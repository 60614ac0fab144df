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
  const fields = fieldsOf(pid)
  if (!fields) return null
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

/** Of /proc/PID/stat, from the state on: field n of proc(5) is at n - 3. */
export function fieldsOf(pid: number): string[] | null {
  const text = read(`/proc/${pid}/stat`, 'utf8') // by one call of Node's; bytes that are no text stand in the name alone
  // The name in parentheses may hold anything: fields are counted behind the last one.
  return text === null ? null : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Lives: neither a zombie nor gone. */
export const isAlive = ({ state }: ProcStat): boolean => state !== 'Z' && state !== 'X'

/** The values of the names in the environment that the process was started with; null = it cannot be read. */
export function environmentOf(pid: number, names: readonly string[]): ReadonlyMap<string, string> | null {
  const text = read(`/proc/${pid}/environ`)
  if (text === null) return null
  return new Map(names.flatMap((name) => valueIn(text, name).map((value) => [name, value] as const)))
}

/** Most execs are over at the second look. */
const LOOKS = 6

/**
 * One value of it; null = it has none, or is not ours to read. undefined = it is in the middle of an exec, where no
 * process has an environment for a moment, and nobody can tell.
 */
export function variableOf(pid: number, name: string): string | null | undefined {
  let none = 0
  for (let look = 0; look < LOOKS; look++) {
    const text = read(`/proc/${pid}/environ`)
    if (text === null) return null
    if (text !== '') return valueIn(text, name)[0] ?? null
    // Twice: the exec may have ended between the two looks. So it was started, or it is a thread of the kernel.
    if (!isBecoming(pid) && ++none === 2) return null
  }
  return undefined
}

/** It has memory, and no environment in it yet. Threads of the kernel have neither. */
function isBecoming(pid: number): boolean {
  const fields = fieldsOf(pid)
  return fields !== null && fields[20] !== '0' && fields[48] === '0'
}

/** At most one. */
function valueIn(environment: string, name: string): string[] {
  const first = environment.startsWith(`${name}=`)
  const at = first ? 0 : environment.indexOf(`\0${name}=`) + 1
  if (at === 0 && !first) return []
  const from = at + name.length + 1
  const to = environment.indexOf('\0', from)
  return [environment.slice(from, to < 0 ? undefined : to)]
}

/** Every process that we can see. */
export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** Children of a process that has one thread that makes them. May miss some while others end. */
export const childrenOf = (pid: number): number[] => childrenOfThread(pid, pid)

/** Children of a process, whichever of its threads has made them. */
export function threadsChildrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => childrenOfThread(pid, thread))
  } catch {
    return [] // it has just ended
  }
}

const childrenOfThread = (pid: number, thread: number | string): number[] =>
  (read(`/proc/${pid}/task/${thread}/children`) ?? '').split(' ').filter(Boolean).map(Number)

/** Changes with each boot of the machine. */
export const bootId = (): string => (read('/proc/sys/kernel/random/boot_id') ?? 'unknown').trim()

function read(path: string, encoding: 'latin1' | 'utf8' = 'latin1'): string | null {
  try {
    return readFileSync(path, encoding)
  } catch {
    return null // ended between the question and the look, or not ours to read
  }
}
