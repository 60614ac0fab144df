// Which stream was the last to write to each log file, in a small file that outlives us: a place of
// 16 bytes for each log. A master that is killed may leave half a line, the rest of which is still in
// that stream's pipe: the next one lets this stream go on with its line, and begins a new one for any other.
// Written only when the writer changes, with one pwrite, before its bytes. Where it cannot be written, output goes on:
// all that is at stake is one line, in case we are killed.

import { constants, openSync, readSync, writeSync } from 'node:fs'
import type { Store } from '../core/ports.ts'
import type { Kept } from '../core/record.ts'

export interface LastWriters {
  /** As an earlier master left it; null = unknown. */
  of(path: string): string | null
  marker(path: string, stream: string): Marker
}

export interface Marker {
  /** To be called before the stream writes there. */
  mark(): void
  /** The rest of the line that it has begun there will not come out of its pipe. */
  unmark(): void
}

const PLACE_BYTES = 16
const NOBODY = Buffer.alloc(PLACE_BYTES)

export interface LastWritersOptions {
  readonly file: string
  readonly store: Store
  /** The places of an earlier master; without them the file begins anew. */
  readonly kept: Kept['file'] | null
  /** It cannot be written; told once. */
  readonly trouble: (e: unknown) => void
}

export function openLastWriters({ file, store, kept, trouble }: LastWritersOptions): LastWriters {
  const { O_RDWR, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants
  const fd = openSync(file, O_RDWR | O_CREAT | O_NOFOLLOW | (kept ? 0 : O_TRUNC), 0o600)
  const places = new Map<string, number>()
  for (const [path, { place }] of kept ?? []) places.set(path, place)
  const earlier = new Map([...places].map(([path, place]) => [path, readPlace(fd, place)]))
  const latest = new Map(earlier)
  let told = false
  let free = Math.max(-1, ...places.values()) + 1

  return {
    of: (path) => earlier.get(path) || null,
    marker(path, stream) {
      const place = places.get(path) ?? free++
      places.set(path, place)
      store.put('file', path, { place })
      const bytes = Buffer.alloc(PLACE_BYTES)
      bytes.write(stream, 'latin1')
      const note = (who: string, as: Buffer): void => {
        if (latest.get(path) === who) return
        latest.set(path, who)
        try {
          writeSync(fd, as, 0, PLACE_BYTES, place * PLACE_BYTES)
        } catch (e) {
          if (!told) trouble(e)
          told = true
        }
      }
      return { mark: () => note(stream, bytes), unmark: () => note('', NOBODY) }
    },
  }
}

function readPlace(fd: number, place: number): string {
  const bytes = Buffer.alloc(PLACE_BYTES)
  readSync(fd, bytes, 0, PLACE_BYTES, place * PLACE_BYTES)
  return bytes.toString('latin1').replace(/\0+$/, '')
}
