// `logs` and `clear`: which files a target means, their last lines, and following them. A follower
// reads from the file itself when it is told that it grew, so a client that stops reading costs nothing
// but its place; when it reads again and is far behind, it is told how many lines it missed.

import type { LogLine, LogsResult } from '../api/contract.ts'
import { nameOf } from '../core/program.ts'
import type { LogFormat } from '../core/spec.ts'
import { PhError } from '../errors.ts'
import { outputOf } from '../supervisor/launch.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Session } from './session.ts'
import { chooseTargets } from './targets.ts'

/** The file system's side; os/log-reader.ts. */
export interface LogReading {
  lastLines(path: string, count: number): Promise<readonly Buffer[]>
  followLog(path: string): Following
  /** Calls back after the file has grown. Returns what ends it. */
  onGrowth(path: string, grown: () => void): () => void
  clear(path: string): void
}

export interface Following {
  next(most: number): readonly Buffer[]
  skip(keep: number): number
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
interface Place {
  readonly path: string
  readonly name: string
  readonly format: LogFormat
  /** Of a formatted file, only the lines of these; null = all. */
  readonly names: ReadonlySet<string> | null
  readonly stream: 'stdout' | 'stderr' | null
}

/** Bytes read for a client at a time, and kept for it when it was far behind. */
const READ_BYTES = 256 * 1024
const BEHIND_BYTES = 4 * 1024 * 1024

export function logsOf(supervisor: Supervisor, masterLog: string, reading: LogReading): Logs {
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
        for (const place of known ? placesOfSlot(known.spec, slot, whole) : []) {
          if (stream && place.stream !== null && place.stream !== stream) continue
          const before = places.get(place.path)
          places.set(place.path, before ? merged(before, place) : place)
        }
      }
    }
    return [...places.values()]
  }

  return {
    async read({ target, lines, stream, follow }, session) {
      const places = placesOf(target, stream)
      const keep = (line: LogLine): boolean => !stream || line.stream === null || line.stream === stream
      const followings: { place: Place; following: Following }[] = []
      // The place from which to follow is taken before the last lines are read and after them nothing is
      // missed: both happen in one turn for plain files.
      const shown: LogLine[] = []
      for (const place of places) {
        const last = await reading.lastLines(place.path, lines)
        if (follow) followings.push({ place, following: reading.followLog(place.path) })
        shown.push(...last.flatMap((bytes) => parseLine(bytes, place)).filter(keep))
      }
      if (!follow) return { lines: shown }
      const subscription = session.subscribe((id) => follower(session, id, followings, keep, reading))
      return { lines: shown, subscription }
    },
    clear(target) {
      for (const { path } of placesOf(target)) {
        if (path === masterLog)
          throw new PhError('PH_CONFLICT', "cannot clear the master's own log; rename it and use reopen")
        reading.clear(path)
      }
      return { ok: true }
    },
  }
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
})

function follower(
  session: Session,
  subscription: number,
  followings: readonly { place: Place; following: Following }[],
  keep: (line: LogLine) => boolean,
  reading: LogReading,
) {
  let behind = false
  const send = ({ place, following }: (typeof followings)[number]): void => {
    while (!session.full) {
      const missed = behind ? following.skip(BEHIND_BYTES) : 0
      const bytes = following.next(READ_BYTES)
      if (bytes.length === 0 && missed === 0) return
      const lines = bytes.flatMap((one) => parseLine(one, place)).filter(keep)
      if (lines.length > 0 || missed > 0) {
        session.notify('log', { subscription, lines, ...(missed > 0 ? { missed } : {}) })
      }
    }
    behind = true
  }
  const ends = followings.map((one) => reading.onGrowth(one.place.path, () => send(one)))
  return {
    drained() {
      for (const one of followings) send(one)
      if (!session.full) behind = false
    },
    end() {
      for (const end of ends) end()
      for (const { following } of followings) following.end()
    },
  }
}

const PREFIXED = /^(\S+) (\S+) (stdout|stderr)\+? (.*)$/s

/** A line as its file's format tells it; one that does not fit the format is shown as it is. */
function parseLine(bytes: Buffer, { name, format, names, stream }: Place): LogLine[] {
  const text = bytes.toString('utf8')
  const line = (format === 'prefix' ? parsePrefixed(text) : format === 'json' ? parseJson(text) : null) ?? {
    name,
    stream,
    time: null,
    text,
  }
  return names === null || format === 'raw' || names.has(line.name) ? [line] : []
}

function parsePrefixed(text: string): LogLine | null {
  const [, time, name, stream, rest] = PREFIXED.exec(text) ?? []
  if (time === undefined || name === undefined || rest === undefined) return null
  return { name, stream: stream as 'stdout' | 'stderr', time, text: rest }
}

function parseJson(text: string): LogLine | null {
  try {
    const { time, name, stream, text: inner } = JSON.parse(text) as Record<string, unknown>
    if (typeof name !== 'string' || typeof inner !== 'string' || typeof time !== 'string') return null
    return { name, stream: stream === 'stderr' ? 'stderr' : 'stdout', time, text: inner }
  } catch {
    return null // a line from before the format was chosen: shown as it is
  }
}
