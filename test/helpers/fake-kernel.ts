// The kernel of the fake world, with the processes in it: they live and die by its clock, say their words to
// the master they are connected to, and do not care whether it lives. Strict where the real kernel
// forgives: a signal to a pid that has been reaped is noted as a fault.

import type { Signals, Spawned } from '../../src/core/ports.ts'
import type { KeptProcess } from '../../src/core/record.ts'
import type { Event, Instance } from '../../src/core/state.ts'
import type { Living } from '../../src/supervisor/adoption.ts'
import type { Found } from '../../src/supervisor/rebuilding.ts'
import type { FakeClock } from './fake-clock.ts'
import type { Nature, Process } from './fake-process.ts'

interface Happening {
  readonly at: number
  readonly act: () => void
}

export class Kernel {
  readonly processes = new Map<number, Process>()
  readonly signalled: (readonly [at: number, pid: number, signal: string])[] = []
  /** What must never happen, in words. */
  readonly faults: string[] = []
  readonly #clock: FakeClock
  readonly #heard: (pid: number, event: Event) => void
  #happenings: Happening[] = []
  #dead: Process[] = []
  #lastPid = 100

  /** `heard`: a worker says something to the master. */
  constructor(clock: FakeClock, heard: (pid: number, event: Event) => void) {
    this.#clock = clock
    this.#heard = heard
  }

  /** At a moment of the world's time. */
  at(at: number, act: () => void): void {
    this.#happenings.push({ at, act })
  }

  get nextHappening(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { at } of this.#happenings) next = Math.min(next, at)
    return next
  }

  /** What is due now. */
  happen(): void {
    const due = this.#happenings.filter(({ at }) => at <= this.#clock.time).sort((a, b) => a.at - b.at)
    if (due.length === 0) return
    this.#happenings = this.#happenings.filter(({ at }) => at > this.#clock.time)
    for (const { act } of due) act()
  }

  get hasDead(): boolean {
    return this.#dead.length > 0
  }

  /** Each is told of by itself, the others still zombies meanwhile. */
  reap(reaped: (process: Process) => void): void {
    for (let dead = this.#dead.shift(); dead; dead = this.#dead.shift()) {
      dead.state = 'reaped'
      this.processes.delete(dead.pid)
      reaped(dead)
    }
  }

  /** Not reaped yet: all, or a program's, leaders only, and no hooks. */
  leaders(program?: string): Process[] {
    return [...this.processes.values()].filter(
      (p) => p.leader && !p.hook && (program === undefined || p.program === program),
    )
  }

  /** Somebody else's `kill`. */
  strike(pid: number, signal: string): void {
    const process = this.processes.get(pid)
    if (process) this.#hear(process, signal)
  }

  hooks(): Process[] {
    return [...this.processes.values()].filter((p) => p.leader && p.hook)
  }

  launch(instance: Instance, token: string, nature: Nature, hook = false): Spawned {
    const process = this.#make(instance, nature, token, null, hook)
    this.#live(process)
    return process
  }

  /** The master is dead: nobody hears a worker. */
  disconnect(): void {
    for (const process of this.processes.values()) process.connected = false
  }

