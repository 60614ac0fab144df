// At rest the record says all that the supervisor knows: were the master killed now, nothing would be lost.

import { isBeside } from '../../src/core/hooks.ts'
import { hookKey, type InstanceRow, instanceKey } from '../../src/core/record.ts'
import type { Spec } from '../../src/core/spec.ts'
import { type Instance, leftGroupOf, pidOf } from '../../src/core/state.ts'
import type { Weather } from './storm-weather.ts'

/** What the record says differently, in words. */
export function recordFault({ world, rolling }: Weather): string | null {
  const { program: programs, instance: rows, process: processes } = world.store.durable
  let instances = 0
  let living = 0
  for (const entry of world.supervisor.programs.values()) {
    const { name, generation, desired, removed, wanted, spec } = entry
    const row = programs.get(name)
    if (!row) return `${name} is not recorded`
    if (row.generation !== generation || row.desired !== desired || row.removed !== removed)
      return `${name} is outdated`
    if (row.wanted !== wanted || row.spec !== spec) return `${name} is outdated`
    if ((row.rollout !== null) !== rolling.has(name)) return `the replacement of ${name} is outdated`
    for (const i of entry.instances) {
      instances++
      const key = instanceKey(i)
      if (!isSame(i, spec, rows.get(key))) return `${key} is outdated`
      const hook = 'hook' in i.state ? i.state.hook : undefined
      // A pre_start that is being stopped stands in the place of its process.
      const inPlace = hook !== undefined && !isBeside(i.state)
      const own = inPlace ? hookKey(i) : key
      const pid = pidOf(i) ?? leftGroupOf(i)
      if (pid !== null) living++
      if (hook && !inPlace) {
        if ((processes.get(hookKey(i))?.pid ?? null) !== hook.pid) return `the hook of ${key} is not as recorded`
        if (hook.pid !== null) living++
      } else if (!inPlace && processes.has(hookKey(i))) living++ // given up, and not reaped yet
      // SIGKILL is sent again at each look, whoever knows of the last one.
      const isAsked = i.state.at === 'stopping' && i.state.pid !== null && i.state.kills === 0 && !isBeside(i.state)
      if (isAsked && !processes.get(own)?.told) return `the record does not say that ${key} has been told to end`
      if ((processes.get(own)?.pid ?? null) !== pid) return `the process of ${key} is ${pid}, not as recorded`
    }
  }
  if (programs.size !== world.supervisor.programs.size) return 'a program too many is recorded'
  if (rows.size !== instances) return 'an instance too many is recorded'
  return processes.size === living ? null : 'a process too many is recorded'
}

const FACTS = ['wanted', 'restarts', 'recycles', 'row', 'failures', 'exit', 'reason'] as const

/** What never changes is shared; a running state is copied for its row. */
function isSame(i: Instance, spec: Spec, row: InstanceRow | undefined): boolean {
  if (!row || FACTS.some((fact) => i[fact] !== row[fact])) return false
  if (row.spec !== (i.spec === spec ? null : i.spec)) return false
  const { state } = i
  if (state.at !== 'running' || row.state.at !== 'running') return state === row.state
  return state.pid === row.state.pid && state.since === row.state.since && state.recycleAt === row.state.recycleAt
}
