// `logs` and `clear`: the last lines of the files that a target means, and following them. What a target
// means is log-places.ts; how its files are followed, whatever becomes of it, log-following.ts.

import type { LogLine, LogPlace, LogsResult } from '../api/contract.ts'
import type { Clock } from '../core/ports.ts'
import { PhError } from '../errors.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { FollowFrom, FollowReading } from './log-follower.ts'
import { followTargets } from './log-following.ts'
import { parseLine, tellsTime, timeOf } from './log-lines.ts'
import { filters, isOf, type Place, type Places, placeOf, placesOf, type Stream, sourceOf } from './log-places.ts'
import type { Session } from './session.ts'

/** The file system's side; os/log-reader.ts and os/log-follow.ts. */
export interface LogReading extends FollowReading {
  lastLines(path: string, wanted: LastLines): Promise<readonly Buffer[]>
  clear(path: string): void
}

interface LastLines {
  readonly count: number
  readonly mostBytes: number
  readonly whole: boolean
  readonly since?: number
  readonly isOlder?: (line: Buffer) => boolean
}

export interface Logs {
  read(params: LogsParams, session: Session): Promise<LogsResult>
  clear(target: string | readonly string[]): { ok: boolean }
}

interface LogsParams {
  readonly target: string | readonly string[]
  readonly lines?: number | undefined
  readonly stream?: 'stdout' | 'stderr' | undefined
  readonly follow: boolean
  readonly since?: string | undefined
  readonly after?: readonly LogPlace[] | undefined
}

interface Wanted {
  /** null: what is usual. */
  readonly count: number | null
  readonly mostBytes: number
  readonly whole: boolean
  /** Unix ms. */
  readonly since: number | null
}

/** Bytes of all last lines of one answer, and the least that each file may have of it. */
const ANSWER_BYTES = 8 * 1024 * 1024
const FILE_BYTES = 256 * 1024
/** Where one file holds lines of many, those of one are looked for in so much of its end. */
const SEARCH_BYTES = 4 * 1024 * 1024
const MOST_LINES = 100_000
const USUAL_LINES = 100

export function logsOf(supervisor: Supervisor, masterLog: string | null, clock: Clock, reading: LogReading): Logs {
  const placesNow = (targets: readonly string[], stream?: Stream): Places =>
    placesOf(supervisor.programs, targets, masterLog, stream)

  const read = async (params: LogsParams, session: Session): Promise<LogsResult> => {
    const { stream, follow } = params
    const since = params.since === undefined ? null : Date.parse(params.since)
    // Where a client goes on, a file that it does not know is new to it: from its beginning.
    const known = params.after && new Map(params.after.map((place) => [place.path, place]))
    const from = (path: string): FollowFrom => (known ? (known.get(path) ?? 'beginning') : 'end')
    const targets = listOf(params.target)
    const places = placesNow(targets, stream)
    const files = [...places.keys()].map((path) => placeOf(places, path)).filter((place) => place !== null)
    const mostBytes = Math.max(FILE_BYTES, Math.floor(ANSWER_BYTES / Math.max(1, files.length)))
    const following = follow ? followTargets(targets, stream, places, { supervisor, clock, reading }) : null
    try {
      const lines: LogLine[] = []
      for (const place of files) {
        // The place from which to follow, and the lines before it, are taken in one turn: nothing gets in between.
        following?.open(place.path, from(place.path))
        if (following && known) continue
        const wanted: Wanted = { count: params.lines ?? null, mostBytes, whole: follow, since }
        for (const line of await lastOf(place, wanted, stream)) lines.push(line)
      }
      if (!following) return { files: files.map(sourceOf), lines }
      const subscription = session.subscribe((id) => {
        // After the answer, so that the client knows the number when the first lines come.
        clock.soon(() => following.begin(session, id))
        return following
      })
      return { files: following.files(), lines, subscription, ...following.places() }
    } catch (e) {
      following?.end()
      throw e
    }
  }

  const lastOf = async (place: Place, wanted: Wanted, stream: Stream): Promise<LogLine[]> => {
    const { since, mostBytes, whole } = wanted
    const timed = since !== null && tellsTime(place)
    const count = wanted.count ?? (timed ? MOST_LINES : USUAL_LINES)
    const isOlder = (bytes: Buffer): boolean => (timeOf(bytes) ?? Number.POSITIVE_INFINITY) < (since ?? 0)
    const last = await reading.lastLines(place.path, {
      ...(filters(place, stream)
        ? { count: count && MOST_LINES, mostBytes: Math.min(mostBytes, SEARCH_BYTES) }
        : { count, mostBytes }),
      whole,
      ...(since === null ? {} : { since }),
      ...(timed ? { isOlder } : {}),
    })
    const recent = timed ? last.slice(last.findLastIndex(isOlder) + 1) : last
    const lines = recent.flatMap((bytes) => parseLine(bytes, place))
    return count === 0 ? [] : lines.filter((line) => isOf(line, stream)).slice(-count)
  }

  /** One answer of a connection at a time: each may be several MB. */
  const turns = new WeakMap<Session, Promise<unknown>>()
  const inTurn = <T>(session: Session, act: () => Promise<T>): Promise<T> => {
    const before = turns.get(session) ?? Promise.resolve()
    const mine = before.then(act, act)
    turns.set(session, mine)
    return mine
  }

  return {
    read: (params, session) => inTurn(session, () => read(params, session)),
    clear(target) {
      const paths = [...placesNow(listOf(target)).keys()]
      if (masterLog !== null && paths.includes(masterLog)) {
        throw new PhError('PH_CONFLICT', "cannot clear the master's own log; rename it and use reopen")
      }
      for (const path of paths) reading.clear(path)
      return { ok: true }
    },
  }
}

const listOf = (target: string | readonly string[]): readonly string[] =>
  typeof target === 'string' ? [target] : target
