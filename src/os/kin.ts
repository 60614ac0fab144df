// Who belongs to a process of ours: its group, and descendants that left the group (a daemon that forks
// twice and calls setsid). These carry the token of the process in their environment, as all it makes do.
// After its end they become our children, for we are a subreaper: so they are found below the children that we did
// not make ourselves. What an adopted process left went to init instead, and is looked for everywhere.
//
// A process that is being made, or becomes another program, in the very moment of a look is not missed: it is
// looked at again, and until then it may be one of those who are left. Who is found later than the others is told
// what they were told.

import type { Clock, Signals } from '../core/ports.ts'
import type { KeptProcess } from '../core/record.ts'
import { errno } from '../errors.ts'
import { TOKEN_ENV } from '../worker/protocol.ts'
import type { Strangers } from './adopted.ts'
import { allPids, childrenOf, isAlive, type ProcStat, statOf, threadsChildrenOf, variableOf } from './proc.ts'

export interface Kin extends Signals {
  /** A process of ours, from its birth or from its adoption on; `child` = the kernel tells us of its end. */
  born(process: KeptProcess & { readonly child: boolean }): void
  /** How many it has left, now. */
  countLeft(leader: number): number
}

export interface KinOptions {
  /** For what was left and is no child of ours. */
  readonly strangers: Strangers
  readonly clock: Clock
  /** Ask again what is left: some could not be told from others, and can be now. */
  again(): void
}

interface Leader {
  readonly token: string
  readonly start: number
  readonly child: boolean
  ended: boolean
  /** Signals that those who are left were sent, and who has got them. */
  said: readonly string[]
  readonly told: Set<string>
}

interface Seen extends ProcStat {
  /** undefined = it is in the middle of an exec, and nobody can tell. */
  readonly token: string | null | undefined
}

/** Looks in a row at those who end and fork all the while. */
const LOOKS = 20
/** An exec takes a millisecond, on a busy machine some more. Who shows nothing for longer is nobody's. */
const DOUBT_MS = 1_000
const AGAIN_MS = 10

