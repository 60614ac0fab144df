// `logs` and `clear`: which files a target means, their last lines, and following them. A follower
// reads from the file itself when it is told that it grew, so a client that stops reading costs nothing
// but its place; when it reads again and is far behind, it is told how many lines it missed. They are
// counted as they stand in the file, those of other names and streams in it included.

import type { LogLine, LogsResult } from '../api/contract.ts'
import type { Clock } from '../core/ports.ts'
import { nameOf, slotOf } from '../core/program.ts'
import { messageOf, PhError } from '../errors.ts'
import { outputOf } from '../supervisor/launch.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import { type LineSource, parseLine } from './log-lines.ts'
import type { Session } from './session.ts'
import { chooseTargets } from './targets.ts'

/** The file system's side; os/log-reader.ts and os/log-follow.ts. */
export interface LogReading {
  lastLines(path: string, wanted: LastLines): Promise<readonly Buffer[]>
  followLog(path: string): Following
  /** Tells of what happens to a file. Returns what ends it. */
  onGrowth(path: string, watcher: { grown(): void; replaced(): void }): () => void
  clear(path: string): void
}

interface LastLines {
  readonly count: number
  readonly mostBytes: number
  readonly whole: boolean
}

export interface Following {
  next(most: number): readonly Buffer[]
  skip(keep: number, most: number): boolean
  missed(): number
  readonly holds: boolean
  replaced(): void
  end(): void
}

export interface Logs {
  read(params: LogsParams, session: Session): Promise<LogsResult>
  clear(target: string | readonly string[]): { ok: boolean }
}

interface LogsParams {
  readonly target: string | readonly string[]
  readonly lines: number
  readonly stream?: 'stdout' | 'stderr' | undefined
  readonly follow: boolean
}

/** A file, and what its lines are called where they do not tell themselves. */
interface Place extends LineSource {
  readonly path: string
}

/** Bytes of all last lines of one answer, and the least that each file may have of it. */
const ANSWER_BYTES = 8 * 1024 * 1024
const FILE_BYTES = 256 * 1024
/** Where one file holds lines of many, those of one are looked for in so much of its end. */
const SEARCH_BYTES = 4 * 1024 * 1024
const MOST_LINES = 100_000
/** Bytes read for a client at a time, and kept for it when it was far behind. */
const READ_BYTES = 256 * 1024
const BEHIND_BYTES = 4 * 1024 * 1024
/** Bytes in which lines are counted in one turn, for a client that is to be told how many it missed. */
const COUNT_BYTES = 4 * 1024 * 1024

export function logsOf(supervisor: Supervisor, masterLog: string, clock: Clock, reading: LogReading): Logs {
  const placesOf = (target: string | readonly string[], stream?: 'stdout' | 'stderr'): Place[] => {
    const targets = typeof target === 'string' ? [target] : target
    const places = new Map<string, Place>()
    if (targets.includes('master')) {
      places.set(masterLog, { path: masterLog, name: 'master', format: 'raw', names: null, stream: null })
    }
    const others = targets.filter((one) => one !== 'master')
    for (const { program, slots, whole } of others.length > 0 ? chooseTargets(supervisor.programs, others) : []) {
      const known = supervisor.programs.get(program)
      for (const slot of known ? slots : []) {
        // What the process itself writes to: a changed log_file is in force only for the next one.
        const spec = known ? (slotOf(known, slot)?.serving.spec ?? known.spec) : null
        for (const place of spec ? placesOfSlot(spec, slot, whole) : []) {
          if (stream && place.stream !== null && place.stream !== stream) continue
          const before = places.get(place.path)
          places.set(place.path, before ? merged(before, place) : place)
        }
      }
    }
    return [...places.values()]
  }

  const read = async ({ target, lines: count, stream, follow }: LogsParams, session: Session): Promise<LogsResult> => {
    const places = placesOf(target, stream)
    const keep = (line: LogLine): boolean => !stream || line.stream === null || line.stream === stream
    const mostBytes = Math.max(FILE_BYTES, Math.floor(ANSWER_BYTES / Math.max(1, places.length)))
    const followers: Follower[] = []
    const endAll = (): void => {
      for (const one of followers) one.end()
    }
    try {
      const lines: LogLine[] = []
      for (const place of places) {
        // The place from which to follow, and the lines before it, are taken in one turn: nothing gets in between.
        if (follow) followers.push(followerOf(place, keep, clock, reading))
        const wanted = filters(place, stream)
          ? { count: count && MOST_LINES, mostBytes: Math.min(mostBytes, SEARCH_BYTES), whole: follow }
          : { count, mostBytes, whole: follow }
        const last = await reading.lastLines(place.path, wanted)
        const fitting = last.flatMap((bytes) => parseLine(bytes, place)).filter(keep)
        for (const line of count === 0 ? [] : fitting.slice(-count)) lines.push(line)
      }
      const result: LogsResult = { files: places.map(fileOf), lines }
      if (!follow) return result
      const subscription = session.subscribe((id) => {
        // After the answer, so that the client knows the number when the first lines come.
        clock.soon(() => {
          for (const one of followers) one.begin(session, id)
        })
        return {
          drained() {
            for (const one of followers) one.drained()
          },
          end: endAll,
        }
      })
      return { ...result, subscription }
    } catch (e) {
      endAll()
      throw e
    }
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
      const paths = placesOf(target).map(({ path }) => path)
      if (paths.includes(masterLog)) {
        throw new PhError('PH_CONFLICT', "cannot clear the master's own log; rename it and use reopen")
      }
      for (const path of paths) reading.clear(path)
      return { ok: true }
    },
  }
}

