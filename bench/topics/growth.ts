// How the costs of a master grow with the number of its processes, from ten to two thousand; beside the bare loop.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '../../src/api/client.ts'
import { phd } from '../peers/phd.ts'
import { elapsed, folder, print, residentOf, spawnLoop, ticksOf } from '../tools.ts'
import { lastBirth, witnessIn } from '../witness.ts'

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

export async function growth(): Promise<void> {
  const witness = witnessIn(folder)
  if (witness === null) {
    process.stdout.write('growth: skipped, there is no C compiler\n')
    return
  }
  for (const count of [10, 100, 500, 1_000, 2_000]) {
    const place = join(folder, `growth-${count}`)
    const born = witness.births.length
    const from = process.hrtime.bigint()
    const running = await phd.start(place, count, witness)
    const births = await witness.next(count, born)
    const [pid = 0] = running.own()
    const client = await connect(join(place, 'phd.sock'))
    await client.call('wait', { target: 'all', state: 'RUNNING' })
    const one = (label: string, unit: string, ...values: readonly number[]): void =>
      print(`growth: ${count} processes, ${label}`, unit, values)
    one('from exec until all run', 'ms', lastBirth(births, from))
    one('CPU of the master for that', 'ms', ticksOf(pid) * 10)
    one('the bare loop', 'ms', spawnLoop(count) ?? Number.NaN)
    one('resident memory', 'MiB', residentOf(pid))
    const timed = async (method: 'ping' | 'status'): Promise<number> => {
      const values: number[] = []
      for (let n = 0; n < 50; n++) {
        const asked = process.hrtime.bigint()
        await client.call(method, {})
        values.push(elapsed(asked))
      }
      return median(values)
    }
    one('ping', 'ms', await timed('ping'))
    one('status of all', 'ms', await timed('status'))
    const replaced: number[] = []
    for (const { pid: victim } of births.slice(0, 20)) {
      const before = witness.births.length
      const killed = process.hrtime.bigint()
      process.kill(victim, 'SIGKILL')
      replaced.push(lastBirth(await witness.next(1, before), killed))
    }
    one('kill -9 until its successor runs', 'ms', ...replaced)
    client.close()
    const ended = process.hrtime.bigint()
    await running.end()
    one('TERM until all have ended and the master has', 'ms', elapsed(ended))
    rmSync(place, { recursive: true })
  }
  witness.close()
}
