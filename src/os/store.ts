// The record on disk: a journal of rows in state/record. The rows of one flush are one JSON line, and one append, so
// a spawn's intent costs some microseconds; when the journal has grown well beyond what it says, it is written anew
// beside its place and renamed. No fsync: the page cache survives whatever kills us, and after a
// reboot the record means nothing (its boot id differs). A torn last line is what a kill in the middle
// of an append leaves: it is dropped whole, for what was to follow from it has not been done, and half of what
// belongs together would be worse than nothing.
// A record that cannot be written is emptied, if that can be: believing an old one, a next master would start again what
// it does not know of; an empty one makes it look for the processes themselves.
// Rows hold environments, so the file is 0600 in a folder of 0700.

import { closeSync, constants, openSync, readFileSync, renameSync, truncateSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Store } from '../core/ports.ts'
import { type Kept, type RowKind, SCHEMA } from '../core/record.ts'
import { errno, messageOf, PhError } from '../errors.ts'
import { bootId } from './proc.ts'

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

export type Reading =
  | { readonly kind: 'none' }
  /** Of an earlier boot: no process of it lives. */
  | { readonly kind: 'void' }
  | { readonly kind: 'kept'; readonly kept: Kept; readonly version: string }
  /** Torn, changed or newer: moved out of the way, to `moved`. */
  | { readonly kind: 'bad'; readonly why: string; readonly moved: string }

const KINDS: readonly RowKind[] = ['program', 'instance', 'process', 'stream', 'file', 'settings', 'master']
/** Smaller journals are not worth to be written anew. */
const COMPACT_BYTES = 256 * 1024
const COMPACT_RATIO = 4
/** After a failure. */
const RETRY_MS = 1_000

/** Reads the record of the last master. Throws what the file system says. */
export function readRecord(folder: string): Reading {
  const path = join(folder, 'record')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (e) {
    if (errno(e) === 'ENOENT') return { kind: 'none' }
    throw e
  }
  try {
    return parse(text)
  } catch (e) {
    return { kind: 'bad', why: messageOf(e), moved: quarantine(folder) }
  }
}

/** Throws when the record that is being written there now could not be taken over; touches nothing. */
export function checkRecord(folder: string): void {
  try {
    parse(readFileSync(join(folder, 'record'), 'utf8'))
  } catch (e) {
    throw new PhError('PH_UPGRADE', `cannot go on from the record in ${folder}: ${messageOf(e)}`, {}, { cause: e })
  }
}

/** Moves a record that cannot be used out of the way, over no earlier one. Where it lies now. */
export function quarantine(folder: string): string {
  for (let n = 1; ; n++) {
    const moved = join(folder, `record.bad.${n}`)
    try {
      closeSync(openSync(moved, 'wx', 0o600))
    } catch (e) {
      if (errno(e) === 'EEXIST') continue
      throw e
    }
    renameSync(join(folder, 'record'), moved)
    return moved
  }
}

function parse(text: string): Reading {
  if (text === '') throw new Error('it is empty: the last master could not write it')
  const lines = text.split('\n')
  lines.pop() // what stands behind the last newline was never whole
  const header = JSON.parse(lines[0] ?? '') as { phd?: unknown; schema?: unknown; boot?: unknown; version?: unknown }
  if (header.phd !== 'record') throw new Error('it does not begin as a record does')
  if (header.schema !== SCHEMA) {
    throw new Error(`its schema is ${String(header.schema)} (phd ${String(header.version)}), this phd reads ${SCHEMA}`)
  }
  if (header.boot !== bootId()) return { kind: 'void' }
  const kept = Object.fromEntries(KINDS.map((kind) => [kind, new Map<string, object>()]))
  lines.slice(1).forEach((line, at) => {
    for (const [kind, key, row] of rowsFrom(line, at + 2)) {
      if (row === null) kept[kind]?.delete(key)
      else kept[kind]?.set(key, row)
    }
  })
  return { kind: 'kept', kept: kept as unknown as Kept, version: String(header.version) }
}

type Row = readonly [RowKind, string, object | null]

function rowsFrom(line: string, number: number): readonly Row[] {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new Error(`line ${number} is no JSON`) // the parser's own words would show what stands there
  }
  if (Array.isArray(value) && value.every(isRow)) return value
  throw new Error(`line ${number} holds what is no row`)
}

function isRow(value: unknown): value is Row {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [kind, key, row] = value as unknown[]
  return KINDS.includes(kind as RowKind) && typeof key === 'string' && typeof row === 'object'
}

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
