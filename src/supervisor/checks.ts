// Checks that are owed, begun a few a turn of the event loop: a thousand processes whose checks are due at once
// (they were taken over together) must not keep clients waiting. The time for a check runs from when it is begun.

import type { Address } from './entry.ts'
import type { Instances } from './instances.ts'
import type { Ports } from './ports.ts'
import { Share } from './share.ts'

const CHECKS_A_TURN = 4

export class Checks {
  readonly #all: Instances
  readonly #ports: Ports
  readonly #share: Share
  readonly #owed: Address[] = []

  /** `turn` is called when the next few may be begun. */
  constructor(all: Instances, ports: Ports, turn: () => void) {
    this.#all = all
    this.#ports = ports
    this.#share = new Share(ports.clock, () => this.#owed.length > 0, turn)
  }

  owe(at: Address): void {
    this.#owed.push(at)
  }

  make(): void {
    if (this.#share.isTaken || this.#owed.length === 0) return
    this.#share.take()
    let begun = 0
    while (begun < CHECKS_A_TURN) {
      const at = this.#owed.shift()
      if (!at) break
      const i = this.#all.find(at)
      if (i?.state.at !== 'running' || i.state.check?.phase !== 'owed') continue // it has ended meanwhile
      begun++
      this.#all.tell(at, { type: 'checking' })
      this.#ports.launcher.check(i, i.state.pid)
    }
  }

  /** At the end of a turn of the supervisor. */
  goOn(): void {
    this.#share.goOn()
  }
}
