// A whole small world for the supervisor: a clock that moves only when told, and a kernel whose
// processes live and die by it. Everything happens in the order of its moment. Strict where the real
// kernel forgives: a signal to a pid that has been reaped is noted as a fault.

import type { Clock, Launcher, Signals } from '../../src/core/ports.ts'
import type { Instance } from '../../src/core/state.ts'
import type { Ports } from '../../src/supervisor/ports.ts'
import { Supervisor } from '../../src/supervisor/supervisor.ts'
import { WALL } from './specs.ts'

export interface Alarm {
  readonly at: number
  readonly fire: () => void
}

/** `soon` and `alarm` fire only when the test says so. */
export class FakeClock implements Clock {
  time = 0
  /** Each look at the clock takes so long: time goes on while the supervisor works. */
  tick = 0
  readonly alarms = new Set<Alarm>()
  soons: (() => void)[] = []

  now(): number {
    this.time += this.tick
    return this.time
  }

  wall(): number {
    return WALL + this.time
  }

  alarm(at: number, fire: () => void): () => void {
    const alarm = { at, fire }
    this.alarms.add(alarm)
    return () => this.alarms.delete(alarm)
  }

  soon(fire: () => void): void {
    this.soons.push(fire)
  }

  /** One `soon` turn: what is called for during it belongs to the next. */
  runSoon(): boolean {
    const soons = this.soons
    this.soons = []
    for (const fire of soons) fire()
    return soons.length > 0
  }

  get earliest(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const { at } of this.alarms) earliest = Math.min(earliest, at)
    return earliest
  }

  /** Fires what is due now, the earliest first. */
  fireDue(): void {
    for (const alarm of [...this.alarms].filter(({ at }) => at <= this.time).sort((a, b) => a.at - b.at)) {
      if (this.alarms.delete(alarm)) alarm.fire()
    }
  }
}

/** How a process behaves; without a word it runs for ever and ends at once on any signal. */
export interface Nature {
  /** Ends by itself after so long: a number is an exit code, a string a signal. */
  readonly ends?: { readonly afterMs: number; readonly how: number | string }
  /** SIGTERM and the like: ends so long after, with this code (default 0 ms, killed by the signal); `ignore`. */
  readonly onStop?: { readonly afterMs: number; readonly how: number | string } | 'ignore'
  /** Even SIGKILL ends it only so long after (D state). */
  readonly unkillableMs?: number
  /** SDK worker: says ready after so long; null = never. */
  readonly readyMs?: number | null
  /** SDK worker: says that its boot failed, just before `ends`. */
  readonly says?: string
  /** SDK worker: beats so often. */
  readonly beatMs?: number
  /** Members of its group that outlive it: each ends on a signal, or ignores all but SIGKILL; or goes by itself, unseen. */
  readonly leaves?: readonly ('obeys' | 'ignores' | { readonly vanishesAfterMs: number })[]
}

export interface Process {
  readonly pid: number
  readonly group: number
  readonly program: string
  readonly slot: number
  readonly instance: Instance
  readonly leader: boolean
  readonly nature: Nature
  state: 'alive' | 'dead' | 'reaped'
  /** Its ending is on the way. */
  ending: boolean
  code: number | null
  signal: string | null
}

export interface Happening {
  readonly at: number
  readonly act: () => void
}

export interface WorldOptions {
  /** What the next process of the instance is like; a failure = it cannot be made. */
  nature(instance: Instance): Nature | { readonly failed: string; readonly permanent?: boolean }
  random?: () => number
}

/** The world with its supervisor. Signals are noted as `[ms, pid, signal]`, a group's pid negative. */
export class World {
  readonly clock = new FakeClock()
  readonly processes = new Map<number, Process>()
  readonly signalled: (readonly [at: number, pid: number, signal: string])[] = []
  readonly launched: (readonly [at: number, name: string, pid: number])[] = []
  /** What must never happen, in words. */
  readonly faults: string[] = []
  readonly supervisor: Supervisor
  readonly ports: Ports
  readonly log: string[] = []
  options: WorldOptions
  #happenings: Happening[] = []
  #dead: Process[] = []
  #lastPid = 100

  constructor(options: WorldOptions = { nature: () => ({}) }) {
    this.options = options
    const note = (_facts: object, text: string): void => void this.log.push(text)
    this.ports = {
      clock: this.clock,
      launcher: this.#launcher(),
      signals: this.#signals(),
      store: { put: () => undefined, flush: () => undefined },
      log: { info: () => undefined, warn: note, error: note },
      random: options.random ?? (() => 0),
    }
    this.supervisor = new Supervisor(this.ports)
    this.#watchForCircles()
  }

  /** At a moment of the world's time. */
  at(at: number, act: () => void): void {
    this.#happenings.push({ at, act })
  }

