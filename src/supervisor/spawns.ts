// Processes that are owed, made a few a turn of the event loop: a spawn blocks for as long as the kernel takes
// (0.4 to 3 ms were seen), and clients must be answered while hundreds start. A hundred deaths at once are a
// hundred mails, and still only a few spawns until others had their turn. Checks of running processes wait in a line
// of their own.

import { hindranceOf } from '../core/dependencies.ts'
import { hookKey, instanceKey } from '../core/record.ts'
import { owedOf } from '../core/state.ts'
import { Checks } from './checks.ts'
import type { Address } from './entry.ts'
import type { Instances } from './instances.ts'
import type { Ports } from './ports.ts'
import { Share } from './share.ts'
import { lockOf } from './standby.ts'

/** No further one is begun in a turn that has spawned for so long. */
const TURN_MS = 2
/** However quick they are: what follows from each must be settled, too. */
const SPAWNS_A_TURN = 16
const NEEDS_NOTHING = { dependsOn: [] }

export class Spawns {
  readonly checks: Checks
  readonly #all: Instances
  readonly #ports: Ports
  readonly #share: Share
  /** The lowest priority first; among equals whoever came first. */
  readonly #owed: { readonly at: Address; readonly priority: number }[] = []

  /** `turn` is called when the next few may be made. */
  constructor(all: Instances, ports: Ports, turn: () => void) {
    this.#all = all
    this.#ports = ports
    this.#share = new Share(ports.clock, () => this.#owed.length > 0, turn)
    this.checks = new Checks(all, ports, turn)
  }

  owe(at: Address): void {
    const priority = this.#all.entries.get(at.program)?.spec.priority ?? 0
    this.#owed.splice(this.#owed.findLastIndex((other) => other.priority <= priority) + 1, 0, { at, priority })
  }

  make(): void {
    this.checks.make()
    if (this.#share.isTaken) return
    const { clock } = this.#ports
    let at = this.#due()
    if (at === null) return
    this.#share.take()
    const end = clock.now() + TURN_MS
    for (let made = 0; at !== null; at = this.#due()) {
      this.#one(at)
      if (++made === SPAWNS_A_TURN || clock.now() >= end) break
    }
  }

  #one(at: Address): void {
    const { launcher } = this.#ports
    const { recording } = this.#all
    const i = this.#all.find(at)
    if (!i) return
    const isHook = owedOf(i) === 'hook'
    const key = isHook ? hookKey(at) : instanceKey(at)
    // A start waits for others, and for the lock; the hooks of what runs or stops do not.
    const starts = i.state.at === 'starting'
    const needs = starts ? this.#all.entries.get(at.program)?.spec : null
    const hindrance = hindranceOf(needs ?? NEEDS_NOTHING, this.#all.entries)
    if (hindrance) {
      recording.process(key, null) // an earlier master may have meant to make it
      this.#all.tell(at, { type: 'waits', ...hindrance })
      return
    }
    const standing = starts && i.spec.singleInstance ? lockOf(i.spec, this.#ports).take(i.spec) : null
    if (standing === 'asked') return // the answer is news of the lock
    if (standing) {
      this.#all.tell(at, { type: 'lockTaken', ...standing })
      return
    }
    // The intent first: a master that is killed between the birth of a process and the record of it would leave
    // one that nobody knows. A next one finds it by its token.
    const token = launcher.token()
    recording.process(key, { token, pid: null, start: null })
    const outcome = isHook ? launcher.launchHook(i, token) : launcher.launch(i, token)
    if (!('pid' in outcome)) {
      recording.process(key, null)
      this.#all.tell(at, { type: isHook ? 'hookFailed' : 'spawnFailed', ...outcome })
    } else if (isHook) this.#all.hookSpawned(at, outcome, token)
    else this.#all.spawned(at, outcome, token)
  }

  /** The next one; what is not wanted any more is left out. */
  #due(): Address | null {
    for (let first = this.#owed.shift(); first; first = this.#owed.shift()) {
      const { at } = first
      const i = this.#all.find(at)
      if (i && owedOf(i) !== null) return at
    }
    return null
  }

  /** At the end of a turn of the supervisor. */
  goOn(): void {
    this.checks.goOn()
    this.#share.goOn()
  }
}
