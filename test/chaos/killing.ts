// Kills: the master, its workers, both at once; and workers that are stopped for a while.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Seen, stillThere, tokensOf } from './census.ts'
import { momentOf } from './moment.ts'
import type { Action } from './plan.ts'
import type { World } from './world.ts'

export class Killing {
  readonly #world: World
  readonly #frozen = new Set<Promise<void>>()
  /** Workers that were killed. */
  count = 0

  constructor(world: World) {
    this.#world = world
  }

  /** Ends with a next master that is ready. */
  async master(action: Action & { readonly kind: 'kill master' }): Promise<void> {
    const { aim, aimMs, restMs, picks, leadMs, againMs } = action
    const { dir, phd, ledger, watch, logs, note } = this.#world
    const victims = this.#chosen(picks)
    const half = Math.ceil(victims.length / 2)
    if (leadMs !== null) {
      this.#kill(victims.slice(0, half))
      await sleep(leadMs)
    }
    const came = aim !== null && (await momentOf(aim, dir))
    if (came && aimMs > 0) await sleep(aimMs)
    const death = phd.kill()
    note(`kill the master ${phd.pid}${came ? ` in a ${aim}` : ''}`)
    if (leadMs === null) this.#kill(victims.slice(0, half))
    const { killed, gone } = await death
    ledger.masterKilled(killed, gone)
    await sleep(restMs / 2)
    this.#kill(victims.slice(half))
    await sleep(restMs / 2)
    if (againMs !== null) {
      const again = await phd.startAndKill(againMs)
      ledger.masterKilled(again.killed, again.gone)
      note(`the next master was killed ${againMs} ms after its start`)
    }
    await phd.start()
    ledger.masterBack(
      logs.said().map(({ token }) => token),
      tokensOf(watch.look()),
      Date.now(),
    )
    note(`the master is ${phd.pid}`)
  }

  async upgrade({ picks, afterMs }: Action & { readonly kind: 'upgrade' }): Promise<void> {
    const { phd, note } = this.#world
    note(`upgrade the master ${phd.pid}`)
    const victims = this.#chosen(picks)
    const killed = sleep(afterMs).then(() => this.#kill(victims))
    await phd.upgrade()
    await killed
    note('it is upgraded')
  }

  #chosen(picks: readonly number[]): Seen[] {
    const seen = this.#world.watch.look()
    return seen.length === 0 ? [] : picks.map((pick) => seen[pick % seen.length] as Seen)
  }

  workers(picks: readonly number[]): void {
    this.#kill(this.#chosen(picks))
  }

  #kill(victims: readonly Seen[]): void {
    for (const one of victims) {
      if (!signal(one, 'SIGKILL')) continue
      this.count++
      this.#world.note(`kill ${one.name} (${one.pid})`)
    }
  }

  freeze(pick: number, ms: number): void {
    const [one] = this.#chosen([pick])
    if (!one || !signal(one, 'SIGSTOP')) return
    this.#world.note(`freeze ${one.name} (${one.pid}) for ${ms} ms`)
    const thaw = sleep(ms).then(() => {
      signal(one, 'SIGCONT')
      this.#frozen.delete(thaw)
    })
    this.#frozen.add(thaw)
  }

  /** Nobody is stopped any more. */
  async thawed(): Promise<void> {
    await Promise.all(this.#frozen)
  }
}

/** Only to the very process that was seen. False = it has ended. */
function signal(one: Seen, name: NodeJS.Signals): boolean {
  if (!stillThere(one)) return false
  try {
    return process.kill(one.pid, name)
  } catch {
    return false // ended in this moment
  }
}
