// Starting, replacing, and doing nothing.

import { allRun, elapsed, idleProcesses, print, residentOf, spawnLoop, startMaster, ticksOf, until } from '../tools.ts'

/** From exec of phd until all processes run, beside the bare loop, in turn. */
export async function boot(): Promise<void> {
  for (const count of [10, 100]) {
    const ours: number[] = []
    const loop: number[] = []
    for (let run = 0; run < 7; run++) {
      const master = await startMaster(idleProcesses(count))
      await allRun(master.client)
      ours.push(master.since())
      await master.end()
      const limit = spawnLoop(count)
      if (limit !== null) loop.push(limit)
    }
    print(`boot: exec of phd until ${count} processes run`, 'ms', ours)
    if (loop.length > 0) print(`limit: C loop of posix_spawn, ${count} processes`, 'ms', loop)
  }
}

/** kill -9 of one process until its successor runs. */
export async function respawn(): Promise<void> {
  const master = await startMaster(idleProcesses(100))
  await allRun(master.client)
  const values: number[] = []
  for (let run = 0; run < 100; run++) {
    const target = `idle:${run}`
    const before = (await master.client.call('status', { target }))[0]?.processes[0]
    const from = process.hrtime.bigint()
    process.kill(before?.pid ?? 0, 'SIGKILL')
    await until(async () => {
      const now = (await master.client.call('status', { target }))[0]?.processes[0]
      return now?.state === 'RUNNING' && now.pid !== before?.pid
    })
    values.push(elapsed(from))
  }
  await master.end()
  print('respawn: kill -9 until the next one runs (of 100)', 'ms', values)
}

/** The master's CPU in 20 s with nobody asking. */
export async function idle(): Promise<void> {
  const master = await startMaster(idleProcesses(100))
  await allRun(master.client)
  // V8 collects its garbage once, some seconds after the start.
  await new Promise((done) => setTimeout(done, 20_000))
  const before = ticksOf(master.pid)
  await new Promise((done) => setTimeout(done, 20_000))
  print('idle: CPU ticks of 10 ms in 20 s, 100 processes', 'ticks', [ticksOf(master.pid) - before])
  print('idle: resident memory, 100 processes', 'MiB', [residentOf(master.pid)])
  await master.end()
}
