// What the supervisor writes down for a next master: the rows of programs, instances and processes that
// have changed, once a turn. Programs are written when one of their own facts changes; an instance when the table
// or an operation has changed it.

import type { Store } from '../core/ports.ts'
import { hookKey, instanceKey, type KeptRollout, type ProcessRow, rowOf } from '../core/record.ts'
import type { Spec } from '../core/spec.ts'
import type { Instance } from '../core/state.ts'
import type { Address, Entry } from './entry.ts'

export class Recording {
  readonly #store: Store
  readonly #processes = new Map<string, ProcessRow>()
  /** What each program's row said last. */
  readonly #programs = new Map<string, { readonly spec: Spec; readonly facts: string; rollout: KeptRollout | null }>()
  /** Changed instances by key; null = forgotten. */
  readonly #dirty = new Map<string, Instance | null>()

  constructor(store: Store) {
    this.#store = store
  }

  changed(i: Instance): void {
    this.#dirty.set(instanceKey(i), i)
  }

  forgotten(i: Instance): void {
    this.#dirty.set(instanceKey(i), null)
    for (const key of [instanceKey(i), hookKey(i)]) this.process(key, null)
  }

  /** The instance goes on as another generation, and its processes with it. */
  renewed(before: Instance, after: Instance): void {
    const moved = [instanceKey, hookKey].map((keyOf) => [keyOf(after), this.#processes.get(keyOf(before))] as const)
    if (instanceKey(before) !== instanceKey(after)) this.forgotten(before)
    this.changed(after)
    for (const [key, row] of moved) if (row) this.process(key, row)
  }

  /** A process of an instance or its hook, by its key; the intent to make one, or (null) none any more. */
  process(key: string, row: ProcessRow | null): void {
    if (row) this.#processes.set(key, row)
    else this.#processes.delete(key)
    this.#store.put('process', key, row)
  }

  /** The process with this pid, and its group, is no more. */
  ended(at: Address, pid: number): void {
    for (const key of this.#keysOf(at, pid)) this.process(key, null)
  }

  /** The signals that end the process with this pid have gone. */
  told(at: Address, pid: number): void {
    for (const key of this.#keysOf(at, pid)) {
      const row = this.#processes.get(key)
      if (row && !row.told) this.process(key, { ...row, told: true })
    }
  }

  #keysOf(at: Address, pid: number): string[] {
    return [instanceKey(at), hookKey(at)].filter((key) => this.#processes.get(key)?.pid === pid)
  }

  /** The facts of a program, where they differ from what was written. */
  program(entry: Entry): void {
    const { name, generation, desired, removed, wanted, spec, timetable } = entry
    const rollout = entry.queue.rollout()
    const { owesUpdate, owesStop, owed } = entry.queue
    const waits = { ...(owesStop.length > 0 ? { owesStop } : {}), ...(owed.length > 0 ? { owed } : {}) }
    const times = `${timetable?.skipped} ${timetable?.missed} ${timetable?.waits?.next}`
    const facts = `${generation} ${desired} ${removed} ${wanted} ${owesUpdate} ${JSON.stringify(waits)} ${times}`
    const last = this.#programs.get(name)
    if (last?.facts === facts && last.spec === spec && last.rollout?.plan === rollout?.plan) return
    this.#programs.set(name, { facts, spec, rollout })
    const more = { ...waits, ...(timetable ? { timetable } : {}) }
    this.#store.put('program', name, { generation, desired, removed, wanted, spec, rollout, owesUpdate, ...more })
    // Which instances have the program's own spec is said by leaving it out.
    if (last && last.spec !== spec) for (const i of entry.instances) this.changed(i)
  }

  /** It is gone from the configuration, and its last process with it. */
  programGone(name: string): void {
    this.#programs.delete(name)
    this.#store.put('program', name, null)
  }

  flush(): void {
    for (const [key, i] of this.#dirty) {
      const spec = i ? this.#programs.get(i.program)?.spec : undefined
      this.#store.put('instance', key, i && spec ? rowOf(i, spec) : null)
    }
    this.#dirty.clear()
    this.#store.flush()
  }
}
