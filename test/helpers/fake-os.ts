// A whole small world for the supervisor: a clock that moves only when told, a kernel whose processes
// live and die by it, a record that outlives its master. Everything happens in the order of its moment. The
// master may be killed, and a next one takes over what lives, as master.ts does it.

import type { Store } from '../../src/core/ports.ts'
import type { Kept } from '../../src/core/record.ts'
import type { Spec } from '../../src/core/spec.ts'
import { leftToOthers, singlesIn } from '../../src/core/standby.ts'
import type { Instance } from '../../src/core/state.ts'
import type { NextRun } from '../../src/core/timetable.ts'
import { type Living, type Restored, restorePrograms } from '../../src/supervisor/adoption.ts'
import type { Ports, Watcher } from '../../src/supervisor/ports.ts'
import { rebuild } from '../../src/supervisor/rebuilding.ts'
import { tellStandby } from '../../src/supervisor/standby.ts'
import type { Supervisor } from '../../src/supervisor/supervisor.ts'
import { FakeClock } from './fake-clock.ts'
import { Kernel } from './fake-kernel.ts'
import { FakeLocks, noLeases } from './fake-locks.ts'
import { Life, Master } from './fake-master.ts'
import type { Nature, Process } from './fake-process.ts'
import { FakeStore } from './fake-store.ts'

export { FakeClock } from './fake-clock.ts'
export type { Nature } from './fake-process.ts'

/** Schedules of the fake world are a number of ms: each multiple of it. */
export const everySoOften: NextRun = ({ cron }, after) => (Math.floor(after / Number(cron)) + 1) * Number(cron)

export interface WorldOptions {
  /** What the next process of the instance is like; a failure = it cannot be made. */
  nature(instance: Instance): Nature | { readonly failed: string; readonly permanent?: boolean }
  /** What the next hook of the instance is like; default: it exits 0 at once. */
  hook?(instance: Instance): ReturnType<WorldOptions['nature']>
  /** What the next check finds, and when; default: all is well, at once. */
  check?(instance: Instance): { readonly afterMs: number; readonly finding: string | null }
  random?: () => number
  /** Is told what every master tells its watchers, from its first moment on. */
  watch?: Watcher
}

/** How a next master begins. */
export interface Succession {
  /** What it does when it has taken over, before time goes on; a dead one does nothing. */
  readonly begin?: (kept: Kept, restored: readonly Restored[]) => void
  /** Workers knock again so long after it began; default at once. */
  readonly knockMs?: () => number
  /** The same process under a new program: its children are its children still, and none of their ends is lost. */
  readonly upgraded?: boolean
  /** Nobody has reaped the dead yet: how they ended is still to be seen. */
  readonly exitsAreSeen?: boolean
  /** It is killed at its n-th place. */
  readonly killIn?: number
  /** Of programs whose lock it had, another master has taken some, and has ended their processes. */
  readonly taken?: (program: string) => boolean
  /** The record is lost: it is made anew of what lives and of what the configuration says. */
  readonly lostWith?: ReadonlyMap<string, Spec>
}

