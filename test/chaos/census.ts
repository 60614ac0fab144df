// Which processes of a chaos run live, by /proc alone: those that carry the run's control socket in their
// environment, with the token of the launch that they come from. Never asks the master.

import { readdirSync, readFileSync } from 'node:fs'
import { environmentOf } from '../helpers/proc.ts'

export interface Seen {
  readonly pid: number
  readonly parent: number
  /** Ticks since boot: with the pid it says which process. */
  readonly start: number
  readonly token: string
  /** `web:0` */
  readonly name: string
  /** The value of CHAOS. */
  readonly mark: number
}

interface Stat {
  readonly state: string
  readonly parent: number
  readonly start: number
}

export class Census {
  readonly #socket: string
  /** By pid and start, so that an environment is read once. */
  #known = new Map<string, Seen>()

  constructor(socket: string) {
    this.#socket = socket
  }

  look(): Seen[] {
    const known = new Map<string, Seen>()
    for (const pid of pids()) {
      const stat = statOf(pid)
      if (!stat || isDead(stat)) continue
      const key = `${pid} ${stat.start}`
      const seen = this.#known.get(key) ?? this.#read(pid, stat)
      if (seen) known.set(key, { ...seen, parent: stat.parent })
    }
    this.#known = known
    return [...known.values()]
  }

  #read(pid: number, { parent, start }: Stat): Seen | null {
    const { PHD_SOCKET, PHD_TOKEN, PHD_NAME, CHAOS } = environmentOf(pid)
    if (PHD_SOCKET !== this.#socket || !PHD_TOKEN || !PHD_NAME) return null
    return { pid, parent, start, token: PHD_TOKEN, name: PHD_NAME, mark: Number(CHAOS) }
  }
}

/** It still lives, and it is the same. */
export function stillThere({ pid, start }: Seen): boolean {
  const stat = statOf(pid)
  return stat !== null && stat.start === start && !isDead(stat)
}

/** The tokens of those that live. */
export const tokensOf = (seen: readonly Seen[]): Set<string> => new Set(seen.map(({ token }) => token))

/** Processes of each slot that come from different launches. */
export function launchesBySlot(seen: readonly Seen[]): Map<string, Seen[]> {
  const bySlot = new Map<string, Seen[]>()
  for (const one of seen) {
    const others = bySlot.get(one.name) ?? []
    if (!others.some(({ token }) => token === one.token)) bySlot.set(one.name, [...others, one])
  }
  return bySlot
}

const isDead = ({ state }: Stat): boolean => state === 'Z' || state === 'X'

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? 'X', parent: Number(fields[1]), start: Number(fields[19]) }
  } catch {
    return null // ended between the list and the look
  }
}
