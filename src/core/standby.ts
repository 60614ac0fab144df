// Programs with single_instance: what their instances need of the lock that all masters of the file share, and what
// remains of a record when another master has taken it. Pure.

import type { LockNeed } from './ports.ts'
import { hookKey, type InstanceRow, instanceKey, type Kept } from './record.ts'
import type { Spec } from './spec.ts'
import { type Instance, leftGroupOf, pidOf } from './state.ts'

/** It waits for nothing but to be started: new settings are taken over as it stands. */
export const rests = ({ state, wanted }: Pick<Instance, 'state' | 'wanted'>): boolean =>
  wanted === 'down' || state.at === 'exited' || state.at === 'standby'

/** Held from the first start to the end of the last process, over restarts, FATAL and EXITED: who wants it up has it. */
export function lockNeed(instances: readonly Instance[]): LockNeed {
  let need: LockNeed = null
  for (const { spec, state, wanted } of instances) {
    if (!spec.singleInstance) continue
    if (state.at === 'standby') return 'news'
    if (wanted === 'up' || state.at !== 'stopped') need = 'lock'
  }
  return need
}

/** Nothing of it runs here, or has run and left something. */
export const isBare = (i: Instance): boolean => pidOf(i) === null && leftGroupOf(i) === null

/** Programs of the record that had their lock of this host, or were about to take it. */
export function singlesIn(kept: Kept): Set<string> {
  const rows = [...kept.instance.values()].filter(({ program, spec, state, wanted }) => {
    const its = spec ?? kept.program.get(program)?.spec
    return its?.singleInstance && !its.lease && state.at !== 'standby' && (wanted === 'up' || state.at !== 'stopped')
  })
  return new Set(rows.map(({ program }) => program))
}

/** What was started under a lease: the lease, too, is ours to go on with. */
export function leasesIn(kept: Kept): Spec[] {
  return [...kept.program.values()].flatMap(({ spec }) => (spec.lease ? [spec] : []))
}

/**
 * Another master has the locks of these programs, and what the record says of their processes is its business: here
 * they have none, and no plan for any; the newest settings are theirs. One instance a slot is left, the one that was to stay.
 */
export function leftToOthers(kept: Kept, programs: ReadonlySet<string>): Kept {
  if (programs.size === 0) return kept
  const stays = new Map<string, InstanceRow>()
  for (const row of kept.instance.values()) {
    if (!programs.has(row.program)) continue
    const slot = `${row.program}:${row.slot}`
    const other = stays.get(slot)
    const isNewer = other?.wanted === row.wanted ? other.generation < row.generation : row.wanted === 'up'
    if (!other || isNewer) stays.set(slot, row)
  }
  const stay = new Set([...stays.values()].map(instanceKey))
  const others = [...kept.instance.values()].filter(({ program }) => programs.has(program))
  const gone = new Set(others.flatMap((row) => [instanceKey(row), hookKey(row)]))
  return {
    ...kept,
    program: new Map(
      [...kept.program].map(([name, row]) => [name, programs.has(name) ? { ...row, rollout: null } : row]),
    ),
    instance: new Map(
      [...kept.instance]
        .filter(([key]) => !gone.has(key) || stay.has(key))
        .map(([key, row]) => [key, stay.has(key) ? bare(row) : row]),
    ),
    process: new Map([...kept.process].filter(([key]) => !gone.has(key))),
  }
}

function bare(row: InstanceRow): InstanceRow {
  const state = row.wanted === 'up' ? ({ at: 'standby', of: null } as const) : ({ at: 'stopped' } as const)
  return { ...row, spec: null, state, reason: null }
}
