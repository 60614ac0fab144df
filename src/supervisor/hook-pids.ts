// Hooks that run, by their pids: whose they are, until the reaper tells of their end. What a hook has left behind
// is ended with it: who wants something that stays writes a program for it.

import { type Address, sameAddress } from './entry.ts'
import type { Ports } from './ports.ts'

export class HookPids {
  readonly byPid = new Map<number, Address>()
  /** Groups of ended hooks in which something is left. */
  readonly #left = new Set<number>()
  readonly #ports: Pick<Ports, 'signals' | 'log'>

  constructor(ports: Pick<Ports, 'signals' | 'log'>) {
    this.#ports = ports
  }

  add(pid: number, at: Address): void {
    this.byPid.set(pid, at)
  }

  /** One of the instance's that has been given up may still be ending. */
  hasOneOf(at: Address): boolean {
    return [...this.byPid.values()].some((other) => sameAddress(other, at))
  }

  /** That process has ended: whose hook it was, or null. */
  ended(pid: number): { readonly at: Address } | null {
    const at = this.byPid.get(pid)
    this.byPid.delete(pid)
    return at ? { at } : null
  }

  endLeft(pid: number): void {
    this.#left.add(pid)
    try {
      this.#ports.signals.send(pid, 'SIGKILL', true)
    } catch (e) {
      this.#ports.log.error({ pid, err: String(e) }, 'cannot end what a hook has left') // another user's by now
    }
  }

  lookAll(): void {
    for (const pid of this.#left) if (!this.#ports.signals.hasLeft(pid)) this.#left.delete(pid)
  }
}
