// The record that the last master left, read back: whole, of this boot, of the schema that this program knows; or
// put aside. How it is written is store.ts.

import { closeSync, openSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { type Kept, OLDEST_SCHEMA, type RowKind, SCHEMA, upToDate } from '../core/record.ts'
import { errno, messageOf, PhError } from '../errors.ts'
import { bootId } from './proc.ts'

export type Reading =
  | { readonly kind: 'none' }
  /** Of an earlier boot: no process of it lives. */
  | { readonly kind: 'void' }
  | { readonly kind: 'kept'; readonly kept: Kept; readonly version: string }
  /** Torn, changed or newer: moved out of the way, to `moved`. */
  | { readonly kind: 'bad'; readonly why: string; readonly moved: string }

/** Every kind of row there is. */
export const KINDS: readonly RowKind[] = [
  'program',
  'instance',
  'process',
  'stream',
  'file',
  'listener',
  'settings',
  'master',
]

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

/** What the record of another master says, that may be alive: it is left as it is. null = nothing that could be used. */
export function peekRecord(folder: string): Kept | null {
  try {
    const reading = parse(readFileSync(join(folder, 'record'), 'utf8'))
    return reading.kind === 'kept' ? reading.kept : null
  } catch {
    return null // gone in order, or of no use; its processes are still found by what they say themselves
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
  const schema = typeof header.schema === 'number' ? header.schema : Number.NaN
  if (!(schema >= OLDEST_SCHEMA && schema <= SCHEMA)) {
    const reads = `this phd reads ${OLDEST_SCHEMA} to ${SCHEMA}`
    throw new Error(`its schema is ${String(header.schema)} (phd ${String(header.version)}), ${reads}`)
  }
  if (header.boot !== bootId()) return { kind: 'void' }
  const kept = Object.fromEntries(KINDS.map((kind) => [kind, new Map<string, object>()]))
  lines.slice(1).forEach((line, at) => {
    for (const [kind, key, row] of rowsFrom(line, at + 2)) {
      if (row === null) kept[kind]?.delete(key)
      else kept[kind]?.set(key, upToDate(row, schema))
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
