// The supervisor: one mailbox, one loop.
//
// Everything that happens (a child ended, a worker spoke, a client asked, a deadline passed) is a
// mail. The loop takes one at a time: the state table is asked, the next state stored, the effects
// carried out; their outcomes are mails again. When the mailbox is empty, the programs that changed
// are settled: counts are reconciled, operations asked whether they are done, forgotten instances
// dropped. Then a few owed processes are made (a spawn blocks for about 3 ms, and clients must be
// answered while hundreds start), and one alarm is set for the earliest deadline of all.
//
// Must not wait for anything, and must not touch the world but through its ports.

import { forgettable, nameOf, type Program, reconcile } from '../core/program.ts'
import type { Spec } from '../core/spec.ts'
import { deadlineOf, type Event, pidOf } from '../core/state.ts'
import { PhError } from '../errors.ts'
import { type Desk, deskOf } from './desk.ts'
import { type Address, type Entry, entryOf } from './entry.ts'
import { Instances } from './instances.ts'
import type { Ports, Watcher } from './ports.ts'
import type { End, Operation } from './queue.ts'
import { recycleOperation } from './rolling.ts'

const SPAWNS_A_TURN = 2

/** What the last beat of a worker's process told. */
export interface Counters {
  readonly requests: number
  readonly errors: number
}

export type Mail =
  /** The kernel says that a process has ended. `signal` with SIG. */
  | { readonly type: 'reaped'; readonly pid: number; readonly code: number | null; readonly signal: string | null }
  /** A worker's word about itself. */
  | { readonly type: 'worker'; readonly pid: number; readonly event: Event }
  | { readonly type: 'counters'; readonly pid: number; readonly counters: Counters }
  | { readonly type: 'recycle'; readonly pid: number; readonly why: string }
  /** Something asked by a method below while the loop was at work. */
  | { readonly type: 'call'; readonly act: () => void }

export class Supervisor {
  readonly #ports: Ports
  readonly #all: Instances
  readonly #counters = new Map<number, Counters>()
  /** Recycling that failed is not begun again before; monotonic ms by pid. */
  readonly #recycleHold = new Map<number, number>()
  readonly #desks = new WeakMap<Entry, Desk>()
  #mail: Mail[] = []
  #spawns: Address[] = []
  #busy = false
  #soon = false
  #cancelAlarm: (() => void) | null = null
  #stopped: (() => void)[] | null = null

