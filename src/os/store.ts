// The record on disk: a journal of rows in state/record. The rows of one flush are one JSON line, and one append, so
// a spawn's intent costs some microseconds; when the journal has grown well beyond what it says, it is written anew
// beside its place and renamed. No fsync: the page cache survives whatever kills us, and after a
// reboot the record means nothing (its boot id differs). A torn last line is what a kill in the middle
// of an append leaves: it is dropped whole, for what was to follow from it has not been done, and half of what
// belongs together would be worse than nothing.
// A record that cannot be written is emptied, if that can be: believing an old one, a next master would start again what
// it does not know of; an empty one makes it look for the processes themselves.
// Rows hold environments, so the file is 0600 in a folder of 0700.

import { closeSync, constants, openSync, renameSync, truncateSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Store } from '../core/ports.ts'
import { type Kept, type RowKind, SCHEMA } from '../core/record.ts'
import { errno, messageOf } from '../errors.ts'
import { bootId } from './proc.ts'
import { KINDS } from './record-file.ts'

export interface Journal extends Store {
  /** All that was put and flushed stands there. */
  readonly isSound: boolean
  /** The master ends in order: nothing is left to take over. */
  remove(): void
}

export interface StoreOptions {
  /** run_path/state */
  readonly folder: string
  readonly version: string
  readonly clock: Clock
  /** What is written first; from what was read. */
  readonly kept: Kept | null
  /** The record cannot be written (in words), or (null) can be again. */
  readonly trouble: (error: string | null) => void
}

/** Smaller journals are not worth to be written anew. */
const COMPACT_BYTES = 256 * 1024
const COMPACT_RATIO = 4
/** After a failure. */
const RETRY_MS = 1_000

/** Writes `kept` as the new record, and what is put from then on. */
export function openStore({ folder, version, clock, kept, trouble }: StoreOptions): Journal {
  const path = join(folder, 'record')
  const header = `${JSON.stringify({ phd: 'record', schema: SCHEMA, version, boot: bootId(), pid: process.pid })}\n`
  /** The text of each row, as it stands in the journal. */
  const rows = new Map<string, string>()
  let changed: string[] = []
  let fd: number | null = null
  let bytes = 0
  /** Written anew when it is longer. */
  let compactAt = 0
  /** Not written since, and tried again by the clock. */
  let troubled = false
  let removed = false

  const put = (kind: RowKind, key: string, row: object | null): void => {
    const id = `${kind} ${key}`
    if (row === null) {
      if (rows.delete(id)) changed.push(JSON.stringify([kind, key, null]))
      return
    }
    const text = JSON.stringify([kind, key, row])
    if (rows.get(id) === text) return
    rows.set(id, text)
    changed.push(text)
  }

  /** The whole record, beside its place and then in it. */
  const writeWhole = (): void => {
    const draft = `${path}.new`
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants
    const fresh = openSync(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
    try {
      bytes = writeAll(fresh, header + [...rows.values()].map((row) => `[${row}]\n`).join(''))
      renameSync(draft, path)
    } catch (e) {
      closeSync(fresh)
      unlinkSync(draft)
      throw e
    }
    if (fd !== null) closeSync(fd)
    fd = fresh
    compactAt = Math.max(COMPACT_BYTES, COMPACT_RATIO * bytes)
  }

  const write = (): void => {
    if (fd === null) {
      writeWhole()
      return
    }
    if (bytes > compactAt) {
      try {
        writeWhole()
        return
      } catch {
        compactAt = 2 * bytes // it only grows: what matters is whether the rows can be appended
      }
    }
    bytes += writeAll(fd, `[${changed.join(',')}]\n`)
  }

  /** The master goes on without a net, and says so. What is in memory is written whole when it can be. */
  const fail = (e: unknown): void => {
    if (!troubled) trouble(messageOf(e))
    troubled = true
    if (fd !== null) closeSync(fd)
    fd = null
    emptied(path)
    clock.alarm(clock.now() + RETRY_MS, attempt)
  }

  const attempt = (): void => {
    if (removed) return
    try {
      write()
    } catch (e) {
      fail(e)
      return
    }
    if (troubled) trouble(null)
    troubled = false
  }

  for (const kind of KINDS) for (const [key, row] of kept?.[kind] ?? []) put(kind, key, row)
  return {
    put,
    get isSound() {
      return !troubled && !removed
    },
    flush() {
      if (removed || (changed.length === 0 && fd !== null)) return
      if (!troubled) attempt()
      changed = []
    },
    remove() {
      removed = true
      if (fd !== null) closeSync(fd)
      try {
        unlinkSync(path)
      } catch (e) {
        if (errno(e) !== 'ENOENT') trouble(messageOf(e))
      }
    },
  }
}

/** As far as it can be: where nothing can be written, nothing that is not in the record can be started either. */
function emptied(path: string): void {
  try {
    truncateSync(path)
  } catch {
    // Read-only, or not there: its trouble is told already.
  }
}

function writeAll(fd: number, text: string): number {
  const bytes = Buffer.from(text)
  let at = 0
  while (at < bytes.length) at += writeSync(fd, bytes, at)
  return bytes.length
}
