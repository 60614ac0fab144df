// A master is killed, and the next one takes over.

import { allRun, idleProcesses, print, startMaster, ticksOf } from '../tools.ts'

/** From exec of the next phd until it has answered with all processes of the last one; beside a start without any. */
export async function adopt(): Promise<void> {
  const alone: number[] = []
  for (let run = 0; run < 7; run++) {
    const master = await startMaster('[idle]\ncommand = sleep 1\nnumber_workers = 0\n')
    await master.client.call('status', {})
    alone.push(master.since())
    await master.end()
  }
  print('limit: exec of phd until it answers, no process', 'ms', alone)
  for (const count of [100, 500]) {
    const ini = idleProcesses(count)
    let master = await startMaster(ini)
    await allRun(master.client)
    const pids = await pidsOf(master)
    const values: number[] = []
    for (let run = 0; run < 7; run++) {
      await master.kill()
      master = await startMaster(ini, master.base)
      const now = await pidsOf(master)
      values.push(master.since())
      if (now !== pids) throw new Error('the next master has other processes')
    }
    print(`adopt: exec of phd until it has ${count} processes`, 'ms', values)
    const before = ticksOf(master.pid)
    await new Promise((done) => setTimeout(done, 10_000))
    print(`adopt: CPU ticks of 10 ms in 10 s afterwards, ${count} processes`, 'ticks', [ticksOf(master.pid) - before])
    await master.end()
  }
}

async function pidsOf({ client }: Awaited<ReturnType<typeof startMaster>>): Promise<string> {
  const [program] = await client.call('status', {})
  return (program?.processes ?? []).map(({ pid, state }) => `${pid} ${state}`).join()
}
