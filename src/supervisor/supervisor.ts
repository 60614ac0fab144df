// The supervisor: one mailbox, one loop.
//
// Everything that happens (a child ended, a worker spoke, a client asked, a deadline passed) is a mail. The loop
// takes one at a time: the state table is asked, the next state stored. When the mailbox is empty, the programs
// that changed are settled: counts are reconciled, operations asked whether they are done, forgotten instances
// dropped. Then all that changed is written down, and the effects are carried out; their outcomes are mails again.
// Then a few owed processes are made, and one alarm is set for the earliest deadline of all. It must not wait for
// anything, and must not touch the world but through its ports.

import type { Program } from '../core/program.ts'
import type { Spec } from '../core/spec.ts'
import { PhError } from '../errors.ts'
import type { Counters } from '../worker/protocol.ts'
import { type Heir, type Restored, takeOver } from './adoption.ts'
import { Deadlines } from './deadlines.ts'
import type { Desk } from './desk.ts'
import type { Entry } from './entry.ts'
import { Instances } from './instances.ts'
import type { Mail } from './mail.ts'
import { tellDependents } from './ordering.ts'
import { addProgram, deskOf } from './orders.ts'
import type { Ports, Watcher } from './ports.ts'
import type { End, Operation } from './queue.ts'
import { Recycling, type RecyclingParts } from './recycling.ts'
import { settle } from './settling.ts'
import { Shutdown } from './shutdown.ts'
import { Spawns } from './spawns.ts'

export class Supervisor {
  readonly #ports: Ports
  readonly #all: Instances
  readonly #spawns: Spawns
  readonly #deadlines: Deadlines
  readonly #recycling: Recycling
  readonly #shutdown: Shutdown
  /** What those need who act on programs in the loop's stead. */
  readonly #parts: RecyclingParts & Heir
  readonly #counters = new Map<number, Counters>()
  readonly #desks = new WeakMap<Entry, Desk>()
  readonly #mail: Mail[] = []
  #busy = false

  constructor(ports: Ports) {
    this.#ports = ports
    this.#all = new Instances(ports, {
      spawn: (at) => this.#spawns.owe(at),
      recycle: (at, why) => void (this.isStopping || this.#recycling.begin(at, why)),
      check: (at) => this.#spawns.checks.owe(at),
    })
    this.#parts = {
      all: this.#all,
      ports,
      owe: (at) => this.#spawns.owe(at),
      deskOf: (entry) => this.#desk(entry),
      call: (act) => this.#mail.push({ type: 'call', act }),
    }
    this.#spawns = new Spawns(this.#all, ports, () => this.#turn())
    this.#deadlines = new Deadlines(this.#all, ports, () => this.#turn())
    this.#recycling = new Recycling(this.#parts)
    this.#shutdown = new Shutdown(this.#parts)
  }

  // what others may ask ---------------------------------------------------------------------------

  get programs(): ReadonlyMap<string, Program> {
    return this.#all.entries
  }

  get isStopping(): boolean {
    return this.#shutdown.isOn
  }

  counters(pid: number): Counters | null {
    return this.#counters.get(pid) ?? null
  }

  /** Called after each change. Returns what ends it. */
  watch(watcher: Watcher): () => void {
    this.#all.watchers.add(watcher)
    return () => this.#all.watchers.delete(watcher)
  }

  post(...mails: readonly Mail[]): void {
    this.#mail.push(...mails)
    this.#turn()
  }

  /** Adds a program; its slots start when `wanted` is up. One that is still being dropped is kept after all. */
  add(spec: Spec, wanted: 'up' | 'down'): void {
    this.addAll([{ spec, wanted }])
  }

  /** The same for many that may depend on each other: nothing of them starts before all are known. */
  addAll(programs: readonly { readonly spec: Spec; readonly wanted: 'up' | 'down' }[]): void {
    this.#call(() => {
      for (const { spec, wanted } of programs) addProgram(this.#parts, spec, wanted)
    })
  }

  /** Goes on where an earlier master was stopped in the middle: before anything else is asked. */
  adopt(restored: readonly Restored[]): void {
    this.#call(() => takeOver(restored, this.#parts))
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
    if (this.isStopping && operation.kind !== 'wait') {
      throw new PhError('PH_STOPPING', `cannot ${operation.kind} "${program}": the master is shutting down`)
    }
    this.#call(() => {
      entry.queue.submit(this.#desk(entry), operation, done)
      this.#all.touched.add(entry)
    })
  }

  /** Nobody waits for this `wait` any more. */
  forget(program: string, operation: Operation): void {
    this.#all.entries.get(program)?.queue.forget(operation)
  }

  /** Acts on a program at once, outside its queue: signals, settings that need no new process. */
  atOnce(program: string, act: (desk: Desk) => void): void {
    const entry = this.#known(program, 'find')
    this.#call(() => act(this.#desk(entry)))
  }

  /** Stops everything, in reverse order of dependency; `stopped` is called when nothing is left. */
  shutdown(stopped: () => void): void {
    this.#call(() => this.#shutdown.begin(stopped))
  }

  /** SIGKILL to every process now. */
  killAll(): void {
    this.#call(() => this.#all.tellEverybody({ type: 'kill' }))
  }

  // the loop --------------------------------------------------------------------------------------

  /** Runs at once where the loop is at rest, so that a refusal reaches its caller; else in its turn. */
  #call(act: () => void): void {
    if (this.#busy) {
      this.#parts.call(act)
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
      this.#spawns.make()
      this.#quiesce()
    } finally {
      this.#busy = false
    }
    this.#deadlines.arm()
    // A deadline that passed in the last moment owes a process, too.
    this.#spawns.goOn()
  }

  /** Until nothing more follows from what has happened so far. */
  #quiesce(): void {
    do {
      do {
        while (this.#mail.length > 0) for (const mail of this.#mail.splice(0)) this.#handle(mail)
        this.#settle()
      } while (
        this.#mail.length > 0 ||
        this.#all.touched.size > 0 ||
        this.#all.lookout.routine.size > 0 ||
        this.#deadlines.pass()
      )
    } while (this.#all.carryOut())
  }

  #handle(mail: Mail): void {
    switch (mail.type) {
      case 'reaped':
        this.#recycling.forget(mail.pid)
        this.#all.reaped(mail.pid, mail.code, mail.signal)
        this.#counters.delete(mail.pid) // who watches may have wanted the last of them
        break
      case 'look':
        this.#all.lookAll()
        break
      case 'worker':
        this.#all.tellPid(mail.pid, mail.event)
        break
      case 'counters':
        if (this.#all.addressOfPid(mail.pid)) this.#counters.set(mail.pid, mail.counters)
        break
      case 'recycle':
        if (!this.isStopping) this.#recycling.asked(mail.pid, mail.why)
        break
      case 'call':
        mail.act()
        break
      default:
        mail satisfies never
    }
  }

  #settle(): void {
    settle(this.#parts, this.#deadlines, this.isStopping)
    if (this.isStopping) this.#shutdown.advance()
    else tellDependents(this.#all)
  }

  #known(program: string, verb: string): Entry {
    const entry = this.#all.entries.get(program)
    if (entry && !entry.removed) return entry
    throw new PhError('PH_NOT_FOUND', `cannot ${verb} "${program}": no such program`)
  }

  #desk(entry: Entry): Desk {
    const desk = this.#desks.get(entry) ?? deskOf(entry, this.#all, this.#ports)
    this.#desks.set(entry, desk)
    return desk
  }
}
