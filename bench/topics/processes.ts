// Starting, replacing, counting up and down, ending: phd, its peers and a bare loop, in turn in one run.

import { execFileSync, spawn } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, connect } from '../../src/api/client.ts'
import { peersHere } from '../peers/all.ts'
import { allGone, type Peer, type Running } from '../peers/peer.ts'
import { elapsed, folder, print, residentOf, spawnLoop, Table, ticksOf } from '../tools.ts'
import { lastBirth, type Witness, witnessIn } from '../witness.ts'

let serial = 0

/** Has each peer keep `count` processes, has `act` look, and ends it. */
async function withEach(
  witness: Witness,
  peers: readonly Peer[],
  count: number,
  act: (peer: Peer, running: Running, started: { readonly from: bigint; readonly births: number }) => Promise<void>,
): Promise<void> {
  for (const peer of peers) {
    const place = join(folder, `p${++serial}`)
    const births = witness.births.length
    const from = process.hrtime.bigint()
    const running = await peer.start(place, count, witness)
    try {
      await witness.next(count, births)
      await act(peer, running, { from, births })
    } finally {
      await running.end()
      rmSync(place, { recursive: true, force: true })
    }
  }
}

const alive = (witness: Witness, from: number): number[] => witness.births.slice(from).map(({ pid }) => pid)

async function measured(topic: string, act: (witness: Witness) => Promise<void>): Promise<void> {
  const witness = witnessIn(folder)
  if (witness === null) {
    process.stdout.write(`${topic}: skipped, there is no C compiler\n`)
    return
  }
  try {
    await act(witness)
  } finally {
    witness.close()
  }
}

/** From exec of the supervisor until the last of its processes runs. */
export const boot = (): Promise<void> =>
  measured('boot', async (witness) => {
    for (const [count, rounds] of [
      [1, 5],
      [10, 5],
      [100, 5],
      [500, 2],
    ] as const) {
      const table = new Table()
      for (let round = 0; round < rounds; round++) {
        await withEach(witness, peersHere(), count, async ({ name }, _running, { from, births }) => {
          table.add(`boot: ${count}, ${name}`, lastBirth(witness.births.slice(births), from))
        })
      }
      table.print('ms')
    }
  })

/** kill -9 of one process until its successor runs, of 100. */
export const respawn = (): Promise<void> =>
  measured('respawn', async (witness) => {
    const table = new Table()
    await withEach(witness, peersHere(), 100, async ({ name }, _running, { births }) => {
      const pids = alive(witness, births)
      await new Promise((done) => setTimeout(done, 1_500)) // runit and s6 hold back what has just begun
      for (const pid of pids.slice(0, name === 'phd' ? 100 : 20)) {
        const from = process.hrtime.bigint()
        const before = witness.births.length
        process.kill(pid, 'SIGKILL')
        table.add(`respawn: ${name}`, lastBirth(await witness.next(1, before), from))
      }
    })
    table.add('respawn: one spawn of the C loop', ...Array.from({ length: 20 }, () => (spawnLoop(50) ?? 0) / 50))
    table.print('ms')
  })

/** All killed at once, until all have successors; the socket of phd meanwhile. */
export const deaths = (): Promise<void> =>
  measured('deaths', async (witness) => {
    for (const count of [100, 1_000]) {
      const table = new Table()
      const peers = peersHere().filter(({ name }) => count === 100 || !['supervisord', 'PM2'].includes(name))
      for (let round = 0; round < 3; round++) {
        await withEach(witness, peers, count, async ({ name }, _running, { births }) => {
          const pids = alive(witness, births)
          await new Promise((done) => setTimeout(done, 1_500))
          const before = witness.births.length
          const asking = name === 'phd' ? await pinging() : null
          const from = process.hrtime.bigint()
          // By a process of its own: the one that asks meanwhile would wait for itself.
          spawn('kill', ['-KILL', ...pids.map(String)], { stdio: 'ignore' })
          table.add(`deaths: ${count} at once, ${name}`, lastBirth(await witness.next(count, before), from))
          if (asking) table.add(`deaths: ${count} at once, ping of phd meanwhile`, ...(await asking.end()))
        })
      }
      table.print('ms')
    }
  })

