// The death of a master in a storm, and its successor: with callers gone, what was under way in nobody's
// hands, and the file of the configuration to be applied again.

import { allNeedsOf, graphOf } from '../../src/core/order.ts'
import type { Kept } from '../../src/core/record.ts'
import type { Dice } from './dice.ts'
import { inheritanceFault } from './storm-adoption.ts'
import { beginWith } from './storm-file.ts'
import { shutdown, strike } from './storm-steps.ts'
import { asking, isAlive, type Weather } from './storm-weather.ts'

/** The master is killed: at once, or at one of its next doings in the world. */
export function crash(weather: Weather, d: Dice): string {
  const { world } = weather
  if (d.chance(40)) {
    world.crash()
    return 'kill -9 of the master'
  }
  if (d.chance(15)) {
    world.upgrade()
    return 'the master is upgraded'
  }
  const places = 1 + d.below(d.pick([3, 12]))
  world.life.killIn = places
  const words = d.chance(15) ? `${shutdown(weather)}, and ` : ''
  return `${words}the master will be killed, ${places} places from now`
}

/** The next master, or the one after it, lives. Returns what happened, in words. */
export function recover(weather: Weather, d: Dice): string[] {
  const { world, file } = weather
  const words = [`the master was ended ${world.life.over}`]
  const wasStopping = weather.stopping !== null
  let upgraded = world.life.over === 'by an upgrade'
  weather.owed.clear()
  forgetCallers(weather)
  while (!isAlive(weather)) {
    if (!upgraded && d.chance(40)) words.push(...nobodyIsThere(weather, d))
    const lost = !upgraded && d.chance(5)
    if (lost) forgetRecord(weather)
    const killIn = d.chance(25) ? { killIn: 1 + d.below(12) } : {}
    const limit = d.pick([1, 2000])
    const { flushes } = world.store
    world.succeed({
      begin: (kept, restored) => {
        const fault = inheritanceFault(weather, kept, restored)
        if (fault) world.faults.push(fault)
        if (isEnding(kept) && !wasStopping) world.faults.push('nobody had asked the last master to shut down')
        begin(weather, kept)
      },
      knockMs: () => d.below(limit),
      upgraded,
      taken: () => !lost && d.chance(30),
      exitsAreSeen: d.chance(30),
      ...killIn,
      ...(lost ? { lostWith: file } : {}),
    })
    words.push(`a new master${lost ? ', without a record' : ''}`)
    upgraded = false
    world.settle()
    if (isAlive(weather)) break
    words.push(`was killed ${world.life.over}`)
    if (world.store.flushes > flushes) forgetEnded(weather)
    forgetCallers(weather)
  }
  return words
}

/** Time in which nobody hears or asks anything. */
function nobodyIsThere({ world }: Weather, d: Dice): string[] {
  const ms = d.pick([1, d.below(500), d.below(8000)])
  const words = d.chance(40) ? [strike(world, d)] : []
  world.advance(ms)
  return [...words, `${ms} ms without a master`]
}

/** What was asked and not begun waits on with nobody to hear of it; of what was being asked nobody knows. */
function forgetCallers(weather: Weather): void {
  const { world, operations, leaving, rolling, rolled, owed, known, step } = weather
  const { flushes, durable } = world.store
  for (const [name, { rollout, owesUpdate, owed: waiting = [] }] of durable.program) {
    if (owesUpdate) owed.add(`${name} update`)
    for (const { kind } of [...(rollout ? [rollout] : []), ...waiting]) owed.add(`${name} ${kind}`)
  }
  for (const { program, operation, askedAt, begunAt, endedAt } of operations) {
    const isOpen = endedAt === null || endedAt === flushes
    if (operation.kind === 'update' && isOpen && askedAt < flushes) owed.add(`${program} update`)
    if (begunAt === null ? isOpen : begunAt === flushes)
      for (const slot of operation.slots) known.get(program)?.asked.delete(slot)
  }
  if (step && !step.adds) known.get(step.program)?.asked.clear()
  operations.length = 0
  leaving.length = 0
  rolling.clear()
  rolled.clear()
  weather.stopping = null
  weather.step = null
}

/** What a successor went on with and ended, before it was killed itself, is owed no more. */
function forgetEnded({ owed, rolling }: Weather): void {
  for (const one of [...owed]) {
    const [program = '', kind] = one.split(' ')
    if (![...(rolling.get(program)?.keys() ?? [])].some((k) => k === kind)) owed.delete(one)
  }
}

/** Counts, waits and wishes are lost with it. */
function forgetRecord(weather: Weather): void {
  for (const { asked } of weather.known.values()) asked.clear()
  weather.stops.clear()
  weather.countedFrom = weather.world.launched.at(-1)?.[2] ?? 0
}

function begin(weather: Weather, kept: Kept): void {
  const { world, file, known, operations } = weather
  for (const { name, asked } of known.values()) {
    if (!isEnding(kept)) break
    asked.clear()
    const spec = file.get(name)
    if (spec?.autostart) for (let slot = 0; slot < spec.workers; slot++) asked.set(slot, 'up')
  }
  // What is new to the record starts with all that it needs.
  const added = [...file].filter(([name, spec]) => spec.autostart && kept.program.get(name)?.removed !== false)
  const graph = graphOf(new Map([...file].map(([name, spec]) => [name, { spec }])))
  for (const name of allNeedsOf(
    added.map(([name]) => name),
    graph,
  ))
    known.get(name)?.asked.clear()
  asking(weather, null, 'add', () => beginWith(file, world, kept, (asked) => operations.push(asked)))
}

const isEnding = (kept: Kept): boolean => kept.master.get('state')?.stopping ?? false
