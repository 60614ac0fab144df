// The record on disk: a journal of rows in state/record, one JSON line each. A change is one append, so
// a spawn's intent costs some microseconds; when the journal has grown well beyond what it says, it is written anew
// beside its place and renamed. No fsync: the page cache survives whatever kills us, and after a
// reboot the record means nothing (its boot id differs). A torn last line is what a kill in the middle
// of an append leaves: it is dropped, for what was to follow from it has not been done.
// Rows hold environments, so the file is 0600 in a folder of 0700.

import { closeSync, constants, ftruncateSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Store } from '../core/ports.ts'
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
    const [kind, key, row] = rowFrom(line, at + 2)
    if (row === null) kept[kind]?.delete(key)
    else kept[kind]?.set(key, row)
  })
  return { kind: 'kept', kept: kept as unknown as Kept, version: String(header.version) }
}

function rowFrom(line: string, number: number): readonly [RowKind, string, object | null] {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new Error(`line ${number} is no JSON`) // the parser's own words would show what stands there
  }
  if (Array.isArray(value) && value.length === 3) {
    const [kind, key, row] = value as unknown[]
    if (KINDS.includes(kind as RowKind) && typeof key === 'string' && typeof row === 'object') {
      return [kind as RowKind, key, row]
    }
  }
  throw new Error(`line ${number} is no row`)
}

/** Writes `kept` as the new record, and what is put from then on. */
export function openStore({ folder, version, kept, trouble }: StoreOptions): Journal {
  const path = join(folder, 'record')
  const header = `${JSON.stringify({ phd: 'record', schema: SCHEMA, version, boot: bootId(), pid: process.pid })}\n`
  /** The line of each row, as it stands in the journal. */
  const lines = new Map<string, string>()
  let changed: string[] = []
  let fd: number | null = null
  let bytes = 0
  let wholeBytes = 0
  let troubled = false
  let removed = false

  const put = (kind: RowKind, key: string, row: object | null): void => {
    const id = `${kind} ${key}`
    if (row === null) {
      if (lines.delete(id)) changed.push(`${JSON.stringify([kind, key, null])}\n`)
      return
    }
    const line = `${JSON.stringify([kind, key, row])}\n`
    if (lines.get(id) === line) return
    lines.set(id, line)
    changed.push(line)
  }

  /** The whole record, beside its place and then in it. */
  const writeWhole = (): void => {
    const draft = `${path}.new`
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants
    const fresh = openSync(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
    try {
      wholeBytes = writeAll(fresh, header + [...lines.values()].join(''))
      renameSync(draft, path)
    } catch (e) {
      closeSync(fresh)
      throw e
    }
    if (fd !== null) closeSync(fd)
    fd = fresh
    bytes = wholeBytes
  }

  const write = (): void => {
    if (fd === null || bytes > Math.max(COMPACT_BYTES, COMPACT_RATIO * wholeBytes)) {
      writeWhole()
      return
    }
    const text = changed.join('')
    const before = bytes
    try {
      bytes += writeAll(fd, text)
    } catch (e) {
      ftruncateSync(fd, before) // half a row would spoil those that come after it
      throw e
    }
  }

  for (const kind of KINDS) for (const [key, row] of kept?.[kind] ?? []) put(kind, key, row)
  return {
    put,
    get isSound() {
      return !troubled && !removed
    },
    flush() {
      if (removed || (changed.length === 0 && fd !== null)) return
      try {
        write()
        changed = []
        if (troubled) trouble(null)
        troubled = false
      } catch (e) {
        // The master goes on without a net, and says so. What is not written stays owed to the next flush.
        if (!troubled) trouble(messageOf(e))
        troubled = true
      }
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

function writeAll(fd: number, text: string): number {
  const bytes = Buffer.from(text)
  let at = 0
  while (at < bytes.length) at += writeSync(fd, bytes, at)
  return bytes.length
}
