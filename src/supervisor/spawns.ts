// Processes that are owed, made a few a turn of the event loop: a spawn blocks for as long as the kernel takes
// (0.4 to 3 ms were seen), and clients must be answered while hundreds start. A hundred deaths at once are a
// hundred mails, and still only a few spawns until others had their turn.

import { hindranceOf } from '../core/dependencies.ts'
import type { Address } from './entry.ts'
import type { Instances } from './instances.ts'
import type { Ports } from './ports.ts'

/** No further one is begun in a turn that has spawned for so long. */
const TURN_MS = 4
/** However quick they are: what follows from each must be settled, too. */
const SPAWNS_A_TURN = 16
const NEEDS_NOTHING = { dependsOn: [] }

export class Spawns {
  readonly #all: Instances
  readonly #ports: Ports
  readonly #turn: () => void
  /** The lowest priority first; among equals whoever came first. */
  readonly #owed: { readonly at: Address; readonly priority: number }[] = []
  /** This turn of the event loop has made its share. */
  #rests = false

  /** `turn` is called when the next few may be made. */
  constructor(all: Instances, ports: Ports, turn: () => void) {
    this.#all = all
    this.#ports = ports
    this.#turn = turn
  }

  owe(at: Address): void {
    const priority = this.#all.entries.get(at.program)?.spec.priority ?? 0
    this.#owed.splice(this.#owed.findLastIndex((other) => other.priority <= priority) + 1, 0, { at, priority })
  }

  make(): void {
    if (this.#rests) return
    const { clock } = this.#ports
    let at = this.#due()
    if (at === null) return
    this.#rest()
    const end = clock.now() + TURN_MS
    for (let made = 0; at !== null; at = this.#due()) {
      this.#one(at)
      if (++made === SPAWNS_A_TURN || clock.now() >= end) break
    }
  }

  #one(at: Address): void {
    const { launcher, single } = this.#ports
    const i = this.#all.find(at)
    if (!i) return
    const hindrance = hindranceOf(this.#all.entries.get(at.program)?.spec ?? NEEDS_NOTHING, this.#all.entries)
    if (hindrance) {
      this.#all.recording.process(at, null) // an earlier master may have meant to make it
      this.#all.tell(at, { type: 'waits', ...hindrance })
      return
    }
    const standing = i.spec.singleInstance ? single.take(i.spec) : null
    if (standing) {
      this.#all.tell(at, { type: 'lockTaken', ...standing })
      return
    }
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

  /** The next one; what is not wanted any more is left out. */
  #due(): Address | null {
    for (let first = this.#owed.shift(); first; first = this.#owed.shift()) {
      const { at } = first
      const state = this.#all.find(at)?.state
      if (state?.at === 'starting' && state.pid === null) return at
    }
    return null
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
