// Looks at the processes of a chaos run a few times a second, whatever else goes on, and says at once when there
// are more in a slot than may be, or when the master leaves a zombie lying.

import { zombiesOf } from '../helpers/proc.ts'
import { Census, launchesBySlot, type Seen, stillThere, tokensOf } from './census.ts'
import type { Ledger } from './ledger.ts'
import { roleOf } from './roles.ts'
import { Violation } from './violation.ts'

const LOOK_MS = 200
const ZOMBIE_MS = 4_000

export class Watch {
  readonly #census: Census
  readonly #ledger: Ledger
  readonly #failed: (violation: Violation) => void
  #timer: NodeJS.Timeout | null = null
  /** When each was first seen. */
  #zombies = new Map<number, number>()
  /** The most at a time. */
  zombies = 0

  constructor(socket: string, ledger: Ledger, failed: (violation: Violation) => void) {
    this.#census = new Census(socket)
    this.#ledger = ledger
    this.#failed = failed
  }

  /** Those that live now. */
  look(): Seen[] {
    const seen = this.#census.look()
    this.#ledger.look(tokensOf(seen), Date.now())
    return seen
  }

  /** @param master its pid, or null while there is none. */
  begin(master: () => number | null): void {
    this.#timer = setInterval(() => {
      const fault = tooMany(this.look()) ?? this.#zombie(master())
      if (fault !== null) this.#failed(new Violation(fault))
    }, LOOK_MS)
  }

  end(): void {
    if (this.#timer) clearInterval(this.#timer)
  }

  #zombie(master: number | null): string | null {
    const now = performance.now()
    const found = master === null ? [] : zombiesOf(master)
    this.zombies = Math.max(this.zombies, found.length)
    this.#zombies = new Map(found.map((pid) => [pid, this.#zombies.get(pid) ?? now]))
    const old = [...this.#zombies].find(([, since]) => now - since > ZOMBIE_MS)
    return old ? `process ${old[0]} is a zombie of the master for ${ZOMBIE_MS} ms` : null
  }
}

/** A slot has processes of one launch, or of two where the new one is made ready before the old one stops. */
function tooMany(seen: readonly Seen[]): string | null {
  for (const [name, launches] of launchesBySlot(seen)) {
    const most = roleOf(name.split(':')[0] ?? '').style === 'worker' ? 2 : 1
    // Those that were seen first must still be there: else they were never there at the same time.
    if (launches.length <= most || !launches.every(stillThere)) continue
    const them = launches.map(({ pid, token }) => `${pid} of launch ${token}`).join(', ')
    return `${name} lives ${launches.length} times: ${them}`
  }
  return null
}
