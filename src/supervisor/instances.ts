// Every program and instance there is, found by program, by pid and by group. The one place that
// asks the state table and stores its answer. What follows from it in the world (signals, looks) waits
// until the turn has come to rest and all is written down: whatever kills us then, a next master knows it.

import { transition } from '../core/instance.ts'
import type { Spawned } from '../core/ports.ts'
import { nameOf, wordOf } from '../core/program.ts'
import type { KeptProcess } from '../core/record.ts'
import { type Effect, type Event, type Instance, leftGroupOf, pidOf } from '../core/state.ts'
import { type Address, addressOf, type Entry, insert, positionOf, sameAddress, siblingsOf } from './entry.ts'
import type { Notice, Ports, Watcher } from './ports.ts'
import { Recording } from './recording.ts'

/** Effects that are not carried out here: they belong to the supervisor's loop and queues. */
export interface Later {
  /** A process is owed to the instance. */
  spawn(at: Address): void
  recycle(at: Address, why: string): void
}

export class Instances {
  readonly entries = new Map<string, Entry>()
  /** Programs that changed since the supervisor last looked. */
  readonly touched = new Set<Entry>()
  readonly watchers = new Set<Watcher>()
  readonly #byPid = new Map<number, Address>()
  /** Groups whose leader has ended, by the instance that waits for their end. */
  readonly #groups = new Map<number, Address>()
  readonly recording: Recording
  readonly #ports: Ports
  readonly #later: Later
  #effects: { readonly of: Instance; readonly effect: Effect }[] = []

  constructor(ports: Ports, later: Later) {
    this.#ports = ports
    this.#later = later
    this.recording = new Recording(ports.store)
  }

  find(at: Address): Instance | null {
    const instances = this.entries.get(at.program)?.instances
    return instances?.[positionOf(instances, at)] ?? null
  }

  /** Nothing lives any more, of any program. */
  get allStopped(): boolean {
    return [...this.entries.values()].every((e) => e.instances.every((i) => i.state.at === 'stopped'))
  }

  addressOfPid(pid: number): Address | null {
    return this.#byPid.get(pid) ?? null
  }

  /** Something happens to an instance: ask the table, store, note what follows. */
  tell(at: Address, event: Event): void {
    const entry = this.entries.get(at.program)
    const before = this.find(at)
    if (!entry || !before) return
    const { clock, random } = this.#ports
    const step = transition(before, event, { now: clock.now(), wall: clock.wall(), random: random() })
    if (step.next !== before) this.#store(entry, before, step.next)
    for (const effect of step.effects) this.#effects.push({ of: step.next, effect })
  }

  /** The same to the instance of a process, if it is still one's. */
  tellPid(pid: number, event: Event): void {
    const at = this.#byPid.get(pid)
    if (at) this.tell(at, event)
  }

  /** At rest: all that has changed is written down, then what follows is done. False when nothing did. */
  carryOut(): boolean {
    this.recording.flush()
    const effects = this.#effects
    this.#effects = []
    for (const { of, effect } of effects) this.#carryOut(of, effect)
    return effects.length > 0
  }

  tellAll(entry: Entry, event: Event): void {
    for (const i of [...entry.instances]) this.tell(i, event)
  }

  tellEverybody(event: Event): void {
    for (const entry of this.entries.values()) this.tellAll(entry, event)
  }

  /** The process of the instance exists. */
  spawned(at: Address, { pid, start }: Spawned, token: string): void {
    this.#byPid.set(pid, at)
    this.recording.process(at, { token, pid, start })
    this.tell(at, { type: 'spawned', pid })
  }

  /** A process that an earlier master made for the instance, alive or not. */
  adopted(i: Instance, process: KeptProcess): void {
    const at = addressOf(i)
    const { pid } = process
    this.recording.process(at, process)
    if (leftGroupOf(i) === pid) {
      this.#groups.set(pid, at)
      this.look(pid)
    } else {
      this.#byPid.set(pid, at)
      if (pidOf(i) === null) this.tell(at, { type: 'spawned', pid })
      else if (startingPid(i) !== null) this.#watch(null, pid, i)
    }
  }

  /** The kernel says that a process has ended: one of ours, or an orphan that may have been the last of a group. */
  reaped(pid: number, code: number | null, signal: string | null): void {
    const at = this.#byPid.get(pid)
    if (at) {
      this.#byPid.delete(pid)
      const oom = signal === 'SIGKILL' ? this.#ports.signals.oomKilled(pid) : null
      const left = this.#ports.signals.hasLeft(pid)
      if (left) this.#groups.set(pid, at)
      else this.recording.process(at, null)
      this.tell(at, { type: 'exited', code, signal, left, oom })
    }
    this.lookAll()
  }

