// Recycling: who asked for a planned replacement, and when it may be asked for again. One slot of a
// program at a time, through the program's queue. A failure leaves the old process where it is, and
// is not repeated at once.

import { nameOf } from '../core/program.ts'
import { pidOf } from '../core/state.ts'
import type { Address } from './entry.ts'
import type { Office } from './orders.ts'
import type { Ports } from './ports.ts'
import { recycleOperation } from './rolling.ts'

export interface RecyclingParts extends Office {
  readonly ports: Ports
  /** Does it in the loop's turn. */
  call(act: () => void): void
}

export class Recycling {
  readonly #parts: RecyclingParts
  /** Not begun again before; monotonic ms by pid. */
  readonly #holds = new Map<number, number>()

  constructor(parts: RecyclingParts) {
    this.#parts = parts
  }

  /** A worker asks for its own replacement; too soon after a failed one it is not heard. */
  asked(pid: number, why: string): void {
    const at = this.#parts.all.addressOfPid(pid)
    const held = this.#holds.get(pid) ?? 0
    if (at && held <= this.#parts.ports.clock.now()) this.begin(at, why)
  }

  /** Queues the replacement of one slot's process, once. */
  begin(at: Address, why: string): void {
    const { all, ports, deskOf, call } = this.#parts
    const entry = all.entries.get(at.program)
    const i = all.find(at)
    if (!entry || !i || i.wanted === 'down') return
    const { clock, log } = ports
    const holdMs = Math.max(i.spec.backoffMaxMs, 1000)
    // Its age asks once, whatever asked this time: without a new date it would never ask again.
    const askLater = (): void => call(() => all.tell(at, { type: 'recycleLater', at: clock.now() + holdMs }))
    if (entry.queue.has('recycle', at.slot)) {
      askLater() // the one under way may be its predecessor's, which does not end
      return
    }
    const pid = pidOf(i)
    const facts = { program: at.program, name: nameOf(at.program, at.slot) }
    const operation = recycleOperation(at.slot, pid)
    entry.queue.submit(deskOf(entry), operation, ({ superseded }) => {
      const failed = operation.outcomes().find((o) => !o.ok)
      if (!failed) return
      // Stopped or reloaded meanwhile: whoever did that wants it gone, or tries to replace it.
      if (superseded === null) {
        log.warn({ ...facts, why, reason: failed.error }, 'recycling failed; the old process goes on')
        if (pid !== null && all.addressOfPid(pid)) this.#holds.set(pid, clock.now() + holdMs)
      }
      askLater()
    })
    log.info({ ...facts, pid, why }, 'recycle')
    all.touched.add(entry)
  }

  forget(pid: number): void {
    this.#holds.delete(pid)
  }
}
