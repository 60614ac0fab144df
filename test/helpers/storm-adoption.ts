// What must hold in the moment in which a new master has taken over, before anything else happens.

import { isBeside } from '../../src/core/hooks.ts'
import type { Kept, Owed } from '../../src/core/record.ts'
import type { Instance } from '../../src/core/state.ts'
import type { Restored } from '../../src/supervisor/adoption.ts'
import type { Weather } from './storm-weather.ts'

/** The first complaint, in words. Notes what the new master owes from now on. */
export function inheritanceFault(weather: Weather, kept: Kept, restored: readonly Restored[]): string | null {
  const { world, stops } = weather
  const now = world.clock.time
  for (const [key, { state, program, spec }] of kept.instance) {
    const stopMs = (spec ?? kept.program.get(program)?.spec)?.stopMs ?? 0
    // Who has not heard of it has all of its grace before it.
    const untold = state.at === 'stopping' && state.kills === 0 && !kept.process.get(key)?.told
    if (state.at === 'stopping' && !isBeside(state))
      stops.set(state.group, Math.max(state.deadline, untold ? now + stopMs : now))
    if ('left' in state && state.left) stops.set(state.left.group, Math.max(state.left.deadline, now))
  }
  if (world.life.over !== null) return null
  for (const one of restored) {
    const fault = programFault(weather, kept, one)
    if (fault) return `[taken over] ${one.entry.name}: ${fault}`
  }
  return null
}

function programFault({ world, rolled, owed }: Weather, kept: Kept, { entry, processes }: Restored): string | null {
  const row = kept.program.get(entry.name)
  const program = world.supervisor.programs.get(entry.name)
  if (!row) return 'no row of it was kept'
  if (!program) return row.removed ? null : 'it is gone'
  const { desired, removed, wanted } = program
  // What had waited for its turn may have begun in the same moment.
  const begun = (...kinds: Owed['kind'][]): boolean => row.owed?.some(({ kind }) => kinds.includes(kind)) ?? false
  const isSame = (desired === row.desired || begun('scale')) && (wanted === row.wanted || begun('start', 'restart'))
  if (removed !== row.removed || !isSame) return 'its facts are other ones'
  if (row.rollout && !rolled.has(`${entry.name} ${row.rollout.kind}`)) return `its ${row.rollout.kind} does not go on`
  const isBehind = program.instances.some((i) => i.wanted === 'up' && i.spec !== program.spec)
  if (isBehind && owed.has(`${entry.name} update`) && !rolled.has(`${entry.name} update`))
    return 'its update is forgotten'
  for (const before of kept.instance.values()) {
    if (before.program !== entry.name) continue
    const after = program.instances.filter((i) => i.slot === before.slot)
    if (after.length === 0 && (removed || before.slot >= desired)) continue
    const alone = ![...kept.instance.values()].some(
      (i) => i !== before && i.program === before.program && i.slot === before.slot,
    )
    const fault = slotFault(before, after, alone)
    if (fault) return `${fault} in slot ${before.slot}`
  }
  const pids = processes.map(({ process }) => process.pid)
  return new Set(pids).size === pids.length ? null : 'a process was restored twice'
}

type Before = Omit<Instance, 'spec'>

/** Counts go on; an end that came meanwhile counts once, and once more where the next start fails at once. */
function slotFault(before: Before, after: readonly Instance[], alone: boolean): string | null {
  if (after.length === 0) return 'nothing is left'
  // A replacement may have given up meanwhile, and its counts with it; an only one goes on, if under another number.
  const same = after.find((i) => i.generation === before.generation) ?? (alone ? after[0] : null)
  if (!same) return null
  for (const count of ['restarts', 'row', 'failures'] as const) {
    const is = same[count]
    const isMore = is > before[count] + 2
    const isLess = is < before[count] && count === 'restarts' // a long run clears the others
    if (isMore || isLess) return `${before[count]} ${count} became ${is}`
  }
  const isOther = same.recycles < before.recycles || same.recycles > before.recycles + 1
  return isOther ? `${before.recycles} recycles became ${same.recycles}` : null
}