  constructor(ports: Ports) {
    this.#ports = ports
    this.#all = new Instances(ports, {
      spawn: (at) => this.#spawns.push(at),
      recycle: (at, why) => this.#recycle(at, why),
    })
  }

  // what others may ask ---------------------------------------------------------------------------

  get programs(): ReadonlyMap<string, Program> {
    return this.#all.entries
  }

  get isStopping(): boolean {
    return this.#stopped !== null
  }

  counters(pid: number): Counters | null {
    return this.#counters.get(pid) ?? null
  }

  /** Called after each change. Returns what ends it. */
  watch(watcher: Watcher): () => void {
    this.#all.watchers.add(watcher)
    return () => this.#all.watchers.delete(watcher)
  }

  post(mail: Mail): void {
    this.#mail.push(mail)
    this.#turn()
  }

  /** Adds a program; its slots start when `wanted` is up. One that is still being dropped is kept after all. */
  add(spec: Spec, wanted: 'up' | 'down'): void {
    this.#call(() => {
      const known = this.#all.entries.get(spec.program)
      if (known) {
        this.#keep(known, spec, wanted)
        return
      }
      const entry = entryOf(spec, wanted)
      this.#all.entries.set(spec.program, entry)
      this.#all.touched.add(entry)
    })
  }

  /** Drops a program: its processes are stopped, then it is forgotten, and `gone` is called. */
  remove(program: string, gone: () => void): void {
    const entry = this.#known(program, 'remove')
    this.#call(() => {
      entry.queue.clear(this.#desk(entry), 'the program was dropped from the configuration')
      entry.removed = true
      entry.gone.push(gone)
      this.#all.touched.add(entry)
    })
  }

  /** Puts an operation in the program's queue; `done` is called when it has ended. */
  operate(program: string, operation: Operation, done: (end: End) => void): void {
    const entry = this.#known(program, operation.kind)
    if (this.#stopped && operation.kind !== 'wait') {
      throw new PhError('PH_STOPPING', `cannot ${operation.kind} "${program}": the master is shutting down`)
    }
    this.#call(() => {
      entry.queue.submit(this.#desk(entry), operation, done)
      this.#all.touched.add(entry)
    })
  }

  /** Acts on a program at once, outside its queue: signals, settings that need no new process. */
  atOnce(program: string, act: (desk: Desk) => void): void {
    const entry = this.#known(program, 'find')
    this.#call(() => act(this.#desk(entry)))
  }

  /** Stops everything, in parallel; `stopped` is called when nothing is left. */
  shutdown(stopped: () => void): void {
    this.#call(() => {
      if (this.#stopped) {
        this.#stopped.push(stopped)
        return
      }
      this.#stopped = [stopped]
      for (const entry of this.#all.entries.values()) {
        entry.queue.clear(this.#desk(entry), 'the master is shutting down')
        this.#all.tellAll(entry, { type: 'stop' })
      }
    })
  }

  /** SIGKILL to every process now. */
  killAll(): void {
    this.#call(() => {
      for (const entry of this.#all.entries.values()) this.#all.tellAll(entry, { type: 'kill' })
    })
  }

  // the loop --------------------------------------------------------------------------------------

  /** Runs at once where the loop is at rest, so that a refusal reaches its caller; else in its turn. */
  #call(act: () => void): void {
    if (this.#busy) {
      this.#mail.push({ type: 'call', act })
      return
    }
    this.#busy = true
    try {
      act()
    } finally {
      this.#busy = false
      this.#turn()
    }
  }

  #turn(): void {
    if (this.#busy) return
    this.#busy = true
    try {
      this.#quiesce()
      this.#pump()
      this.#quiesce()
    } finally {
      this.#busy = false
    }
    this.#arm()
    this.#goOn()
  }

  /** Until nothing more follows from what has happened so far. */
  #quiesce(): void {
    do {
      while (this.#mail.length > 0) {
        const batch = this.#mail
        this.#mail = []
        for (const mail of batch) this.#handle(mail)
      }
      this.#settle()
    } while (this.#mail.length > 0 || this.#all.touched.size > 0 || this.#passDeadlines())
  }

  #handle(mail: Mail): void {
    switch (mail.type) {
      case 'reaped':
        this.#counters.delete(mail.pid)
        this.#recycleHold.delete(mail.pid)
        this.#all.reaped(mail.pid, mail.code, mail.signal)
        break
      case 'worker': {
        const at = this.#all.addressOfPid(mail.pid)
        if (at) this.#all.tell(at, mail.event)
        break
      }
      case 'counters':
        if (this.#all.addressOfPid(mail.pid)) this.#counters.set(mail.pid, mail.counters)
        break
      case 'recycle': {
        const at = this.#all.addressOfPid(mail.pid)
        const held = this.#recycleHold.get(mail.pid) ?? 0
        if (at && held <= this.#ports.clock.now()) this.#recycle(at, mail.why)
        break
      }
      case 'call':
        mail.act()
        break
      default:
        mail satisfies never
    }
  }

  #settle(): void {
    const touched = [...this.#all.touched]
    this.#all.touched.clear()
    for (const entry of touched) {
      const desk = this.#desk(entry)
      if (!this.#stopped) desk.carryOut(reconcile(entry), 'count')
      for (const i of forgettable(entry)) this.#all.forget(entry, i)
      entry.queue.advance(desk)
      if (entry.removed && entry.instances.length === 0) {
        this.#all.entries.delete(entry.name)
        for (const gone of entry.gone.splice(0)) gone()
      }
    }
    if (
      this.#stopped &&
      [...this.#all.entries.values()].every((e) => e.instances.every((i) => i.state.at === 'stopped'))
    ) {
      for (const stopped of this.#stopped.splice(0)) stopped()
    }
  }

  #passDeadlines(): boolean {
    const now = this.#ports.clock.now()
    let any = false
    for (const entry of this.#all.entries.values()) {
      for (const i of [...entry.instances]) {
        const deadline = deadlineOf(i)
        if (deadline === null || deadline > now) continue
        any = true
        this.#all.tell(i, { type: 'deadline' })
      }
    }
    return any
  }

  /** Makes processes that are owed, a few a turn. */
  #pump(): void {
    for (let made = 0; made < SPAWNS_A_TURN; ) {
      const at = this.#spawns.shift()
      if (!at) return
      const i = this.#all.find(at)
      if (i?.state.at !== 'starting' || i.state.pid !== null) continue // not wanted any more
      made++
      const outcome = this.#ports.launcher.launch(i)
      if ('pid' in outcome) this.#all.spawned(at, outcome.pid)
      else this.#all.tell(at, { type: 'spawnFailed', ...outcome })
    }
  }

  /** What is still owed, or came to be owed by the outcome of the last spawn, is made in a turn soon. */
  #goOn(): void {
    if (this.#spawns.length === 0 || this.#soon) return
    this.#soon = true
    this.#ports.clock.soon(() => {
      this.#soon = false
      this.#turn()
    })
  }

  #arm(): void {
    this.#cancelAlarm?.()
    this.#cancelAlarm = null
    let earliest = Number.POSITIVE_INFINITY
    for (const entry of this.#all.entries.values()) {
      for (const i of entry.instances) earliest = Math.min(earliest, deadlineOf(i) ?? earliest)
    }
    if (earliest < Number.POSITIVE_INFINITY) {
      this.#cancelAlarm = this.#ports.clock.alarm(earliest, () => this.#turn())
    }
  }

  /** A program that was being dropped is wanted again: its slots go on with the new settings, and the removal is over. */
  #keep(entry: Entry, spec: Spec, wanted: 'up' | 'down'): void {
    const desk = this.#desk(entry)
    Object.assign(entry, { wanted, removed: false, desired: spec.workers })
    const generation = desk.nextGeneration(spec)
    const newest = entry.instances.filter((i, at) => entry.instances[at + 1]?.slot !== i.slot)
    for (const instance of newest) {
      if (wanted === 'up' && instance.slot < spec.workers) {
        desk.carryOut([{ do: 'renew', instance, generation }], 'update')
      } else this.#all.tell(instance, { type: 'stop' })
    }
    this.#all.touched.add(entry)
    for (const gone of entry.gone.splice(0)) gone()
  }

  // recycling -------------------------------------------------------------------------------------

  /** Queues the planned replacement of one slot, once. Its failure leaves the old process where it is. */
  #recycle(at: Address, why: string): void {
    const entry = this.#all.entries.get(at.program)
    const i = this.#all.find(at)
    if (!entry || !i || this.#stopped || i.wanted === 'down' || entry.queue.has('recycle', at.slot)) return
    const { clock, log } = this.#ports
    const operation = recycleOperation(at.slot)
    const pid = pidOf(i)
    entry.queue.submit(this.#desk(entry), operation, () => {
      const failed = operation.outcomes().find((o) => !o.ok)
      if (!failed) return
      const name = nameOf(at.program, at.slot)
      log.warn({ program: at.program, name, why, reason: failed.error }, 'recycling failed; the old process goes on')
      const until = clock.now() + Math.max(i.spec.backoffMaxMs, 1000)
      if (pid !== null) this.#recycleHold.set(pid, until)
      if (why === 'max_age')
        this.#mail.push({ type: 'call', act: () => this.#all.tell(at, { type: 'recycleLater', at: until }) })
    })
    log.info({ program: at.program, name: nameOf(at.program, at.slot), pid, why }, 'recycle')
    this.#all.touched.add(entry)
  }

  #known(program: string, verb: string): Entry {
    const entry = this.#all.entries.get(program)
    if (entry && !entry.removed) return entry
    throw new PhError('PH_NOT_FOUND', `cannot ${verb} "${program}": no such program`)
  }

  #desk(entry: Entry): Desk {
    const known = this.#desks.get(entry)
    if (known) return known
    const made = deskOf(entry, this.#all, this.#ports)
    this.#desks.set(entry, made)
    return made
  }
}
