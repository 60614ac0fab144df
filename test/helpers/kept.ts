// Records as a dead master leaves them, written by hand, and the world in which a next one reads them.

import type { InstanceRow, Kept, KeptProcess, ProcessRow, ProgramRow } from '../../src/core/record.ts'
import { instanceKey, rowOf } from '../../src/core/record.ts'
import type { Spec } from '../../src/core/spec.ts'
import { newInstance, type State } from '../../src/core/state.ts'
import { type Nature, World } from './fake-os.ts'
import { WALL } from './specs.ts'

/** What differs from a healthy instance of slot 0, generation 1, of its program's own settings. */
export interface Left extends Partial<Omit<InstanceRow, 'program'>> {
  /** As recorded; null = none. */
  readonly process?: ProcessRow | null
}

export function keptOf(spec: Spec, left: readonly Left[], over: Partial<ProgramRow> = {}): Kept {
  const instance = new Map<string, InstanceRow>()
  const process = new Map<string, ProcessRow>()
  for (const { process: row = null, ...one } of left) {
    const made = { ...rowOf(newInstance(spec, one.slot ?? 0, one.generation ?? 1, 'up'), spec), ...one }
    instance.set(instanceKey(made), made)
    if (row) process.set(instanceKey(made), row)
  }
  const facts = { desired: spec.workers, removed: false, wanted: 'up', rollout: null, owesUpdate: false } as const
  const generation = Math.max(1, ...left.map((one) => one.generation ?? 1))
  const program = new Map([[spec.program, { generation, spec, ...facts, ...over }]])
  return {
    program,
    instance,
    process,
    stream: new Map(),
    file: new Map(),
    listener: new Map(),
    settings: new Map(),
    master: new Map(),
  }
}

/** A world whose master is dead, 10 s after its boot; processes made in it are of that master's time. */
export function orphanedWorld(natures: readonly Nature[] = []): World {
  let next = 0
  const world = new World({ nature: () => natures[next++] ?? {} })
  world.crash()
  world.advance(10_000)
  return world
}

/** A process that the dead master made for the slot. */
export function bornIn(world: World, spec: Spec, nature: Nature = {}, slot = 0): KeptProcess {
  const token = `token of ${spec.program}:${slot} at ${world.clock.time}`
  const { pid, start } = world.kernel.launch(newInstance(spec, slot, 1, 'up'), token, nature)
  world.kernel.disconnect()
  return { token, pid, start }
}

/** A next master on that record. */
export function takeOver(world: World, kept: Kept, ...how: Parameters<World['succeed']>): void {
  world.store.replace(kept)
  world.succeed(...how)
  world.settle()
}

/** Where the instances stand: `0 running 101`. */
export function standing(world: World, program = 'web'): string {
  const known = world.supervisor.programs.get(program)
  if (!known) return 'none'
  return known.instances
    .map(({ slot, state }) => {
      const pid = 'pid' in state ? state.pid : null
      return `${slot} ${state.at}${pid === null ? '' : ` ${pid}`}`
    })
    .join(', ')
}

/** States that a record may hold, since second 5 of the world. */
const born = { since: 5_000, startedAt: WALL + 5_000 }

export const startingWith = (pid: number | null, deadline: number | null): State => ({
  at: 'starting',
  pid,
  deadline,
  said: null,
  ...born,
})

export const runningWith = (pid: number): State => ({
  at: 'running',
  pid,
  heartbeatBy: null,
  recycleAt: null,
  ...born,
})

/** SIGTERM was sent, and SIGKILL follows at the deadline. */
export const stoppingWith = (pid: number, deadline: number): State => ({
  at: 'stopping',
  pid,
  group: pid,
  deadline,
  kills: 0,
  cause: { kind: 'asked' },
  from: 'running',
  ...born,
})
