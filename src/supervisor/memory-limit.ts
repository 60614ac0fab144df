// max_memory: processes of programs that have it are looked at every few seconds, and one that has passed it asks
// for its replacement, as any other recycling. While no such process runs, nothing is looked at.

import type { Clock } from '../core/ports.ts'
import { pidOf } from '../core/state.ts'
import type { Supervisor } from './supervisor.ts'

export interface MemoryParts {
  readonly supervisor: Supervisor
  readonly clock: Clock
  /** Resident bytes; null = unknown. */
  memoryOf(pid: number): number | null
}

const LOOK_MS = 2_000

export function limitMemory({ supervisor, clock, memoryOf }: MemoryParts): void {
  let armed = false

  const look = (): void => {
    armed = false
    for (const { instances } of supervisor.programs.values()) {
      for (const { spec, state } of instances) {
        if (spec.maxMemoryBytes === 0 || state.at !== 'running') continue
        arm()
        const memory = memoryOf(state.pid)
        if (memory !== null && memory > spec.maxMemoryBytes) {
          supervisor.post({ type: 'recycle', pid: state.pid, why: 'max_memory' })
        }
      }
    }
  }

  const arm = (): void => {
    if (armed) return
    armed = true
    clock.alarm(clock.now() + LOOK_MS, look)
  }

  supervisor.watch((notice) => {
    if (notice.kind !== 'instance' || notice.after === null) return
    if (notice.after.spec.maxMemoryBytes > 0 && pidOf(notice.after) !== null) arm()
  })
  look() // of an earlier master
}
