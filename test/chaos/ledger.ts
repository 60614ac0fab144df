// Who lives and who has died, and whether a master was there to read the last words: what a chaos run
// knows of each incarnation, from looking at the processes again and again. Pure.

import type { Outage } from './log-check.ts'

/** A death that was seen less long before a kill of the master counts as one without a master: its pipe may have been full. */
const READ_MS = 1_500

export class Ledger {
  readonly #alive = new Set<string>()
  readonly #diedAt = new Map<string, number>()
  readonly #excused = new Set<string>()
  readonly #outages: Outage[] = []
  #since: number | null = null

  get outages(): readonly Outage[] {
    return this.#outages
  }

  /** Their tokens, as they were found at `at`. */
  look(tokens: ReadonlySet<string>, at: number): void {
    for (const token of this.#alive) {
      if (tokens.has(token)) continue
      this.#alive.delete(token)
      this.#diedAt.set(token, at)
    }
    for (const token of tokens) this.#alive.add(token)
  }

  /** The master is killed. Again while none is there: the time without one goes on. */
  masterKilled(killed: number, gone: number): void {
    this.#since ??= killed
    this.#outages.push({ killed, gone })
  }

  /** The next master has opened all pipes; `all` have ever printed, `living` do so still. */
  masterBack(all: Iterable<string>, living: ReadonlySet<string>, at: number): void {
    const since = this.#since
    this.#since = null
    if (since !== null) {
      for (const token of all) {
        const died = this.#diedAt.get(token) ?? at
        if (!living.has(token) && died > since - READ_MS) this.#excused.add(token)
      }
    }
    this.look(living, at)
  }

  isExcused(token: string): boolean {
    return this.#excused.has(token)
  }

  /** All that it printed was found. */
  forget(token: string): void {
    this.#diedAt.delete(token)
    this.#excused.delete(token)
  }
}
