// The record of the fake world: rows are pending until the flush, and what was flushed outlives the master.
// What is read back went through JSON, as it does on a disk.

import { isDeepStrictEqual } from 'node:util'
import type { Store } from '../../src/core/ports.ts'
import type { Kept, RowKind, Rows } from '../../src/core/record.ts'

const KINDS: readonly RowKind[] = ['program', 'instance', 'process', 'stream', 'file', 'listener', 'settings', 'master']

type Durable = { readonly [K in RowKind]: Map<string, Rows[K]> }

export class FakeStore implements Store {
  /** What a next master would read. */
  durable: Durable = emptyRecord()
  /** How often it was written. */
  flushes = 0
  #pending: (readonly [RowKind, string, object | null])[] = []

  put(kind: RowKind, key: string, row: object | null): void {
    this.#pending.push([kind, key, row])
  }

  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  flush(): void {
    for (const [kind, key, row] of this.#pending) {
      const rows: Map<string, object> = this.durable[kind]
      if (row) rows.set(key, row)
      else rows.delete(key)
    }
    this.#pending = []
    this.flushes++
  }

  /** The master is dead, and what it had not written with it. */
  lose(): void {
    this.#pending = []
  }

  /** The record is another one now: of a master that found the old one broken. */
  replace(kept: Kept): void {
    this.#pending = []
    this.durable = emptyRecord()
    for (const kind of KINDS) for (const [key, row] of kept[kind]) this.put(kind, key, row)
    this.flush()
  }

  /** Throws where a row says something that JSON cannot. */
  kept(): Kept {
    const kept = emptyRecord()
    for (const kind of KINDS) {
      const rows: Map<string, object> = kept[kind]
      for (const [key, row] of this.durable[kind]) {
        const text = JSON.stringify(row)
        rows.set(key, JSON.parse(text) as object)
        if (!isDeepStrictEqual(rows.get(key), row))
          throw new Error(`the ${kind} row of ${key} does not survive: ${text}`)
      }
    }
    return kept
  }
}

function emptyRecord(): Durable {
  return {
    program: new Map(),
    instance: new Map(),
    process: new Map(),
    stream: new Map(),
    file: new Map(),
    listener: new Map(),
    settings: new Map(),
    master: new Map(),
  }
}
