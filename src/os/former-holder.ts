// What a former holder of a program's lock has left alive, found and ended before the new holder makes anything of
// its own. Found by its record (pid and start time), and by what environments say: the token of a launch, or the
// master's socket and the program. All it made itself carries these, too. First the stop signal, then SIGKILL, as
// for processes of our own; and not over before a look at all processes finds none.

import { closeSync } from 'node:fs'
import type { Clock } from '../core/ports.ts'
import { hookOf } from '../core/record.ts'
import type { Spec } from '../core/spec.ts'
import { errno } from '../errors.ts'
import { TOKEN_ENV } from '../worker/protocol.ts'
import { openPidfd, signalPidfd } from './libc-pidfd.ts'
import { allPids, environmentOf, isAlive, type ProcStat, statOf, variableOf } from './proc.ts'
import { peekRecord } from './record-file.ts'
import type { Former, FormerProcess } from './single-lock-file.ts'

export interface Eviction {
  readonly program: string
  readonly former: Former
  readonly spec: Pick<Spec, 'stopSignal' | 'stopMs' | 'stopGroup'>
  readonly clock: Clock
  /** Nothing is left. */
  done(): void
  /** One that we may not signal, in words. */
  refused(why: string): void
}

/** Looks come quickly at first: most processes end at once. */
const LOOK_MS = 10
const LOOK_MAX_MS = 100
/** An exec, in which no process has an environment, takes a millisecond; who shows none for longer is nobody's. */
const DOUBT_MS = 1_000

/** What the record in that run_path says of the program's processes and their hooks. */
export function recordedOf(stateFolder: string, program: string): FormerProcess[] {
  const kept = peekRecord(stateFolder)
  if (!kept) return []
  const its = [...kept.instance].filter(([, row]) => row.program === program).map(([key]) => key)
  const processes = its.flatMap((key) => [key, hookOf(key)]).flatMap((key) => kept.process.get(key) ?? [])
  // Of a launch of which only the intent was written, the token tells.
  return processes.map(({ pid, start, token }) => ({ pid: pid ?? 0, start: start ?? 0, token }))
}

/** Ends all of them. Calls back later, never at once. */
export function evict({ program, former, spec, clock, done, refused }: Eviction): void {
  const began = clock.now()
  const hard = began + spec.stopMs
  const told = new Set<string>()
  /** Once one of them, always: whatever becomes of its environment and of its leader. */
  const known = new Set<string>()
  let emptySince: number | null = null
  let wait = LOOK_MS
  const look = (): void => {
    const { found, doubt } = livingOf(program, former, known)
    for (const one of found) known.add(keyOf(one))
    emptySince = found.length > 0 ? null : (emptySince ?? clock.now())
    if (emptySince !== null && (!doubt || clock.now() > emptySince + DOUBT_MS)) {
      done()
      return
    }
    const kills = clock.now() >= hard
    for (const one of found) {
      const key = keyOf(one)
      // Who is no leader hears of it when its leader has ended, or with all of its group.
      const hears = one.leads || spec.stopGroup || !found.some((other) => other.leads)
      if (!kills && (told.has(key) || !hears)) continue
      told.add(key)
      try {
        for (const signal of kills ? ['SIGKILL'] : [spec.stopSignal, 'SIGCONT']) send(one, signal)
      } catch (e) {
        refused(`cannot end process ${one.pid}: ${errno(e) ?? String(e)}`)
      }
    }
    const next = clock.now() + wait
    clock.alarm(kills ? next : Math.min(next, hard), look)
    wait = Math.min(2 * wait, LOOK_MAX_MS)
  }
  clock.soon(look)
}

interface Found extends ProcStat {
  /** A process that a master made, not what that one made. */
  readonly leads: boolean
}

const keyOf = ({ pid, start }: ProcStat): string => `${pid} ${start}`

function livingOf(
  program: string,
  { processes, sockets }: Former,
  known: ReadonlySet<string>,
): { readonly found: readonly Found[]; readonly doubt: boolean } {
  const tokens = new Set(processes.map(({ token }) => token))
  const masters = new Set(sockets.map((path) => Buffer.from(path).toString('latin1')))
  const starts = new Map(processes.map(({ pid, start }) => [pid, start]))
  const found: Found[] = []
  let doubt = false
  for (const pid of allPids()) {
    const stat = pid === process.pid ? null : statOf(pid)
    if (!stat || !isAlive(stat)) continue
    const recorded = starts.get(pid) === stat.start
    const token = variableOf(pid, TOKEN_ENV)
    doubt ||= token === undefined
    const isKin =
      recorded ||
      known.has(keyOf(stat)) ||
      (typeof token === 'string' && tokens.has(token)) ||
      isOf(pid, program, masters)
    if (isKin || isMember(stat, starts)) found.push({ ...stat, leads: recorded || stat.session === pid })
  }
  return { found, doubt }
}

function isOf(pid: number, program: string, masters: ReadonlySet<string>): boolean {
  const env = environmentOf(pid, ['PHD_SOCKET', 'PHD_PROGRAM'])
  return env?.get('PHD_PROGRAM') === program && masters.has(env.get('PHD_SOCKET') ?? '')
}

/** Of the group or session of a recorded one that is still there: else the number may have become another's. */
function isMember({ group, session }: ProcStat, starts: ReadonlyMap<number, number>): boolean {
  return [group, session].some((leader) => {
    const start = starts.get(leader)
    return start !== undefined && start > 0 && statOf(leader)?.start === start
  })
}

/** By a pidfd, so that a number which is another's by now is never meant. */
function send({ pid, start }: Found, signal: string): void {
  let fd: number | null | undefined
  try {
    fd = openPidfd(pid)
  } catch (e) {
    if (errno(e) !== 'ENOSYS') throw e // an old kernel has none
  }
  try {
    if (fd === null || statOf(pid)?.start !== start) return
    if (fd === undefined) process.kill(pid, signal)
    else signalPidfd(fd, signal as NodeJS.Signals)
  } catch (e) {
    if (errno(e) !== 'ESRCH') throw e // it has just ended
  } finally {
    if (typeof fd === 'number') closeSync(fd)
  }
}
