// Processes that are owed, made a few a turn of the event loop: a spawn blocks for about 3 ms, and
// clients must be answered while hundreds start. A hundred deaths at once are a hundred mails, and
// still only a few spawns until others had their turn.

import { type Address, sameAddress } from './entry.ts'
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
    const { launcher } = this.#ports
    const due = this.#due()
    if (due.length === 0) return
    this.#rest()
    for (const at of due) {
      const i = this.#all.find(at)
      if (!i) continue
      // The intent first: a master that is killed between the birth of a process and the record of it would leave
      // one that nobody knows. A next one finds it by its token.
      const token = launcher.token()
      this.#all.recording.process(at, { token, pid: null, start: null })
      const outcome = launcher.launch(i, token)
      if ('pid' in outcome) this.#all.spawned(at, outcome, token)
      else {
        this.#all.recording.process(at, null)
        this.#all.tell(at, { type: 'spawnFailed', ...outcome })
      }
    }
  }

  /** The next few; what is not wanted any more is left out. */
  #due(): Address[] {
    const due: Address[] = []
    while (due.length < SPAWNS_A_TURN) {
      const at = this.#owed.shift()
      if (!at) break
      const state = this.#all.find(at)?.state
      const known = due.some((other) => sameAddress(other, at))
      if (state?.at === 'starting' && state.pid === null && !known) due.push(at)
    }
    return due
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
