// Every program and instance there is, found by program, by pid and by group. The one place that
// asks the state table and stores its answer. What follows from it in the world (signals, looks) waits
// until the turn has come to rest and all is written down: whatever kills us then, a next master knows it.

import { transition } from '../core/instance.ts'
import type { Spawned } from '../core/ports.ts'
import { hookKey, instanceKey, type KeptProcess } from '../core/record.ts'
import { type Effect, type Event, type Instance, leftGroupOf, owedOf, pidOf } from '../core/state.ts'
import { logChange } from './change-log.ts'
import { carryOut, type EffectParts, type Later, send } from './effects.ts'
import { type Address, addressOf, type Entry, insert, positionOf, sameAddress, siblingsOf } from './entry.ts'
import { HookPids } from './hook-pids.ts'
import { Lookout } from './lookout.ts'
import type { Notice, Ports, Watcher } from './ports.ts'
import { Recording } from './recording.ts'

export class Instances {
  readonly entries = new Map<string, Entry>()
  /** Programs that changed since the supervisor last looked. */
  readonly touched = new Set<Entry>()
  readonly watchers = new Set<Watcher>()
  readonly #byPid = new Map<number, Address>()
  /** Groups whose leader has ended, by the instance that waits for their end. */
  readonly #groups = new Map<number, Address>()
  readonly #hooks: HookPids
  readonly recording: Recording
  readonly lookout = new Lookout()
  readonly #ports: Ports
  readonly #later: Later
  readonly #effectParts: EffectParts
  #effects: { readonly of: Instance; readonly effect: Effect }[] = []

  constructor(ports: Ports, later: Later) {
    this.#ports = ports
    this.#later = later
    this.recording = new Recording(ports.store)
    this.#hooks = new HookPids(ports)
    this.#effectParts = {
      ports,
      later,
      look: (group) => this.look(group),
      notice: (notice) => this.notice(notice),
      told: (pid) => this.#told(pid),
    }
  }

  find(at: Address): Instance | null {
    const instances = this.entries.get(at.program)?.instances
    return instances?.[positionOf(instances, at)] ?? null
  }

  /** Nothing lives any more, of any program. */
  get allStopped(): boolean {
    if (this.#hooks.byPid.size > 0) return false
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
    for (const { of, effect } of effects) carryOut(of, effect, this.#effectParts)
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
    this.recording.process(instanceKey(at), { token, pid, start })
    this.tell(at, { type: 'spawned', pid })
  }

  /** The hook of the instance runs. */
  hookSpawned(at: Address, { pid, start }: Spawned, token: string): void {
    this.#hooks.add(pid, at)
    this.recording.process(hookKey(at), { token, pid, start })
    this.tell(at, { type: 'hookSpawned', pid })
  }

  /** A hook that an earlier master made for the instance, alive or not; one that was given up is ended. */
  adoptedHook(i: Instance, process: KeptProcess): void {
    const at = addressOf(i)
    const { pid } = process
    this.recording.process(hookKey(at), process)
    if (this.#isLeft(i, pid)) return
    this.#hooks.add(pid, at)
    if (hookPidOf(i) === null) this.tell(at, { type: 'hookSpawned', pid })
    else if (hookPidOf(i) !== pid && pidOf(i) !== pid) send(this.#ports, i, pid, 'SIGKILL', true)
  }

  /** Only what it has left is waited for. */
  #isLeft(i: Instance, pid: number): boolean {
    if (leftGroupOf(i) !== pid) return false
    this.#groups.set(pid, addressOf(i))
    this.look(pid)
    return true
  }

  /** A process that an earlier master made for the instance, alive or not. */
  adopted(i: Instance, process: KeptProcess): void {
    const at = addressOf(i)
    const { pid } = process
    this.recording.process(instanceKey(at), process)
    if (this.#isLeft(i, pid)) return
    this.#byPid.set(pid, at)
    if (pidOf(i) === null) this.tell(at, { type: 'spawned', pid })
    else if (startingPid(i) !== null) this.#watch(null, pid, i)
  }

  /** The kernel says that a process has ended: one of ours, or an orphan that may have been the last of a group. */
  reaped(pid: number, code: number | null, signal: string | null): void {
    const hook = this.#hooks.ended(pid)
    const at = this.#byPid.get(pid) ?? hook?.at
    if (at) {
      this.#byPid.delete(pid)
      const i = this.find(at)
      const oom = signal === 'SIGKILL' ? this.#ports.signals.oomKilled(pid) : null
      const left = this.#ports.signals.hasLeft(pid)
      const isHook = hook !== null && (!i || pidOf(i) !== pid)
      const entry = this.entries.get(at.program)
      if (isHook && entry) this.touched.add(entry)
      if (left && isHook) this.#hooks.endLeft(pid)
      else if (left) this.#groups.set(pid, at)
      if (!left || isHook) this.recording.ended(at, pid)
      if (!isHook) this.tell(at, { type: 'exited', code, signal, left, oom })
      else if (i && hookPidOf(i) === pid) this.tell(at, { type: 'hookEnded', code, signal })
    }
    this.lookAll()
  }

  lookAll(): void {
    for (const group of [...this.#groups.keys()]) this.look(group)
    this.#hooks.lookAll()
  }

  /** Is anything left of the group that an instance waits for? */
  look(group: number): void {
    const at = this.#groups.get(group)
    if (!at || this.#ports.signals.hasLeft(group)) return
    this.#groups.delete(group)
    this.recording.ended(at, group)
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
    this.lookout.note(entry, before, after)
    this.notice({ kind: 'instance', before, after })
    const pid = pidOf(before)
    if (pid !== null && this.#byPid.has(pid)) this.#byPid.set(pid, addressOf(after))
    for (const index of [this.#groups, this.#hooks.byPid])
      for (const [of, at] of index) if (sameAddress(at, before)) index.set(of, addressOf(after))
    if (owedOf(after) !== null) this.#later.spawn(addressOf(after))
  }

  /** Not while a hook of it is ending: a next master finds that one by its instance. */
  forget(entry: Entry, i: Instance): void {
    if (this.#hooks.hasOneOf(i)) return
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
    if (!this.lookout.note(entry, before, after)) this.touched.add(entry)
    this.recording.changed(after)
    logChange(this.#ports.log, before, after)
    const pid = pidOf(before)
    if (startingPid(before) !== startingPid(after)) this.#watch(startingPid(before), startingPid(after), after)
    if (pid !== null && pidOf(after) !== pid) this.#ports.launcher.ended(pid)
    const asks = askedPid(before)
    if (asks !== null && askedPid(after) === null) this.#ports.launcher.endCheck(asks)
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

  /** Signals that follow from the table are those that end a process. */
  #told(pid: number): void {
    const at = this.#byPid.get(pid) ?? this.#hooks.byPid.get(pid)
    if (at) this.recording.told(at, pid)
  }
}

const startingPid = ({ state }: Instance): number | null => (state.at === 'starting' ? state.pid : null)
/** Whose check runs. */
const askedPid = ({ state }: Instance): number | null =>
  state.at === 'running' && state.check?.phase === 'asks' ? state.pid : null

/** null = its hook is owed still; undefined = it has none. */
const hookPidOf = ({ state }: Instance): number | null | undefined => ('hook' in state ? state.hook?.pid : undefined)