  /** A new master is there: each worker knocks again after so long, and says what it is. */
  reconnect(afterMs: () => number): void {
    for (const process of this.processes.values()) {
      this.at(this.#clock.time + afterMs(), () => {
        process.connected = true
        if (process.ready) this.#say(process, { type: 'ready' })
      })
    }
  }

  /** What a new master can learn of the processes that an earlier one made. `exitOf`: does anybody tell how one ended? */
  living(exitOf: (pid: number) => ReturnType<Living['exitOf']>): Living {
    const all = [...this.processes.values()]
    const alive = all.filter((p) => p.state === 'alive')
    return {
      // A zombie that nobody else reaps is our child still: its end will be told.
      watch: ({ pid, start }) => all.some((p) => p.leader && p.pid === pid && p.start === start),
      find(token) {
        const holders = alive.filter((p) => p.token === token)
        const leader = holders.find((p) => p.leader)
        if (leader) return { token, pid: leader.pid, start: leader.start }
        return holders[0] ? { token, pid: holders[0].group, start: 0 } : null
      },
      exitOf: ({ pid }: KeptProcess) => exitOf(pid),
    }
  }

  /** Another master ends all of it, and nobody here hears of that. */
  evict(program: string): void {
    for (const one of this.processes.values()) if (one.program === program) this.#vanish(one)
    this.#dead = this.#dead.filter((one) => one.program !== program)
    for (const [pid, one] of this.processes) if (one.program === program) this.processes.delete(pid)
  }

  /** A master without a record ends them. */
  endHooks(): void {
    for (const hook of this.hooks()) {
      this.strike(hook.pid, 'SIGKILL')
      for (const one of [...this.processes.values()]) if (!one.leader && one.group === hook.pid) this.#vanish(one)
    }
  }

  /** What processes left that have ended is gone. */
  dropOrphans(): void {
    for (const one of [...this.processes.values()]) if (!one.leader && !this.processes.has(one.group)) this.#vanish(one)
  }

  /** What a look at all processes finds. */
  survivors(): Found[] {
    const alive = this.leaders().filter((p) => p.state === 'alive')
    return alive.map(({ token, pid, start, program, slot }) => {
      return { token, pid, start, program, slot, stdout: null, stderr: null }
    })
  }

  signals(): Signals {
    const members = (group: number): Process[] => [...this.processes.values()].filter((p) => p.group === group)
    return {
      send: (pid, signal, group) => {
        this.signalled.push([this.#clock.time, group ? -pid : pid, signal])
        if (!group && !this.processes.has(pid)) this.faults.push(`${signal} to ${pid}, which has been reaped`)
        const heard = group ? members(pid) : [this.processes.get(pid)].filter((p) => p !== undefined)
        for (const process of heard) this.#hear(process, signal)
        return heard.length > 0
      },
      // Where the number is another process's by now, so is the group.
      oomKilled: () => null,
      hasLeft: (leader) => this.processes.get(leader)?.state !== 'alive' && members(leader).length > 0,
    }
  }

  #make(instance: Instance, nature: Nature, token: string, group: number | null, hook = false): Process {
    const pid = ++this.#lastPid
    const { program, slot } = instance
    const made: Process = {
      pid,
      start: Math.floor(this.#clock.time / 10),
      group: group ?? pid,
      token,
      program,
      slot,
      instance,
      leader: group === null,
      hook,
      nature,
      state: 'alive',
      ending: false,
      code: null,
      signal: null,
      ready: false,
      connected: true,
    }
    this.processes.set(pid, made)
    return made
  }

  #say(process: Process, event: Event): void {
    if (process.state === 'alive' && process.connected) this.#heard(process.pid, event)
  }

  /** What the process does without being asked. */
  #live(process: Process): void {
    const { nature, instance } = process
    const now = this.#clock.time
    if (nature.ends) {
      const { afterMs, how } = nature.ends
      const { says } = nature
      if (says !== undefined) this.at(now + afterMs, () => this.#say(process, { type: 'said', text: says }))
      this.at(now + afterMs, () => this.#die(process, how))
    }
    if (process.hook) return
    if (instance.spec.ready.kind !== 'time' && nature.readyMs !== null) {
      this.at(now + (nature.readyMs ?? 0), () => {
        process.ready = true
        this.#say(process, { type: 'ready' })
      })
    }
    for (const { afterMs, event } of nature.words ?? []) this.at(now + afterMs, () => this.#say(process, event))
    const { beatMs } = nature
    if (beatMs === undefined) return
    const beat = (at: number): void =>
      this.at(at, () => {
        if (process.state !== 'alive') return
        this.#say(process, { type: 'beat' })
        beat(at + beatMs)
      })
    beat(now + beatMs)
  }

  #die(process: Process, how: number | string): void {
    if (process.state !== 'alive') return
    process.state = 'dead'
    process.code = typeof how === 'number' ? how : null
    process.signal = typeof how === 'string' ? how : null
    // Its children go on as the master's: it is their subreaper.
    // SIGKILL goes to all of a hook. What has left its group outlives it if the master dies in that moment, too: its
    // row is the next hook's by then (docs/health.md).
    const leaves = process.hook && how === 'SIGKILL' ? [] : (process.nature.leaves ?? [])
    for (const kind of leaves) {
      const nature: Nature = kind === 'ignores' ? { onStop: 'ignore' } : {}
      const member = this.#make(process.instance, nature, process.token, process.group)
      if (typeof kind === 'object') this.at(this.#clock.time + kind.vanishesAfterMs, () => this.#vanish(member))
    }
    this.#dead.push(process)
  }

  /** Reaped by a parent of its own: the master hears nothing. */
  #vanish(member: Process): void {
    if (member.state !== 'alive') return
    member.state = 'reaped'
    this.processes.delete(member.pid)
  }

  #hear(process: Process, signal: string): void {
    if (process.state !== 'alive' || signal === 'SIGCONT') return
    if (signal === 'SIGKILL') {
      const { unkillableMs } = process.nature
      if (unkillableMs === undefined) this.#die(process, signal)
      else this.at(this.#clock.time + unkillableMs, () => this.#die(process, signal))
      return
    }
    const { onStop } = process.nature
    if (onStop === 'ignore' || process.ending) return
    process.ending = true
    if (onStop) this.at(this.#clock.time + onStop.afterMs, () => this.#die(process, onStop.how))
    else this.#die(process, signal)
  }
}
