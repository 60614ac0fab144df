// What may be done in one turn of the event loop of a work that is owed in hundreds: when a share has been taken,
// others have their turn before the next one.

import type { Clock } from '../core/ports.ts'

export class Share {
  readonly #clock: Pick<Clock, 'soon'>
  readonly #isOwed: () => boolean
  readonly #turn: () => void
  #taken = false

  /** `turn` is called when the next share may be taken, if something is owed then. */
  constructor(clock: Pick<Clock, 'soon'>, isOwed: () => boolean, turn: () => void) {
    this.#clock = clock
    this.#isOwed = isOwed
    this.#turn = turn
  }

  /** This turn of the event loop has taken its own. */
  get isTaken(): boolean {
    return this.#taken
  }

  take(): void {
    this.#taken = true
    this.#clock.soon(() => {
      this.#taken = false
      if (this.#isOwed()) this.#turn()
    })
  }

  /** At the end of a turn of the supervisor: what has come to be owed since is not forgotten. */
  goOn(): void {
    if (this.#isOwed() && !this.#taken) this.take()
  }
}