  lookAll(): void {
    for (const group of [...this.#groups.keys()]) this.look(group)
  }

  /** Is anything left of the group that an instance waits for? */
  look(group: number): void {
    const at = this.#groups.get(group)
    if (!at || this.#ports.signals.hasLeft(group)) return
    this.#groups.delete(group)
    this.recording.process(at, null)
    this.tell(at, { type: 'emptied' })
  }

  /** The instance goes on as another generation: its process and its group are found there. */
  renew(before: Instance, after: Instance): void {
    const entry = this.entries.get(before.program)
    if (!entry) return
    if (siblingsOf(entry.instances, before).length === 0) {
      entry.instances[positionOf(entry.instances, before)] = after
    } else {
      entry.instances.splice(positionOf(entry.instances, before), 1)
      insert(entry.instances, after) // it may be the newer one of the two now
    }
    this.touched.add(entry)
    this.recording.renewed(before, after)
    this.notice({ kind: 'instance', before, after })
    for (const index of [this.#byPid, this.#groups]) {
      for (const [pid, at] of index) if (sameAddress(at, before)) index.set(pid, addressOf(after))
    }
    if (after.state.at === 'starting' && after.state.pid === null) this.#later.spawn(addressOf(after))
  }

  forget(entry: Entry, i: Instance): void {
    entry.instances.splice(positionOf(entry.instances, i), 1)
    this.touched.add(entry)
    this.recording.forgotten(i)
    this.notice({ kind: 'instance', before: i, after: null })
  }

  /** Dropped from the configuration, and its last process has ended. */
  programGone({ name, gone }: Entry): void {
    this.entries.delete(name)
    this.recording.programGone(name)
    for (const told of gone.splice(0)) told()
  }

  #store(entry: Entry, before: Instance, after: Instance): void {
    entry.instances[positionOf(entry.instances, before)] = after
    this.touched.add(entry)
    this.recording.changed(after)
    if (wordOf(before) !== wordOf(after) || beginsToWait(before, after)) this.#log(before, after)
    const pid = pidOf(before)
    const starts = startingPid(after)
    if (startingPid(before) !== starts) this.#watch(startingPid(before), starts, after)
    if (pid !== null && pidOf(after) !== pid) this.#ports.launcher.ended(pid)
    entry.queue.changed(after)
    this.notice({ kind: 'instance', before, after })
  }

  /** What a start waits for is looked at for as long as it waits. */
  #watch(before: number | null, after: number | null, i: Instance): void {
    if (before !== null) this.#ports.launcher.unwatch(before)
    if (after !== null) this.#ports.launcher.watch(i, after)
  }

  notice(notice: Notice): void {
    for (const watcher of this.watchers) watcher(notice)
  }

  /** One line a transition, and only here. */
  #log(before: Instance, after: Instance): void {
    const facts = {
      program: after.program,
      name: nameOf(after.program, after.slot),
      pid: pidOf(after) ?? pidOf(before),
      from: wordOf(before),
      to: wordOf(after),
    }
    const exit = after.exit !== before.exit && after.exit ? { exit: after.exit.code ?? after.exit.signal } : {}
    const reason = after.reason ? { reason: after.reason } : {}
    this.#ports.log.info({ ...facts, ...exit, ...reason }, 'state')
  }

  #carryOut(i: Instance, effect: Effect): void {
    switch (effect.do) {
      case 'spawn':
        this.#later.spawn(addressOf(i))
        break
      case 'recycle':
        this.#later.recycle(addressOf(i), effect.why)
        break
      case 'look':
        this.look(effect.group)
        break
      case 'signal':
        this.#send(i, effect.pid, effect.signal, effect.group)
        this.#told(effect.pid)
        break
      default:
        effect satisfies never
    }
  }

  /** Signals that follow from the table are those that end a process. */
  #told(pid: number): void {
    const at = this.#byPid.get(pid)
    if (at) this.recording.told(at)
  }

  #send(i: Instance, pid: number, signal: string, group: boolean): void {
    try {
      this.#ports.signals.send(pid, signal, group)
    } catch (e) {
      // EPERM: the process is another user's now. Its state stands, and the log says why nothing happens.
      const name = nameOf(i.program, i.slot)
      this.#ports.log.error({ program: i.program, name, pid, signal, err: String(e) }, 'cannot signal')
    }
  }
}

/** It is STARTING as before; now it is known what for. */
const beginsToWait = (before: Instance, after: Instance): boolean =>
  after.state.at === 'waiting' && before.reason === null && after.reason !== null

const startingPid = ({ state }: Instance): number | null => (state.at === 'starting' ? state.pid : null)
