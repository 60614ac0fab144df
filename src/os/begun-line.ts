// The unfinished line at the end of a log file that several streams share. A stream that was alone there passes its
// bytes on as they come, so the last of them may be half a line, the rest of which its process is about to write.
// Whoever comes in then waits for that rest, but not for ever: a prompt has no newline.

import type { Clock } from '../core/ports.ts'

/** So long a neighbour waits for the end of a line. Its own bytes stay in their pipe. */
const MOST_WAIT_MS = 1_000

export class BegunLine {
  readonly #clock: Clock
  readonly #endsWhole: () => boolean
  readonly #free: () => void
  /** Takes what there is of the rest. */
  #goOn: (() => void) | null = null
  #cancel: (() => void) | null = null

  /** `endsWhole`: does the file end with a newline? `free`: who waited may go on. */
  constructor(clock: Clock, endsWhole: () => boolean, free: () => void) {
    this.#clock = clock
    this.#endsWhole = endsWhole
    this.#free = free
  }

  /** What is at the end of the file may be half a line of the stream that `goOn` takes from. */
  begin(goOn: () => void): void {
    this.#goOn = goOn
  }

  /** May the stream of `goOn` write now? If not, it is told when it may. */
  mayPass(goOn: () => void): boolean {
    if (this.#goOn === null || this.#goOn === goOn) return true
    if (!this.#endsWhole()) this.#goOn()
    if (this.#endsWhole()) {
      this.#over()
      return true
    }
    this.#cancel ??= this.#clock.alarm(this.#clock.now() + MOST_WAIT_MS, () => this.#leave())
    return false
  }

  /** To be called when the stream of `goOn` has written with neighbours, or has ended. */
  wrote(goOn: () => void, ended: boolean): void {
    if (this.#goOn === goOn && (ended || this.#endsWhole())) this.#leave()
  }

  /** The file is closed. */
  close(): void {
    this.#over()
  }

  #leave(): void {
    const waited = this.#cancel !== null
    this.#over()
    if (waited) this.#free()
  }

  #over(): void {
    this.#goOn = null
    this.#cancel?.()
    this.#cancel = null
  }
}