  /** Time goes on; everything happens at its moment. */
  advance(ms: number): void {
    const until = this.clock.time + ms
    this.settle()
    for (;;) {
      const next = Math.min(this.clock.earliest, this.#nextHappening())
      if (next > until) break
      this.clock.time = Math.max(this.clock.time, next)
      this.#happen()
      this.reap()
      this.clock.fireDue()
      this.settle()
    }
    this.clock.time = until
  }

  /** The master does not run for so long, then hears everything at once: alarms first, or deaths first. */
  stall(ms: number, alarmsFirst: boolean): void {
    const until = this.clock.time + ms
    for (let next = this.#nextHappening(); next <= until; next = this.#nextHappening()) {
      this.clock.time = Math.max(this.clock.time, next)
      this.#happen()
    }
    this.clock.time = until
    if (alarmsFirst) this.clock.fireDue()
    this.reap()
    this.clock.fireDue()
    this.settle()
  }

  /** Owed `soon` turns, and what is due without time going on. */
  settle(): void {
    for (let turn = 0; this.#isOwed(); turn++) {
      this.clock.runSoon()
      this.#happen()
      this.reap()
      this.clock.fireDue()
      if (turn > 100_000) throw new Error('the supervisor never comes to rest')
    }
  }

  /** The master's reaper: one post a death, the others still zombies meanwhile. */
  reap(): void {
    for (let dead = this.#dead.shift(); dead; dead = this.#dead.shift()) {
      dead.state = 'reaped'
      this.processes.delete(dead.pid)
      this.supervisor.post({ type: 'reaped', pid: dead.pid, code: dead.code, signal: dead.signal })
    }
  }

  /** Not reaped yet: all, or a program's, leaders only. */
  leaders(program?: string): Process[] {
    return [...this.processes.values()].filter((p) => p.leader && (program === undefined || p.program === program))
  }

  /** Somebody else's `kill`. */
  strike(pid: number, signal: string): void {
    const process = this.processes.get(pid)
    if (process) this.#hear(process, signal)
  }

  #isOwed(): boolean {
    const next = Math.min(this.clock.earliest, this.#nextHappening())
    return this.clock.soons.length > 0 || this.#dead.length > 0 || next <= this.clock.time
  }

  #nextHappening(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { at } of this.#happenings) next = Math.min(next, at)
    return next
  }

  #happen(): void {
    const due = this.#happenings.filter(({ at }) => at <= this.clock.time).sort((a, b) => a.at - b.at)
    if (due.length === 0) return
    this.#happenings = this.#happenings.filter(({ at }) => at > this.clock.time)
    for (const { act } of due) act()
  }

  /** A loop that goes round for ever would hang the test: changes without time going on are counted. */
  #watchForCircles(): void {
    let changes = 0
    let at = 0
    this.supervisor.watch(() => {
      changes = at === this.clock.time ? changes + 1 : 0
      at = this.clock.time
      if (changes > 100_000) throw new Error(`the supervisor goes round in circles at ${at} ms`)
    })
  }

  #launcher(): Launcher {
    return {
      launch: (instance) => {
        const nature = this.options.nature(instance)
        if ('failed' in nature) return { reason: nature.failed, permanent: nature.permanent ?? false }
        const process = this.#make(instance, nature, null)
        this.launched.push([this.clock.time, `${process.program}:${process.slot}`, process.pid])
        this.#live(process)
        return { pid: process.pid, start: process.pid }
      },
      token: () => String(this.#lastPid + 1),
      adopt: () => undefined,
      ended: (pid) => {
        if (this.processes.get(pid)?.state === 'alive') this.faults.push(`${pid} is said to have ended, and lives`)
      },
    }
  }

  #make(instance: Instance, nature: Nature, group: number | null): Process {
    const pid = ++this.#lastPid
    const { program, slot } = instance
    const made: Process = {
      pid,
      group: group ?? pid,
      program,
      slot,
      instance,
      leader: group === null,
      nature,
      state: 'alive',
      ending: false,
      code: null,
      signal: null,
    }
    this.processes.set(pid, made)
    return made
  }

  /** What the process does without being asked. */
  #live(process: Process): void {
    const { nature, pid, instance } = process
    const now = this.clock.time
    const word = (at: number, event: Parameters<Supervisor['post']>[0] & { type: 'worker' }): void =>
      this.at(at, () => process.state === 'alive' && this.supervisor.post(event))
    if (nature.ends) {
      const { afterMs, how } = nature.ends
      const { says } = nature
      if (says !== undefined) word(now + afterMs, { type: 'worker', pid, event: { type: 'said', text: says } })
      this.at(now + afterMs, () => this.#die(process, how))
    }
    if (instance.spec.ready === 'worker' && nature.readyMs !== null) {
      word(now + (nature.readyMs ?? 0), { type: 'worker', pid, event: { type: 'ready' } })
    }
    const { beatMs } = nature
    if (beatMs !== undefined) {
      const beat = (at: number): void =>
        this.at(at, () => {
          if (process.state !== 'alive') return
          this.supervisor.post({ type: 'worker', pid, event: { type: 'beat' } })
          beat(at + beatMs)
        })
      beat(now + beatMs)
    }
  }

  #die(process: Process, how: number | string): void {
    if (process.state !== 'alive') return
    process.state = 'dead'
    process.code = typeof how === 'number' ? how : null
    process.signal = typeof how === 'string' ? how : null
    // Its children go on as the master's: it is their subreaper.
    for (const kind of process.nature.leaves ?? []) {
      const nature: Nature = kind === 'ignores' ? { onStop: 'ignore' } : {}
      const member = this.#make(process.instance, nature, process.group)
      if (typeof kind === 'object') this.at(this.clock.time + kind.vanishesAfterMs, () => this.#vanish(member))
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
      else this.at(this.clock.time + unkillableMs, () => this.#die(process, signal))
      return
    }
    const { onStop } = process.nature
    if (onStop === 'ignore' || process.ending) return
    process.ending = true
    if (onStop) this.at(this.clock.time + onStop.afterMs, () => this.#die(process, onStop.how))
    else this.#die(process, signal)
  }

  #signals(): Signals {
    const members = (group: number): Process[] => [...this.processes.values()].filter((p) => p.group === group)
    return {
      send: (pid, signal, group) => {
        this.signalled.push([this.clock.time, group ? -pid : pid, signal])
        if (!group && !this.processes.has(pid)) this.faults.push(`${signal} to ${pid}, which has been reaped`)
        const heard = group ? members(pid) : [this.processes.get(pid)].filter((p) => p !== undefined)
        for (const process of heard) this.#hear(process, signal)
        return heard.length > 0
      },
      hasLeft: (leader) => members(leader).length > 0,
    }
  }
}
