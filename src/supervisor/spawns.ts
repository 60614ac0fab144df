// Processes that are owed, made a few a turn of the event loop: a spawn blocks for about 3 ms, and
// clients must be answered while hundreds start. A hundred deaths at once are a hundred mails, and
// still only a few spawns until others had their turn.

import type { Address } from './entry.ts'
import type { Instances } from './instances.ts'
import type { Ports } from './ports.ts'

const SPAWNS_A_TURN = 2

export class Spawns {
  readonly #all: Instances
  readonly #ports: Ports
  readonly #turn: () => void
  #owed: Address[] = []
  /** This turn of the event loop has made its share. */
  #rests = false

  /** `turn` is called when the next few may be made. */
  constructor(all: Instances, ports: Ports, turn: () => void) {
    this.#all = all
    this.#ports = ports
    this.#turn = turn
  }

  owe(at: Address): void {
    this.#owed.push(at)
  }

  make(): void {
    if (this.#rests) return
    for (let made = 0; made < SPAWNS_A_TURN; ) {
      const at = this.#owed.shift()
      if (!at) return
      const i = this.#all.find(at)
      if (i?.state.at !== 'starting' || i.state.pid !== null) continue // not wanted any more
      if (made++ === 0) this.#rest()
      const outcome = this.#ports.launcher.launch(i)
      if ('pid' in outcome) this.#all.spawned(at, outcome.pid)
      else this.#all.tell(at, { type: 'spawnFailed', ...outcome })
    }
  }

  /** At the end of a turn of the supervisor: what has come to be owed since is not forgotten. */
  goOn(): void {
    if (this.#owed.length > 0 && !this.#rests) this.#rest()
  }

  #rest(): void {
    this.#rests = true
    this.#ports.clock.soon(() => {
      this.#rests = false
      if (this.#owed.length > 0) this.#turn()
    })
  }
}
