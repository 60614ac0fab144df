// Who belongs to a process of ours: its group, and descendants that left the group (a daemon that forks
// twice and calls setsid). These carry the token of the process in their environment, as all it makes do.
// After its end they become our children, for we are a subreaper; so a look at the children that we did not make
// ourselves finds them. What an adopted process left went to init instead, and is looked for everywhere.

import type { Signals } from '../core/ports.ts'
import { errno } from '../errors.ts'
import { TOKEN_ENV } from '../worker/protocol.ts'
import type { Strangers } from './adopted.ts'
import { allPids, childrenOf, environmentOf, isAlive, type ProcStat, statOf } from './proc.ts'

export interface Kin extends Signals {
  /** A process of ours, from its birth or from its adoption on; `child` = the kernel tells us of its end. */
  born(process: { readonly pid: number; readonly token: string; readonly child: boolean }): void
  /** How many it has left, now. */
  countLeft(leader: number): number
}

export interface KinOptions {
  /** For what was left and is no child of ours. */
  readonly strangers: Strangers
  /** Calls back after others had their turn. */
  soon(fire: () => void): void
}

interface Leader {
  readonly token: string
  readonly child: boolean
  ended: boolean
}

interface Seen extends ProcStat {
  readonly token: string | null
}

export function kinOf({ strangers, soon }: KinOptions): Kin {
  const leaders = new Map<number, Leader>()
  /** All there is, looked at once a turn: a hundred ends at once ask a hundred times. */
  let everybody: Seen[] | null = null

  const all = (): Seen[] => {
    if (everybody) return everybody
    everybody = allPids().flatMap((pid) => {
      const stat = statOf(pid)
      return stat && isAlive(stat) ? [{ ...stat, token: tokenOf(pid) }] : []
    })
    soon(() => {
      everybody = null
    })
    return everybody
  }

  /** Living ones, apart from the leader itself. */
  const left = (pid: number): ProcStat[] => {
    const leader = leaders.get(pid)
    if (leader?.child && !groupExists(pid) && !strayChildren().some((child) => tokenOf(child) === leader.token))
      return []
    return all().filter((p) => p.pid !== pid && (p.group === pid || (leader !== undefined && p.token === leader.token)))
  }

  /** Children that we did not make: they were left to us. */
  const strayChildren = (): number[] => childrenOf(process.pid).filter((pid) => !leaders.has(pid))

  return {
    born({ pid, token, child }) {
      leaders.set(pid, { token, child, ended: false })
    },
    hasLeft(pid) {
      const found = left(pid)
      const leader = leaders.get(pid)
      if (found.length === 0) leaders.delete(pid)
      else if (leader) leader.ended = true
      for (const { pid: one, start, parent } of found) if (parent !== process.pid) strangers.watch(one, start)
      return found.length > 0
    },
    countLeft: (pid) => left(pid).length,
    send(pid, signal, group) {
      if (!group) return strangers.has(pid) ? strangers.send(pid, signal) : kill(pid, signal)
      if (!leaders.get(pid)?.ended) return kill(-pid, signal)
      let heard = false
      let refused: unknown = null
      // One by one, also those of the group: its number may be another's as soon as its last member has gone.
      for (const one of left(pid)) {
        try {
          heard = (strangers.has(one.pid) ? strangers.send : kill)(one.pid, signal) || heard
        } catch (e) {
          refused = e // the others get it all the same
        }
      }
      if (refused !== null) throw refused
      return heard
    },
  }
}

const tokenOf = (pid: number): string | null => environmentOf(pid, [TOKEN_ENV])?.get(TOKEN_ENV) ?? null

const groupExists = (group: number): boolean => {
  try {
    process.kill(-group, 0)
    return true
  } catch (e) {
    return errno(e) !== 'ESRCH' // EPERM: somebody is there, and not ours to signal
  }
}

function kill(pid: number, signal: string): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch (e) {
    if (errno(e) === 'ESRCH') return false // gone already: its exit event is on the way
    throw e
  }
}