/** The world with its supervisor. Signals are noted as `[ms, pid, signal]`, a group's pid negative. */
export class World {
  readonly clock = new FakeClock()
  readonly kernel = new Kernel(this.clock, (pid, event) => this.#master.post({ type: 'worker', pid, event }))
  readonly store = new FakeStore()
  readonly locks = new FakeLocks({
    later: (act) => this.kernel.at(this.clock.time + 1, act),
    tell: (program, standing) => {
      if (this.#master.programs.get(program)?.removed !== false) return
      this.#master.atOnce(program, (desk) => tellStandby(desk, standing))
    },
  })
  readonly launched: (readonly [at: number, name: string, pid: number])[] = []
  /** Each spawn blocks for so long. */
  spawnMs = 0
  /** What every master has of the world; the living one's own ports lead here. */
  readonly ports: Ports
  readonly log: string[] = []
  options: WorldOptions
  #master: Master
  #tokens = 0
  /** Checks that run, by the pid of each. */
  readonly #checks = new Map<number, object>()
  /** How those ended that no master has heard of. */
  readonly #unheard = new Map<number, ReturnType<Living['exitOf']>>()
  #adopted = new Set<number>()

  constructor(options: WorldOptions = { nature: () => ({}) }) {
    this.options = options
    const note = (_facts: object, text: string): void => void this.log.push(text)
    this.ports = {
      clock: this.clock,
      launcher: this.#launcher(),
      listeners: { keep: () => undefined },
      signals: this.kernel.signals(),
      single: this.locks.port(),
      leases: noLeases,
      store: this.store,
      log: { info: () => undefined, warn: note, error: note },
      random: options.random ?? (() => 0),
      nextRun: everySoOften,
    }
    this.#master = this.#newMaster()
  }

  /** The last one that began, dead or alive. */
  get supervisor(): Supervisor {
    return this.#master
  }

  /** The record as the living master may write it. */
  get rows(): Store {
    return this.#master.rows
  }

  get life(): Life {
    return this.#master.life
  }

  get processes(): ReadonlyMap<number, Process> {
    return this.kernel.processes
  }

  get signalled(): Kernel['signalled'] {
    return this.kernel.signalled
  }

  /** What must never happen, in words. */
  get faults(): string[] {
    return this.kernel.faults
  }

  at(at: number, act: () => void): void {
    this.kernel.at(at, act)
  }

  leaders(program?: string): Process[] {
    return this.kernel.leaders(program)
  }

  strike(pid: number, signal: string): void {
    this.kernel.strike(pid, signal)
  }

  /** Time goes on; everything happens at its moment. */
  advance(ms: number): void {
    const until = this.clock.time + ms
    this.settle()
    for (;;) {
      const next = Math.min(this.clock.earliest, this.kernel.nextHappening)
      if (next > until) break
      this.clock.time = Math.max(this.clock.time, next)
      this.kernel.happen()
      this.reap()
      this.clock.fireDue()
      this.settle()
    }
    this.clock.time = until
  }

  /** The master does not run for so long, then hears everything at once: alarms first, or deaths first. */
  stall(ms: number, alarmsFirst: boolean): void {
    const until = this.clock.time + ms
    for (let next = this.kernel.nextHappening; next <= until; next = this.kernel.nextHappening) {
      this.clock.time = Math.max(this.clock.time, next)
      this.kernel.happen()
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
      this.kernel.happen()
      this.reap()
      this.clock.fireDue()
      if (turn > 100_000) throw new Error('the supervisor never comes to rest')
    }
  }

  /** The master's reaper, or init when there is no master: one post a death, the others still zombies meanwhile. */
  reap(): void {
    this.kernel.reap(({ pid, code, signal }) => {
      if (this.life.over !== null) this.#unheard.set(pid, { code, signal })
      this.#master.post({ type: 'reaped', pid, code, signal })
    })
  }

  /** kill -9 of the master, between two turns. */
  crash(): void {
    this.life.end('at rest')
  }

  /** Another program takes the place of the master's, between two turns. */
  upgrade(): void {
    this.store.flush()
    this.life.end('by an upgrade')
  }

  /** The next master: reads the record, takes over what lives, then `begin`. It may be killed on the way. */
  succeed({
    begin,
    knockMs = () => 0,
    upgraded = false,
    exitsAreSeen = false,
    killIn,
    lostWith,
    taken = () => false,
  }: Succession = {}): void {
    if (this.life.over === null) throw new Error('a second master beside a living one')
    if (!upgraded) this.reap()
    const now = this.clock.time
    if (lostWith) this.kernel.endHooks()
    if (lostWith) this.kernel.dropOrphans() // nobody knows any more whose they were
    if (lostWith) this.store.replace(rebuild(this.kernel.survivors(), lostWith, { now, wall: this.clock.wall() }))
    if (!upgraded) this.#loseLocks(taken)
    const kept = this.store.kept()
    for (const program of singlesIn(kept)) this.locks.ours.add(program)
    const nobodyTells = { code: null, signal: null }
    const living = this.kernel.living((pid) => (exitsAreSeen ? this.#unheard.get(pid) : null) ?? nobodyTells)
    const restored = restorePrograms(kept, living, now)
    this.#adopted = new Set()
    this.#master = this.#newMaster()
    this.life.killIn = killIn ?? null
    this.#master.adopt(restored)
    this.life.run(() => begin?.(kept, restored))
    if (this.life.over === null) this.kernel.reconnect(knockMs)
  }

  #loseLocks(taken: (program: string) => boolean): void {
    const kept = this.store.kept()
    const lost = new Set([...singlesIn(kept)].filter((program) => this.locks.others.has(program) || taken(program)))
    if (lost.size === 0) return
    for (const program of lost) {
      this.kernel.evict(program)
      this.locks.take(program)
    }
    this.store.replace(leftToOthers(kept, lost))
  }

  #newMaster(): Master {
    const killed = (): void => {
      this.clock.forget()
      this.store.lose()
      this.locks.died(this.life.over === 'by an upgrade')
      this.kernel.disconnect()
      this.#checks.clear()
    }
    const master = new Master(new Life(killed), this.ports, this.store)
    this.#watchForCircles(master)
    master.watch((notice) => this.options.watch?.(notice))
    return master
  }

  #isOwed(): boolean {
    const next = Math.min(this.clock.earliest, this.kernel.nextHappening)
    return this.clock.soons.length > 0 || this.kernel.hasDead || next <= this.clock.time
  }

  /** A loop that goes round for ever would hang the test: changes without time going on are counted. */
  #watchForCircles(supervisor: Supervisor): void {
    let changes = 0
    let at = 0
    supervisor.watch(() => {
      changes = at === this.clock.time ? changes + 1 : 0
      at = this.clock.time
      if (changes > 100_000) throw new Error(`the supervisor goes round in circles at ${at} ms`)
    })
  }

