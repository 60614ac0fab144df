// The orderly end, as a plan over what is: a program is told to stop when nothing that depends on it
// lives any more, so as many end at once as the graph allows. What has no process is stopped at once,
// also in its pre_start: nothing starts in a shutdown. Asked again after each change; it remembers nothing but that it is on.

import { graphOf, needsOf } from '../core/order.ts'
import { hasProcess } from '../core/program.ts'
import type { Instance } from '../core/state.ts'
import type { Office } from './orders.ts'
import type { Ports } from './ports.ts'

export class Shutdown {
  readonly #parts: Office & { readonly ports: Ports }
  /** Who is told when nothing is left; null = no shutdown. */
  #told: (() => void)[] | null = null

  constructor(parts: Office & { readonly ports: Ports }) {
    this.#parts = parts
  }

  get isOn(): boolean {
    return this.#told !== null
  }

  begin(stopped: () => void): void {
    const { all, ports, deskOf } = this.#parts
    if (this.#told) {
      this.#told.push(stopped)
      return
    }
    this.#told = [stopped]
    ports.store.put('master', 'state', { stopping: true })
    for (const entry of all.entries.values()) {
      entry.queue.clear(deskOf(entry), 'the master is shutting down')
      all.touched.add(entry)
    }
    this.advance()
  }

  advance(): void {
    if (!this.#told) return
    const { all } = this.#parts
    const graph = graphOf(all.entries)
    const living = [...all.entries.values()].filter((e) => e.instances.some((i) => i.state.at !== 'stopped'))
    const needed = new Set(living.flatMap(({ name }) => needsOf(name, graph)))
    const free = living.filter(({ name }) => !needed.has(name))
    // No configuration has a circle; a record put together of two might.
    const due = new Set(free.length > 0 ? free : living)
    for (const entry of living.toSorted((a, b) => b.spec.priority - a.spec.priority)) {
      for (const i of [...entry.instances]) {
        if (!isEnding(i) && (due.has(entry) || !hasProcess(i))) all.tell(i, { type: 'stop' })
      }
    }
    if (all.allStopped) for (const stopped of this.#told.splice(0)) stopped()
  }
}

const isEnding = ({ state, wanted }: Instance): boolean =>
  state.at === 'stopped' || (state.at === 'stopping' && wanted === 'down')
