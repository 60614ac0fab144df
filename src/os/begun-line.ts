// The unfinished line at the end of a log file that several streams share. A stream that was alone there passes its
// bytes on as they come, so the last of them may be half a line, the rest of which its process is about to write.
// Whoever comes in then waits for that rest, but not for ever: a prompt has no newline.

import type { Clock } from '../core/ports.ts'

/** So long a neighbour waits for the end of a line. Its own bytes stay in their pipe. */
const MOST_WAIT_MS = 1_000

/** The file, as far as its end is concerned. */
interface Ending {
  /** Does it end with a newline? */
  endsWhole(): boolean
  /** It cannot be written now. */
  readonly stuck: boolean
  /** `free`: who waited may go on. */
  readonly trouble: { free(): void }
}

export class BegunLine {
  readonly #clock: Clock
  readonly #file: Ending
  /** Takes what there is of the rest. */
  #goOn: (() => void) | null = null
  #cancel: (() => void) | null = null

  constructor(clock: Clock, file: Ending) {
    this.#clock = clock
    this.#file = file
  }

  /** What is at the end of the file may be half a line of the stream that `goOn` takes from. */
  begin(goOn: () => void): void {
    this.#goOn = goOn
  }

  /** Does the file end with half a line of that stream? */
  isOf(goOn: () => void): boolean {
    return this.#goOn === goOn && !this.#file.endsWhole()
  }

  /** May the stream of `goOn` write now? If not, it is told when it may. */
  mayPass(goOn: () => void): boolean {
    if (this.#goOn === null || this.#goOn === goOn) return true
    if (!this.#file.endsWhole()) this.#goOn()
    if (this.#file.endsWhole()) {
      this.#over()
      return true
    }
    // Its own file keeps it waiting: when that can be written again all are told, and its line comes first.
    if (this.#file.stuck) return false
    this.#cancel ??= this.#clock.alarm(this.#clock.now() + MOST_WAIT_MS, () => this.#leave())
    return false
  }

  /** To be called when the stream of `goOn` has written with neighbours, or has ended. */
  wrote(goOn: () => void, ended: boolean): void {
    if (this.#goOn === goOn && (ended || this.#file.endsWhole())) this.#leave()
  }

  /** The file is closed. */
  close(): void {
    this.#over()
  }

  #leave(): void {
    const waited = this.#cancel !== null
    this.#over()
    if (waited) this.#file.trouble.free()
  }

  #over(): void {
    this.#goOn = null
    this.#cancel?.()
    this.#cancel = null
  }
}