  #launcher(): Ports['launcher'] {
    const { kernel } = this
    return {
      launch: (instance, token) => {
        const nature = this.options.nature(instance)
        if ('failed' in nature) return { reason: nature.failed, permanent: nature.permanent ?? false }
        const { program } = instance
        if (instance.spec.singleInstance && !this.locks.ours.has(program))
          kernel.faults.push(`${program} runs without the lock`)
        const { pid, start } = kernel.launch(instance, token, nature)
        this.launched.push([this.clock.time, `${instance.program}:${instance.slot}`, pid])
        this.clock.time += this.spawnMs
        return { pid, start }
      },
      launchHook: (instance, token) => {
        const nature = this.options.hook?.(instance) ?? { ends: { afterMs: 0, how: 0 } }
        if ('failed' in nature) return { reason: nature.failed, permanent: false }
        return kernel.launch(instance, token, nature, true)
      },
      adoptHook: () => undefined,
      check: (instance, pid) => {
        if (this.#checks.has(pid)) kernel.faults.push(`two checks of ${pid} at once`)
        if (kernel.processes.get(pid) === undefined) kernel.faults.push(`a check of ${pid}, which has been reaped`)
        const one = this.options.check?.(instance) ?? { afterMs: 0, finding: null }
        this.#checks.set(pid, one)
        kernel.at(this.clock.time + one.afterMs, () => {
          if (this.#checks.get(pid) !== one) return
          this.#checks.delete(pid)
          this.#master.post({ type: 'worker', pid, event: { type: 'checked', finding: one.finding } })
        })
      },
      endCheck: (pid) => void this.#checks.delete(pid),
      token: () => `token ${++this.#tokens}`,
      adopt: (_instance, { pid }) => {
        if (this.#adopted.has(pid)) kernel.faults.push(`${pid} was adopted twice`)
        this.#adopted.add(pid)
      },
      watch: (instance, pid) => {
        if (instance.state.at !== 'starting') kernel.faults.push(`${pid} is watched, and ${instance.state.at}`)
      },
      unwatch: () => undefined,
      ended: (pid) => {
        if (kernel.processes.get(pid)?.state === 'alive') kernel.faults.push(`${pid} is said to have ended, and lives`)
      },
    }
  }
}
