// Upgrades in place, one after another, as seen by clients that come anew all the time.

import { join } from 'node:path'
import { connect } from '../../src/api/client.ts'
import { allRun, elapsed, idleProcesses, print, startMaster } from '../tools.ts'

const UPGRADES = 50
const ENDING = 10

/** Ends with a code of its own, at a time of its own while the master is upgraded. */
const ending = Array.from(
  { length: ENDING },
  (_, n) => `[ends-${n}]\ncommand = sh -c 'sleep ${3 + n * 2}; exit ${10 + n}'\nautorestart = never\nlog_file = none\n`,
).join('')

export async function upgrade(): Promise<void> {
  const master = await startMaster(idleProcesses(20 - ENDING) + ending)
  await allRun(master.client)
  const socket = join(master.base, 'phd.sock')
  const pids = await pidsOf(socket)
  const pinging = pingAnew(socket)
  const times: number[] = []
  for (let done = 1; done <= UPGRADES; done++) {
    const from = process.hrtime.bigint()
    await call(socket, 'upgrade')
    while ((await upgradesOf(socket)) < done) await new Promise((next) => setTimeout(next, 5))
    times.push(elapsed(from))
  }
  const { answers, gaps, refused } = await pinging.end()
  while ((await statusOf(socket)).some(({ program, state }) => program !== 'idle' && state === 'RUNNING')) {
    await new Promise((next) => setTimeout(next, 100))
  }
  const kept = (await statusOf(socket)).filter(
    ({ program, processes }) => processes[0]?.exit?.code === 10 + Number(/^ends-(\d+)$/.exec(program)?.[1]),
  )
  print(`upgrade: asked until the new program answers, ${UPGRADES} in a row`, 'ms', times)
  print('upgrade: without an answer to a client that comes anew', 'ms', gaps)
  print('upgrade: pings answered over new connections', '', [answers])
  print('upgrade: connections refused', '', [refused])
  print(`upgrade: exit codes kept, of ${ENDING}`, '', [kept.length])
  print('upgrade: other processes that are no longer the same', '', [pids === (await pidsOf(socket)) ? 0 : 1])
  await call(socket, 'shutdown')
}

/** New connections, one after another: a ping on each. */
function pingAnew(socket: string) {
  const gaps: number[] = []
  let [answers, refused, over, last] = [0, 0, false, process.hrtime.bigint()]
  const asking = (async () => {
    while (!over) {
      try {
        const client = await connect(socket)
        // One that was accepted just before the change is closed without an answer: who asks comes back.
        const answered = await client.call('ping', {}).catch(() => null)
        client.close()
        if (answered === null) continue
        answers++
        gaps.push(elapsed(last))
        last = process.hrtime.bigint()
      } catch {
        refused++
      }
    }
  })()
  return {
    async end() {
      over = true
      await asking
      return { answers, gaps, refused }
    },
  }
}

async function call(socket: string, method: 'upgrade' | 'shutdown'): Promise<void> {
  const client = await connect(socket)
  await client.call(method, {})
  client.close()
}

async function upgradesOf(socket: string): Promise<number> {
  const client = await connect(socket)
  const info = await client.call('info', {}).catch(() => null)
  client.close()
  return info?.upgrades ?? -1
}

async function statusOf(socket: string) {
  const client = await connect(socket)
  const status = await client.call('status', {})
  client.close()
  return status
}

async function pidsOf(socket: string): Promise<string> {
  const idle = (await statusOf(socket)).find(({ program }) => program === 'idle')
  return (idle?.processes ?? []).map(({ pid }) => pid).join()
}