export function kinOf({ strangers, clock, again }: KinOptions): Kin {
  const leaders = new Map<number, Leader>()
  /** What one look has found serves all who ask in this turn: a hundred ends at once ask a hundred times. */
  let everybody: Seen[] | null = null
  /** The same for what came to us. */
  let ours: Seen[] | null = null
  /** Since when there is one who cannot be told from others. */
  let doubtSince: number | null = null

  /** Living ones, apart from the leader itself; and whether there may be more. */
  const look = (pid: number): { readonly left: readonly Seen[]; readonly doubt: boolean } => {
    const leader = leaders.get(pid)
    const found = leader?.child ? allOfOurs() : all()
    // A number is given away again when nobody has it for his group: if it is another process's by now, so is the group.
    const isAnothers = leader !== undefined && found.some((p) => p.pid === pid && p.start !== leader.start)
    const isMember = (p: Seen): boolean => p.group === pid && !isAnothers
    const isKin = (p: Seen): boolean => isMember(p) || (leader !== undefined && p.token === leader.token)
    return {
      left: found.filter((p) => p.pid !== pid && isKin(p)),
      doubt: leader !== undefined && found.some((p) => p.token === undefined),
    }
  }

  /**
   * Living children that we did not make, and all below them. What one of them made comes to us when it ends; so where
   * one is found dead, all are looked at again.
   */
  const leftToUs = (): Seen[] => {
    const dead = new Set<number>()
    const found = new Map<number, Seen>()
    const visit = (pid: number): void => {
      if (dead.has(pid) || found.has(pid)) return
      const one = seen(pid)
      if (!one) {
        dead.add(pid)
        return
      }
      found.set(pid, one)
      for (const child of threadsChildrenOf(pid)) visit(child)
    }
    for (let round = 0, before = -1; round < LOOKS && dead.size > before; round++) {
      before = dead.size
      found.clear()
      for (const pid of childrenOf(process.pid)) if (!leaders.has(pid)) visit(pid)
    }
    return [...found.values()]
  }

  const all = (): Seen[] => {
    if (everybody) return everybody
    everybody = lookAround()
    queueMicrotask(lookAnew)
    return everybody
  }

  const allOfOurs = (): Seen[] => {
    if (ours) return ours
    ours = leftToUs()
    queueMicrotask(lookAnew)
    return ours
  }

  /** An end that we hear of later may have come after the last look. */
  const lookAnew = (): void => {
    everybody = null
    ours = null
  }

  /** Is the doubt one to wait for? Then it is asked again. */
  const waitsFor = (doubt: boolean): boolean => {
    const now = clock.now()
    if (!doubt || (doubtSince !== null && now - doubtSince > DOUBT_MS)) return false
    if (doubtSince === null) {
      doubtSince = now
      askAgain()
    }
    return true
  }

  const askAgain = (): void => {
    clock.alarm(clock.now() + AGAIN_MS, () => {
      again()
      if ([...leaders].some(([pid, leader]) => leader.ended && look(pid).doubt)) askAgain()
      else doubtSince = null
    })
  }

  /** Who is left, each of whom we are told when it ends. Who has ended before we could watch it tells nobody. */
  const watched = (pid: number): ReturnType<typeof look> => {
    for (let round = 0; round < LOOKS; round++) {
      const found = look(pid)
      const isTold = found.left.map((p) => p.parent === process.pid || strangers.watch(p.pid, p.start))
      if (isTold.every(Boolean)) return found
      lookAnew()
    }
    return { left: [], doubt: true }
  }

  const sendTo = (pid: number, signal: string): boolean =>
    strangers.has(pid) ? strangers.send(pid, signal) : kill(pid, signal)

  /** What all were told, to those who have not heard it. */
  const tellNew = (leader: Leader, left: readonly Seen[]): void => {
    for (const one of left.filter((p) => !leader.told.has(keyOf(p)))) {
      leader.told.add(keyOf(one))
      try {
        for (const signal of leader.said) sendTo(one.pid, signal)
      } catch {
        // Another user's by now, of which only SIGKILL at the deadline would say more: it counts as left.
      }
    }
  }

  return {
    born({ pid, token, start, child }) {
      leaders.set(pid, { token, start, child, ended: false, said: [], told: new Set() })
    },
    hasLeft(pid) {
      const { left, doubt } = watched(pid)
      const leader = leaders.get(pid)
      const waits = waitsFor(doubt)
      if (left.length === 0 && !waits) leaders.delete(pid)
      else if (leader) leader.ended = true
      if (leader && leader.said.length > 0) tellNew(leader, left)
      return left.length > 0 || waits
    },
    countLeft: (pid) => look(pid).left.length,
    // Only a cgroup of its own would tell.
    oomKilled: () => null,
    send(pid, signal, group) {
      if (!group) return sendTo(pid, signal)
      const leader = leaders.get(pid)
      if (!leader?.ended) return kill(-pid, signal)
      leader.said = signal === 'SIGKILL' ? [signal] : [...new Set([...leader.said, signal])]
      let heard = false
      let refused: unknown = null
      lookAnew()
      // One by one, also those of the group: its number may be another's as soon as its last member has gone.
      for (const one of look(pid).left) {
        const signals = leader.told.has(keyOf(one)) ? [signal] : leader.said
        leader.told.add(keyOf(one))
        try {
          for (const name of signals) heard = sendTo(one.pid, name) || heard
        } catch (e) {
          refused = e // the others get it all the same
        }
      }
      lookAnew() // for those who were made meanwhile
      tellNew(leader, look(pid).left)
      if (refused !== null) throw refused
      return heard
    },
  }
}

const keyOf = ({ pid, start }: ProcStat): string => `${pid} ${start}`

function seen(pid: number): Seen | null {
  const stat = statOf(pid)
  return stat && isAlive(stat) ? { ...stat, token: variableOf(pid, TOKEN_ENV) } : null
}

/** Everybody there is. Where one has ended since the list was made, what it made may not be on it: a second look. */
function lookAround(): Seen[] {
  const found = new Map<number, Seen>()
  let ended = false
  for (const pid of allPids()) {
    const one = seen(pid)
    if (one) found.set(pid, one)
    else ended = true
  }
  if (!ended) return [...found.values()]
  for (const pid of allPids()) {
    const one = found.has(pid) ? null : seen(pid)
    if (one) found.set(pid, one)
  }
  return [...found.values()]
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
