// Round trips on one connection of the control socket.

import { allRun, elapsed, idleProcesses, print, startMaster } from '../tools.ts'

export async function calls(): Promise<void> {
  const master = await startMaster(idleProcesses(100))
  await allRun(master.client)
  for (const method of ['ping', 'status'] as const) {
    const values: number[] = []
    for (let run = 0; run < 2000; run++) {
      const from = process.hrtime.bigint()
      await master.client.call(method, {})
      values.push(elapsed(from))
    }
    print(`calls: ${method} with 100 processes, one by one`, 'ms', values)
  }
  const rates: number[] = []
  for (let run = 0; run < 5; run++) {
    const from = process.hrtime.bigint()
    await Promise.all(Array.from({ length: 20_000 }, () => master.client.call('ping', {})))
    rates.push(20_000 / (elapsed(from) / 1000))
  }
  print('calls: ping, 20 000 in flight', 'calls/s', rates)
  await master.end()
}
