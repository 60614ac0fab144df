// What /proc says about processes: the tests' own eyes, independent of what the master believes.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** `R S D T Z ...`, or null when there is no such process. */
export function stateOf(pid: number): string | null {
  return fieldsOf(pid)?.[0] ?? null
}

/** There, and no zombie: a container's first process may never take the dead it inherits. */
export function lives(pid: number): boolean {
  const state = stateOf(pid)
  return state !== null && state !== 'Z' && state !== 'X'
}

export const parentOf = (pid: number): number => Number(fieldsOf(pid)?.[1])
export const groupOf = (pid: number): number => Number(fieldsOf(pid)?.[2])
export const sessionOf = (pid: number): number => Number(fieldsOf(pid)?.[3])

/** CPU time so far, in ms. */
export function cpuMs(pid: number): number {
  const fields = fieldsOf(pid) ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** One field of /proc/PID/status, `SigBlk`; null when it is not there. */
export function statusField(pid: number, name: string): string | null {
  const line = textOf(`/proc/${pid}/status`)
    .split('\n')
    .find((one) => one.startsWith(`${name}:`))
  return line ? line.slice(name.length + 1).trim() : null
}

export const residentBytes = (pid: number): number => Number.parseInt(statusField(pid, 'VmRSS') ?? '0', 10) * 1024

/** As `ps` shows it. */
export const commandOf = (pid: number): string => textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()

export function environmentOf(pid: number): Record<string, string> {
  const pairs = textOf(`/proc/${pid}/environ`).split('\0').filter(Boolean)
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

export const folderOf = (pid: number): string => readlinkSync(`/proc/${pid}/cwd`)

/** Open descriptors in their order, and what they are. */
export function descriptorsOf(pid: number): Map<number, string> {
  const found = new Map<number, string>()
  let fds: number[] = []
  try {
    fds = readdirSync(`/proc/${pid}/fd`).map(Number)
  } catch {
    // Gone, or another user's.
  }
  for (const fd of fds.sort((a, b) => a - b)) {
    try {
      found.set(fd, readlinkSync(`/proc/${pid}/fd/${fd}`))
    } catch {
      // Closed between the list and the look.
    }
  }
  return found
}

export const childrenOf = (pid: number): number[] => pids().filter((one) => parentOf(one) === pid)

export const zombiesOf = (pid: number): number[] => childrenOf(pid).filter((one) => stateOf(one) === 'Z')

/** Living processes that have this text in their command line or environment, or files of such a name open. */
export function mentioning(text: string): number[] {
  return pids().filter(
    (pid) =>
      pid !== process.pid &&
      lives(pid) &&
      (textOf(`/proc/${pid}/cmdline`).includes(text) ||
        textOf(`/proc/${pid}/environ`).includes(text) ||
        [...descriptorsOf(pid).values()].some((file) => file.startsWith(text))),
  )
}

/** Of every process that can be seen. */
export function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** Of /proc/PID/stat, from the state on: the name before them may hold anything. */
function fieldsOf(pid: number): string[] | null {
  const text = textOf(`/proc/${pid}/stat`)
  return text === '' ? null : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Empty when the process is gone, or another user's. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