/** Latencies of a client that asks all the time. */
async function pinging(): Promise<{ end(): Promise<number[]> }> {
  const socket = join(folder, `p${serial}`, 'phd.sock')
  const client = await connect(socket)
  const values: number[] = []
  let over = false
  const asking = (async () => {
    while (!over) {
      const from = process.hrtime.bigint()
      await client.call('ping', {})
      values.push(elapsed(from))
      await new Promise((next) => setTimeout(next, 2))
    }
  })()
  return {
    async end() {
      over = true
      await asking
      client.close()
      return values
    },
  }
}

/** 1 -> 100 -> 1 processes at run time; all of 100 stopped by the peer's own command. */
export const scale = (): Promise<void> =>
  measured('scale', async (witness) => {
    const table = new Table()
    for (let round = 0; round < 3; round++) {
      await withEach(witness, peersHere(), 1, async ({ name }, running, { births }) => {
        if (!running.scale) return
        const from = process.hrtime.bigint()
        const up = running.scale(100)
        table.add(`scale: 1 to 100, ${name}`, lastBirth(await witness.next(99, births + 1), from))
        await up
        const began = process.hrtime.bigint()
        const gone = allGone(alive(witness, births + 1))
        await running.scale(1)
        await gone
        table.add(`scale: 100 to 1, ${name}`, elapsed(began))
      })
      table.add('scale: 99, a C loop of posix_spawn', spawnLoop(99) ?? Number.NaN)
      await withEach(witness, peersHere(), 100, async ({ name }, running, { births }) => {
        await new Promise((done) => setTimeout(done, 1_500))
        if (!running.stopAll) return
        const from = process.hrtime.bigint()
        const back = running.stopAll()
        await allGone(alive(witness, births))
        table.add(`stop all: 100 gone, ${name}`, elapsed(from))
        await back
        table.add(`stop all: the command returns, ${name}`, elapsed(from))
      })
    }
    table.print('ms')
  })

const IDLE_MS = 60_000

/** CPU and memory of all processes of the supervisor's own, with nobody asking. */
export const idle = (): Promise<void> =>
  measured('idle', async (witness) => {
    const bare = execFileSync(process.execPath, ['-p', 'process.memoryUsage().rss / 2 ** 20'], { encoding: 'utf8' })
    print('limit: resident memory of bare node', 'MiB', [Number(bare)])
    for (const count of [100, 1_000]) {
      const peers = peersHere().filter(({ name }) => name === 'phd' || count === 100)
      await withEach(witness, peers, count, async ({ name }, running) => {
        // V8 collects its garbage once, some seconds after the start.
        await new Promise((done) => setTimeout(done, 20_000))
        const own = running.own()
        const ticks = (): number => own.reduce((sum, pid) => sum + ticksOf(pid), 0)
        const before = ticks()
        await new Promise((done) => setTimeout(done, name === 'phd' ? IDLE_MS : IDLE_MS / 6))
        const seconds = name === 'phd' ? 60 : 10
        print(`idle: ${count}, ${name}, CPU ticks of 10 ms in ${seconds} s`, 'ticks', [ticks() - before])
        const memory = own.reduce((sum, pid) => sum + residentOf(pid), 0)
        print(`idle: ${count}, ${name}, resident memory`, 'MiB', [memory])
      })
    }
  })

/** 10,000 deaths: what is left of them in the supervisor. */
export const churn = (): Promise<void> =>
  measured('churn', async (witness) => {
    await withEach(witness, peersHere().slice(0, 1), 100, async (_peer, running, { births }) => {
      const [pid = 0] = running.own()
      const client: Client = await connect(join(folder, `p${serial}`, 'phd.sock'))
      const descriptors = (): number => readdirSync(`/proc/${pid}/fd`).length
      const seen: { memory: number; descriptors: number }[] = []
      for (let round = 0; round < 100; round++) {
        const before = witness.births.length
        for (const one of alive(witness, births).slice(-100)) process.kill(one, 'SIGKILL')
        await witness.next(100, before)
        await client.call('wait', { target: 'all', state: 'RUNNING' })
        if (round % 10 === 9) seen.push({ memory: residentOf(pid), descriptors: descriptors() })
      }
      client.close()
      for (const what of ['memory', 'descriptors'] as const) {
        const values = seen.map((one) => one[what])
        process.stdout.write(`churn: ${what} after each 1,000 respawns: ${values.map(Math.round).join(' ')}\n`)
        print(`churn: growth of ${what}, from the second to the tenth thousand`, '', [
          (values.at(-1) ?? 0) - (values[1] ?? 0),
        ])
      }
    })
  })
