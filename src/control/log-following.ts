// Following the logs of a target for one client, whatever becomes of the target. Files of new slots and
// new programs are followed from the moment at which these are made, before anything is written there; a
// changed log_file beside the old one, for as long as a process writes to that. A file is left when no
// instance of the target writes to it, no stream goes there, and it was read to its end.
// Each file is followed once, however many write to it.

import type { LogPlace, LogSource } from '../api/contract.ts'
import type { Clock } from '../core/ports.ts'
import type { Instance } from '../core/state.ts'
import { messageOf } from '../errors.ts'
import type { Notice } from '../supervisor/ports.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import { type Follower, type FollowFrom, type FollowReading, followFile, type Reader } from './log-follower.ts'
import { parseLine } from './log-lines.ts'
import {
  addWriter,
  isOf,
  type Place,
  type Places,
  placeOf,
  placesOfInstance,
  removeWriter,
  type Stream,
  sourceOf,
} from './log-places.ts'
import type { Session } from './session.ts'
import { meaningOf } from './targets.ts'

export interface LogFollowing {
  /** Follows one of the files that the target has now, from there on. Throws where it cannot be opened. */
  open(path: string, from: FollowFrom): void
  /** From where they are followed; and those in which the place to go on behind was not found. */
  places(): { readonly places: readonly LogPlace[]; readonly lost?: readonly string[] }
  /** The files so far, for the answer; later ones are told by notification. */
  files(): readonly LogSource[]
  begin(session: Session, subscription: number): void
  /** The client reads again. */
  drained(): void
  end(): void
}

export interface FollowParts {
  readonly supervisor: Supervisor
  readonly clock: Clock
  readonly reading: FollowReading
}

interface Followed {
  readonly follower: Follower
  /** What its writers make of it; the last of them, when there are none any more. */
  place: Place | null
  /** As the client was told of it. */
  told: string
}

/** Files that wait for a client that does not read, though nobody wants them any more; beyond, the oldest is counted and left. */
const MOST_LATE = 32

/** `places` are those of the targets now, and are kept up to date from now on. */
export function followTargets(
  targets: readonly string[],
  stream: Stream,
  places: Places,
  { supervisor, clock, reading }: FollowParts,
): LogFollowing {
  const means = meaningOf(targets)
  /** Files that are there already; their turn to be opened comes. */
  const awaited = new Set(places.keys())
  const followed = new Map<string, Followed>()
  const late = new Set<string>()
  /** What the client is still to be told: files that are new or different, files that cannot be read, lines it will not get. */
  const news = new Set<string>()
  const troubles = new Map<string, string>()
  let missed = 0
  let to: { readonly session: Session; readonly subscription: number } | null = null
  let over = false

  const notify = (facts: object): void =>
    to?.session.notify('log', { subscription: to.subscription, lines: [], ...facts })

  /** The files that are new to the client, or not as it knows them. */
  const newFiles = (): LogSource[] => {
    const files: LogSource[] = []
    for (const path of news) {
      const one = followed.get(path)
      if (!one) continue
      one.place = placeOf(places, path) ?? one.place
      const source = one.place ? sourceOf(one.place) : null
      const said = JSON.stringify(source)
      if (source && one.told !== said) files.push(source)
      one.told = said
    }
    news.clear()
    return files
  }
  const tellNews = (): void => {
    if (to === null || to.session.full) return
    const files = newFiles()
    if (files.length > 0 || missed > 0) notify({ ...counted(missed), ...(files.length > 0 ? { files } : {}) })
    missed = 0
    for (const error of troubles.values()) notify({ error })
    troubles.clear()
  }
  const forget = (path: string): void => {
    followed.delete(path)
    places.delete(path)
    late.delete(path)
  }
  const fail = (path: string, error: string): void => {
    forget(path)
    troubles.set(path, error)
    clock.soon(tellNews)
  }

  const readerOf = (path: string): Reader => ({
    get begun() {
      return to !== null
    },
    get full() {
      return to === null || to.session.full
    },
    get wanted() {
      return (places.get(path)?.size ?? 0) > 0
    },
    take(lines, gone, place) {
      tellNews()
      const source = followed.get(path)?.place
      const all = source ? lines.flatMap((line) => parseLine(line, source)) : []
      const kept = all.filter((line) => isOf(line, stream))
      if (kept.length > 0 || gone > 0) notify({ ...counted(gone), lines: kept, ...(place ? { place } : {}) })
    },
    late() {
      late.add(path)
      const [oldest] = late
      if (late.size <= MOST_LATE || oldest === undefined) return
      missed += followed.get(oldest)?.follower.abandon() ?? 0
      forget(oldest)
    },
    ended(error) {
      if (error === null) forget(path)
      else fail(path, error)
    },
  })
  const open = (path: string, from: FollowFrom): void => {
    awaited.delete(path)
    const follower = followFile({ path, from }, readerOf(path), clock, reading)
    followed.set(path, { follower, place: placeOf(places, path), told: '' })
    news.add(path)
  }

  /** An instance writes there, or does not any more. */
  const changed = (path: string): void => {
    const one = followed.get(path)
    if ((places.get(path)?.size ?? 0) === 0) {
      if (one) clock.soon(one.follower.go)
      return
    }
    late.delete(path)
    if (awaited.has(path)) return
    if (news.size === 0) clock.soon(tellNews)
    news.add(path)
    if (one) return
    try {
      open(path, 'end')
    } catch (e) {
      fail(path, messageOf(e))
    }
  }
  const unwatch = supervisor.watch((notice) => {
    const { before, after } = spokenOf(notice)
    const i = after ?? before
    const meant = i ? means({ name: i.program, groups: i.spec.groups }, i.slot) : null
    if (!i || !meant) return
    const desired = supervisor.programs.get(i.program)?.desired ?? 0
    const its = (one: Instance | null): Place[] =>
      one ? placesOfInstance(one, desired, meant === 'program', stream) : []
    const [was, is] = [its(before), its(after)]
    if (before) removeWriter(places, before, was)
    if (after) addWriter(places, after, is)
    for (const path of new Set([...was, ...is].map((place) => place.path))) changed(path)
  })

  return {
    open,
    files: newFiles,
    places() {
      const all = [...followed]
      const lost = all.filter(([, { follower }]) => follower.lost).map(([path]) => path)
      return { places: all.flatMap(([, { follower }]) => follower.place() ?? []), ...(lost.length > 0 ? { lost } : {}) }
    },
    begin(session, subscription) {
      if (over) return
      to = { session, subscription }
      tellNews()
      for (const { follower } of [...followed.values()]) follower.go()
    },
    drained() {
      tellNews()
      for (const { follower } of [...followed.values()]) follower.go()
    },
    end() {
      over = true
      to = null
      unwatch()
      for (const { follower } of followed.values()) follower.end()
    },
  }
}

const counted = (missed: number): { missed?: number } => (missed > 0 ? { missed } : {})

/** The instance, where it is made, forgotten, or has other settings now. */
function spokenOf(notice: Notice): { readonly before: Instance | null; readonly after: Instance | null } {
  if (notice.kind !== 'instance') return NOBODY
  const { before, after } = notice
  return before?.spec === after?.spec && before?.generation === after?.generation ? NOBODY : notice
}

const NOBODY = { before: null, after: null }
