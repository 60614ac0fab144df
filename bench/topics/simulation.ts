// What the supervisor itself costs, up to ten thousand processes: the real one in the fake world of the tests, where a
// process costs nothing. CPU time, not time: whoever else uses the machine does not count.

import { programStatus, type StatusFacts } from '../../src/control/status.ts'
import { World } from '../../test/helpers/fake-os.ts'
import { specOf } from '../../test/helpers/specs.ts'
import { print } from '../tools.ts'

/** The first is not told: it makes the code warm. */
const COUNTS = [500, 10, 100, 1_000, 10_000] as const
/** Deaths one by one. */
const DEATHS = 1_000

export async function simulation(): Promise<void> {
  await Promise.resolve()
  for (const [shape, programs] of [
    ['one program', () => 1],
    ['ten to a program', (count: number) => count / 10],
  ] as const) {
    for (const [round, count] of COUNTS.entries()) {
      const many = programs(count)
      const world = new World()
      const one = (label: string, unit: string, ms: number): void => {
        if (round > 0) print(`simulation: ${count} processes, ${shape}, ${label}`, unit, [ms])
      }
      const boot = cpuOf(() => {
        for (let n = 0; n < many; n++) {
          world.supervisor.add(specOf({ program: `p${n}`, workers: count / many, startMs: 0, backoffResetMs: 0 }), 'up')
        }
        world.settle()
        world.advance(1)
      })
      if (world.leaders().length !== count) throw new Error(`${world.leaders().length} of ${count} run`)
      one('to start one', 'us', (boot / count) * 1000)
      const single = cpuOf(() => {
        for (let n = 0; n < DEATHS; n++) {
          const [first] = world.processes.keys()
          world.strike(first ?? 0, 'SIGKILL')
          world.advance(2)
        }
      })
      one('a death and its successor', 'us', (single / DEATHS) * 1000)
      const facts: StatusFacts = {
        clock: world.clock,
        usage: () => ({ cpu: null, memory: null }),
        counters: () => null,
        left: () => 0,
      }
      const status = cpuOf(() => {
        JSON.stringify([...world.supervisor.programs.values()].map((program) => programStatus(program, null, facts)))
      })
      one('status of all', 'ms', status)
      if (count > 1_000) continue // one after the other: a real master hears of many ends in one turn
      const all = cpuOf(() => {
        for (const { pid } of world.leaders()) world.strike(pid, 'SIGKILL')
        world.advance(5)
      })
      if (world.leaders().length !== count) throw new Error(`${world.leaders().length} of ${count} run again`)
      one('all die at once, each', 'us', (all / count) * 1000)
    }
  }
}

/** CPU of this process, in ms. */
function cpuOf(act: () => void): number {
  const before = process.cpuUsage()
  act()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
