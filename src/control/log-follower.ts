// Following one file for one client. It reads from the file itself when it is told that it grew, so a
// client that stops reading costs nothing but its place; when it reads again and is far behind, it is
// told how many lines it missed. They are counted as they stand in the file, those of other names and
// streams in it included. A file that is not wanted any more is read to its end first: that is where it
// stands when no stream goes to it.

import type { LogPlace } from '../api/contract.ts'
import type { Clock } from '../core/ports.ts'
import { messageOf } from '../errors.ts'

/** The file system's side; os/log-follow.ts and os/log-growth.ts. */
export interface FollowReading {
  followLog(path: string, from: FollowFrom): Following
  /** Tells of what happens to a file. Returns what ends it. */
  onGrowth(path: string, watcher: { grown(): void; replaced(): void; written(open: boolean): void }): () => void
}

interface Following {
  next(most: number): readonly Buffer[]
  skip(keep: number, most: number): boolean
  missed(): number
  place(): Omit<LogPlace, 'path'> | null
  readonly lost: boolean
  readonly holds: boolean
  replaced(): void
  end(): void
}

/** For whom a file is followed. */
export interface Reader {
  /** It takes lines from now on; before, all stays where it is. */
  readonly begun: boolean
  /** The client is behind. */
  readonly full: boolean
  /** Somebody it follows may still write there. */
  readonly wanted: boolean
  /** @param place behind the last of the lines */
  take(lines: readonly Buffer[], missed: number, place: LogPlace | null): void
  /** Nothing more will be written, and the client is behind: what is left waits for it. */
  late(): void
  /** It has ended by itself; with a reason where it cannot be read. */
  ended(error: string | null): void
}

export interface Follower {
  /** Goes on: something may have changed. */
  go(): void
  /** Ends, and says how many lines were not read. */
  abandon(): number
  /** Where the next line begins; null while there is no file. */
  place(): LogPlace | null
  /** The place to go on behind was not found. */
  readonly lost: boolean
  end(): void
}

/** Bytes read for a client at a time, and kept for it when it was far behind. */
const READ_BYTES = 256 * 1024
const BEHIND_BYTES = 4 * 1024 * 1024
/** Bytes in which lines are counted in one turn, for a client that is to be told how many it missed. */
const COUNT_BYTES = 4 * 1024 * 1024

/** Where following begins; at a place also where the file has been rotated away. */
export type FollowFrom = LogPlace | 'beginning' | 'end'

export interface FollowWhere {
  readonly path: string
  readonly from: FollowFrom
}

/** Throws where the file cannot be opened. */
export function followFile(where: FollowWhere, reader: Reader, clock: Clock, reading: FollowReading): Follower {
  const { path } = where
  const following = reading.followLog(path, where.from)
  const place = (): LogPlace | null => {
    const at = following.place()
    return at && { path, ...at }
  }
  let written = false
  let behind = false
  let over = false

  const send = (): void => {
    if (!reader.begun) return
    while (!reader.full) {
      // Far behind: a part of the counting a turn, so that nobody else waits for it.
      if (behind && !following.skip(BEHIND_BYTES, COUNT_BYTES)) {
        clock.soon(go)
        return
      }
      behind = false
      const lines = following.next(READ_BYTES)
      const missed = following.missed()
      if (lines.length > 0 || missed > 0) reader.take(lines, missed, place())
      else {
        if (isDone()) finish(null)
        return
      }
    }
    behind = true
    // Nobody reads: files that were rotated away meanwhile must not pile up.
    if (following.holds) following.skip(BEHIND_BYTES, COUNT_BYTES)
    if (!isDone()) return
    // As far behind as it may be when it is read again: what waits for long must be quick to count.
    if (following.skip(BEHIND_BYTES, COUNT_BYTES)) reader.late()
    else clock.soon(go)
  }
  const isDone = (): boolean => !written && !reader.wanted
  /** A file that cannot be read any more ends its following, not the master. */
  const safely = (act: () => void): void => {
    if (over) return
    try {
      act()
    } catch (e) {
      finish(messageOf(e))
    }
  }
  const go = (): void => safely(send)
  const unwatch = reading.onGrowth(path, {
    grown: go,
    replaced: () => safely(() => following.replaced()),
    written(open) {
      written = open
      if (!open) clock.soon(go)
    },
  })
  const end = (): void => {
    if (over) return
    over = true
    unwatch()
    following.end()
  }
  const finish = (error: string | null): void => {
    end()
    reader.ended(error)
  }
  return {
    go,
    abandon() {
      let missed = 0
      safely(() => {
        following.skip(0, Number.POSITIVE_INFINITY)
        missed = following.missed()
      })
      end()
      return missed
    },
    place,
    lost: following.lost,
    end,
  }
}
