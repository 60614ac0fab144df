// What everybody else notices while hostile clients do their worst, and what the master is left with.

import { type ChildProcess, fork } from 'node:child_process'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { allRun, elapsed, idleProcesses, type Master, print, residentOf, startMaster } from '../tools.ts'

const ATTACK_MS = 25_000
/** Until then the memory of the master grows to what an attack needs; after it, it shall not. In seconds. */
const WARM_UP = 5
const PING_MS = 5
const STATUS_MS = 1_000

/** A bystander's calls before, during and after an attack of all kinds at once. */
export async function attack(): Promise<void> {
  const master = await startMaster(idleProcesses(20))
  await allRun(master.client)
  await bystander(master, 'attack: before it', 3_000)
  const attackers = fork(fileURLToPath(new URL('../attackers.js', import.meta.url)), [join(master.base, 'phd.sock')])
  // Where cores are few, they would take the time of the bystander as well.
  setPriority(attackers.pid ?? 0, 10)
  const memory: number[] = []
  const looking = setInterval(() => memory.push(residentOf(master.pid)), 1_000)
  const before = residentOf(master.pid)
  await bystander(master, 'attack: under it', ATTACK_MS)
  clearInterval(looking)
  await ended(attackers)
  await bystander(master, 'attack: after it', 3_000)
  print('attack: resident before, then each second of it', 'MiB', [before, ...memory])
  const warm = memory.slice(WARM_UP)
  const half = warm.length / 2
  const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length
  print(`attack: resident after ${WARM_UP} s, second half less the first`, 'MiB', [
    mean(warm.slice(half)) - mean(warm.slice(0, half)),
  ])
  print('attack: resident after it', 'MiB', [residentOf(master.pid)])
  await master.end()
}

async function bystander({ client }: Master, label: string, forMs: number): Promise<void> {
  const from = process.hrtime.bigint()
  const pings: number[] = []
  const looks: number[] = []
  const timed = async (method: 'ping' | 'status', values: number[]): Promise<void> => {
    const begun = process.hrtime.bigint()
    await client.call(method, {})
    values.push(elapsed(begun))
  }
  const asking = (method: 'ping' | 'status', values: number[], restMs: number): Promise<void> =>
    new Promise((done, failed) => {
      const again = (): void => {
        if (elapsed(from) > forMs) done()
        else timed(method, values).then(() => setTimeout(again, restMs), failed)
      }
      again()
    })
  await Promise.all([asking('ping', pings, PING_MS), asking('status', looks, STATUS_MS)])
  print(`${label}: ping every ${PING_MS} ms`, 'ms', pings)
  print(`${label}: status every second`, 'ms', looks)
}

function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((done) => child.once('exit', () => done()))
  child.kill('SIGKILL')
  return gone
}