/** Does the file hold lines that are not wanted? */
const filters = ({ format, names }: Place, stream: 'stdout' | 'stderr' | undefined): boolean =>
  format !== 'raw' && (names !== null || stream !== undefined)

const fileOf = ({ path, name, names, stream, format }: Place): LogsResult['files'][number] => {
  const [only] = names?.size === 1 && format !== 'raw' ? names : []
  return { path, name: only ?? name, stream, format }
}

function placesOfSlot(spec: Parameters<typeof outputOf>[0], slot: number, whole: boolean): Place[] {
  const { stdout, stderr, format } = outputOf(spec, slot)
  const name = spec.output.stdout === stdout && spec.workers > 1 ? spec.program : nameOf(spec.program, slot)
  const names = whole ? null : new Set([nameOf(spec.program, slot)])
  const place = (path: string, stream: Place['stream']): Place => ({ path, name, format, names, stream })
  const all = stderr === null ? [place(stdout, null)] : [place(stdout, 'stdout'), place(stderr, 'stderr')]
  return all.filter(({ path }) => path !== 'none' && path !== 'inherit')
}

const merged = (a: Place, b: Place): Place => ({
  ...a,
  names: a.names && b.names ? new Set([...a.names, ...b.names]) : null,
  stream: a.stream === b.stream ? a.stream : null,
})

interface Follower {
  /** Sends what has come since, and goes on. */
  begin(session: Session, subscription: number): void
  /** The client reads again. */
  drained(): void
  end(): void
}

function followerOf(place: Place, keep: (line: LogLine) => boolean, clock: Clock, reading: LogReading): Follower {
  const following = reading.followLog(place.path)
  let to: { readonly session: Session; readonly subscription: number } | null = null
  let behind = false
  let ended = false
  const send = (): void => {
    if (ended || to === null) return
    const { session, subscription } = to
    while (!session.full) {
      // Far behind: a part of the counting a turn, so that nobody else waits for it.
      if (behind && !following.skip(BEHIND_BYTES, COUNT_BYTES)) {
        clock.soon(() => safely(send))
        return
      }
      behind = false
      const bytes = following.next(READ_BYTES)
      const missed = following.missed()
      if (bytes.length === 0 && missed === 0) return
      const lines = bytes.flatMap((one) => parseLine(one, place)).filter(keep)
      if (lines.length > 0 || missed > 0) {
        session.notify('log', { subscription, lines, ...(missed > 0 ? { missed } : {}) })
      }
    }
    behind = true
    // Nobody reads: files that were rotated away meanwhile must not pile up.
    if (following.holds) following.skip(BEHIND_BYTES, COUNT_BYTES)
  }
  /** A file that cannot be read any more ends its following, not the master. */
  const safely = (act: () => void): void => {
    if (ended) return
    try {
      act()
    } catch (e) {
      end()
      if (to) to.session.notify('log', { subscription: to.subscription, lines: [], error: messageOf(e) })
    }
  }
  const unwatch = reading.onGrowth(place.path, {
    grown: () => safely(send),
    replaced: () => safely(() => following.replaced()),
  })
  const end = (): void => {
    if (ended) return
    ended = true
    unwatch()
    following.end()
  }
  return {
    begin(session, subscription) {
      to = { session, subscription }
      send()
    },
    drained: () => safely(send),
    end,
  }
}
