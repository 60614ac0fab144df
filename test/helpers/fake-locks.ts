// Locks of single_instance in the fake world: other masters take them and leave them as the storm wants. What a
// master must never do is noted: to make a process without the lock.

import type { SingleLocks, Standing } from '../../src/core/ports.ts'

export interface LockNews {
  /** Calls back a little later; whoever is master then hears it. */
  later(act: () => void): void
  tell(program: string, standing: Standing | null): void
}

/** Where no program has one. */
export const noLeases: SingleLocks = { take: () => null, holds: () => false, keep: () => undefined }

const standing: Standing = { of: 'green (pid 9)', reason: 'instance green (pid 9) runs it' }

export class FakeLocks {
  readonly ours = new Set<string>()
  readonly others = new Set<string>()
  readonly #waiting = new Set<string>()
  readonly #news: LockNews

  constructor(news: LockNews) {
    this.#news = news
  }

  port(): SingleLocks {
    return {
      take: ({ program }) => {
        if (this.others.has(program)) return standing
        this.ours.add(program)
        return null
      },
      holds: (program) => this.ours.has(program),
      keep: (program, need) => {
        if (need === 'news' && !this.#waiting.has(program)) {
          this.#waiting.add(program)
          this.#look(program)
        } else if (need !== 'news') this.#waiting.delete(program)
        if (need === null) this.ours.delete(program)
      },
    }
  }

  /** Another master takes it, where it is free. */
  take(program: string): void {
    if (!this.ours.has(program)) this.others.add(program)
  }

  leave(program: string): void {
    this.others.delete(program)
    this.#look(program)
  }

  /** Our master is killed; after an upgrade it still holds what it held. */
  died(upgraded: boolean): void {
    if (!upgraded) this.ours.clear()
    this.#waiting.clear()
  }

  #look(program: string): void {
    this.#news.later(() => {
      if (this.#waiting.has(program) && !this.others.has(program)) this.#news.tell(program, null)
    })
  }
}
