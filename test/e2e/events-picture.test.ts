// A follower that keeps a picture of status by events alone, from one snapshot on, while everything that
// can be asked of a master is asked at random: slots and programs come, change and go.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../src/api/client.ts'
import type { Happening, ProcessStatus, Program } from '../../src/api/contract.ts'
import { dice } from '../helpers/dice.ts'
import { startMaster } from '../helpers/master.ts'
import { fixture, until } from '../helpers/scene.ts'

/** What status says, but for what changes by itself. */
function lasting(programs: readonly Program[]): unknown {
  return programs
    .map((p) => ({
      program: p.program,
      state: p.state,
      desired: p.desired,
      running: p.running,
      processes: p.processes.map(
        ({ cpu: _c, memory: _m, uptime: _u, requests: _r, nextAttemptAt, deadlineAt, ...rest }) => ({
          ...rest,
          waits: nextAttemptAt !== null,
          limited: deadlineAt !== null,
        }),
      ),
    }))
    .sort((a, b) => a.program.localeCompare(b.program))
}

/** status, kept by events: a row a slot, the counts, and the state of a program as the rows give it. */
class Picture {
  readonly #rows = new Map<string, Map<string, ProcessStatus>>()
  readonly #desired = new Map<string, number>()
  /** Gone from the configuration; they stay until their last process has. */
  readonly #removed = new Set<string>()

  constructor(programs: readonly Program[]) {
    for (const program of programs) {
      this.#desired.set(program.program, program.desired)
      this.#rows.set(program.program, new Map(program.processes.map((row) => [row.name, row])))
    }
  }

  take(event: Happening): void {
    const { topic, program = '', name = '' } = event
    if (topic === 'process.state') {
      const rows = this.#rows.get(program)
      assert.ok(rows, `a process of ${program}, of which nothing was told`)
      if (event.process === null) rows.delete(name)
      else rows.set(name, event.process as ProcessStatus)
    } else if (topic === 'program.scaled') {
      this.#desired.set(program, Number(event.to))
    } else if (topic === 'config.updated') {
      for (const gone of event.removed as readonly string[]) this.#removed.add(gone)
      for (const [added, desired] of Object.entries(event.desired as Record<string, number>)) {
        this.#removed.delete(added)
        this.#rows.set(added, this.#rows.get(added) ?? new Map())
        this.#desired.set(added, desired)
      }
    }
    for (const gone of this.#removed) if (!this.#rows.get(gone)?.size) this.#rows.delete(gone)
  }

  programs(): Program[] {
    return [...this.#rows].map(([program, rows]) => {
      const processes = [...rows.values()].sort((a, b) => a.slot - b.slot)
      const running = processes.filter((row) => row.state === 'RUNNING').length
      return {
        program,
        state: stateOf(processes),
        groups: [],
        desired: this.#desired.get(program) ?? Number.NaN,
        running,
        ready: running,
        nextRunAt: null,
        lastRun: null,
        skippedRuns: null,
        missedRuns: null,
        processes,
      }
    })
  }
}

/** The contract's rule. */
function stateOf(processes: readonly ProcessStatus[]): Program['state'] {
  const up = processes.filter((row) => row.wanted === 'up')
  if (up.length === 0) return processes.some((row) => row.state === 'STOPPING') ? 'STOPPING' : 'STOPPED'
  const running = up.filter((row) => row.state === 'RUNNING').length
  if (running === up.length) return 'RUNNING'
  if (running > 0) return 'DEGRADED'
  const order = ['FATAL', 'BACKOFF', 'STARTING', 'STOPPING', 'STANDBY', 'EXITED'] as const
  return order.find((state) => up.some((row) => row.state === state)) ?? 'STOPPED'
}

test('a follower rebuilds status from a snapshot and the events after it', async (t) => {
  const seed = Number(process.env.PHD_SEED ?? Date.now() % 1_000_000)
  t.diagnostic(`PHD_SEED=${seed}`)
  const roll = dice(seed)
  const ini = (
    workers: number,
    more: string,
  ): string => `[DEFAULT]\nstart_seconds = 30ms\nbackoff_initial = 20ms\nbackoff_max = 100ms\ngraceful_timeout = 200ms
[web]\ncommand = sleep 600\nnumber_workers = ${workers}\n[first]\ncommand = sleep 600\nnumber_workers = 2\nreload_strategy = start-first
[crash]\ncommand = sh ${fixture('crash-on-boot.sh')} 3\nstart_retries = 6\n[deaf]\ncommand = sh ${fixture('ignore-term.sh')}
[once]\ncommand = true\nautorestart = never\n${more}`
  const master = await startMaster(t, ini(3, ''))
  const client = await connect(master.socket)
  master.scene.after(() => client.close())
  const stream = client.events({})
  await stream.begun
  const picture = new Picture(await client.call('status', {}))
  let newest = 0
  void (async () => {
    for await (const event of stream) {
      assert.ok('topic' in event, 'nothing is missed')
      picture.take(event)
      newest = event.seq
    }
  })()

  const targets = ['web', 'first', 'crash', 'deaf', 'once', 'all', 'web:1', 'first:0']
  const some = (): string => {
    const one = (name: string): string =>
      `[${name}]\ncommand = sleep ${600 + roll.below(2)}\nnumber_workers = ${roll.below(4)}\n`
    return ['extra', 'more']
      .filter(() => roll.chance(50))
      .map(one)
      .join('')
  }
  for (let step = 0; step < 60; step++) {
    const target = roll.pick(targets)
    const wait = roll.chance(30)
    const timeout = 2
    // What is refused, or takes longer, is as good as what is done: all of it must be seen.
    await (() => {
      switch (roll.below(9)) {
        case 0:
          return master.call('start', { target, wait, timeout })
        case 1:
          return master.call('stop', { target, wait, timeout })
        case 2:
          return master.call('restart', { target, wait, timeout })
        case 3:
          return master.call('reload', { target, wait, timeout })
        case 4:
          return master.call('scale', {
            program: roll.pick(['web', 'first', 'extra']),
            workers: roll.below(5),
            wait,
            timeout,
          })
        case 5:
          return master.call('signal', { target, signal: 'KILL' })
        case 6:
        case 7:
          master.scene.write('config.ini', ini(roll.below(4), some()))
          return master.call('update', { wait })
        default:
          return new Promise((resolve) => setTimeout(resolve, roll.below(80)))
      }
    })().catch(() => undefined)
  }
  // Everything comes to rest: nothing is left that changes by itself.
  await master.call('stop', { target: ['crash', 'deaf', 'once'], timeout: 10 })
  await master.call('start', { target: ['web', 'first'], timeout: 10 }).catch(() => undefined)
  await until('the same picture', async () => {
    const { seq } = await client.events({ topics: ['log.trouble'] }).begun
    const status = await client.call('status', {})
    if (status.some((p) => ['STARTING', 'STOPPING', 'BACKOFF'].includes(p.state)) || newest < seq) return false
    try {
      assert.deepEqual(lasting(picture.programs()), lasting(status))
      return true
    } catch (e) {
      const { seq: later } = await client.events({ topics: ['log.trouble'] }).begun
      if (later === seq) throw e
      return false
    }
  })
})
