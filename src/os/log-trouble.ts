// Whether a log can be written now. When it cannot, that is told once, its streams take nothing for it, and it is tried
// again by the clock; when it can again, that is told too, with what was thrown away meanwhile (overflow.ts).

import type { Clock } from '../core/ports.ts'
import { messageOf } from '../errors.ts'

export interface Dropped {
  readonly lines: number
  readonly bytes: number
}

/** Told when a log cannot be written, and (null) when it can again. */
export type Trouble = (facts: {
  readonly file: string
  readonly error: string | null
  /** What its streams have thrown away since; absent where nothing was. */
  readonly dropped?: Dropped
}) => void

const NOTHING: Dropped = { lines: 0, bytes: 0 }

export class LogTrouble {
  /** A write failed: nothing is to be taken until `onFree` tells. */
  stuck = false
  /** Why it cannot be written; null = it can, or it is only slow. */
  error: string | null = null
  readonly #file: string
  readonly #clock: Clock
  readonly #tell: Trouble
  readonly #listeners = new Set<() => void>()
  #dropped = NOTHING

  constructor(file: string, clock: Clock, tell: Trouble) {
    this.#file = file
    this.#clock = clock
    this.#tell = tell
  }

  /** Calls back each time it can be tried again. Returns what ends it. */
  onFree(free: () => void): () => void {
    this.#listeners.add(free)
    return () => this.#listeners.delete(free)
  }

  /** Who waits may try. */
  free(): void {
    for (const free of [...this.#listeners]) free()
  }

  /** A write failed. Said once for each time that it cannot be written. */
  failed(e: unknown, retryMs: number): void {
    this.#say(messageOf(e))
    this.wait(retryMs)
  }

  /** Nothing is taken for so long; `first` is done before the others are told. */
  wait(retryMs: number, first?: () => void): void {
    if (this.stuck) return
    this.stuck = true
    this.#clock.alarm(this.#clock.now() + retryMs, () => {
      this.stuck = false
      first?.()
      if (!this.stuck) this.free()
    })
  }

  #say(error: string): void {
    if (this.error === null) this.tell(error)
    this.error = error
  }

  /** A write went well. */
  wrote(): void {
    if (this.error === null) return
    this.error = null
    const dropped = this.#dropped
    this.#dropped = NOTHING
    this.#tell({ file: this.#file, error: null, ...(dropped.bytes > 0 ? { dropped } : {}) })
  }

  /** A stream has thrown so much away. */
  dropped({ lines, bytes }: Dropped): void {
    this.#dropped = { lines: this.#dropped.lines + lines, bytes: this.#dropped.bytes + bytes }
  }

  /** The program that we were before could not write it, and has told that. */
  goesOn(error: string, dropped: Dropped): void {
    this.error = error
    this.dropped(dropped)
  }

  /** Trouble of another kind: what is in the file stays, and writing goes on. */
  tell(error: string): void {
    this.#tell({ file: this.#file, error })
  }

  /** It is closed: what was thrown away, and cannot be said in it any more, is told. */
  close(): void {
    const dropped = this.#dropped
    if (dropped.bytes > 0) this.#tell({ file: this.#file, error: `${this.error}; closed with lines missing`, dropped })
  }
}
