// A master of the fake world that can be killed like a real one: at any of its doings in the world, in
// the middle of a turn. Then it does nothing any more. What runs on of its code (the `finally` of the turn in
// which it died) meets ports that only throw; whoever calls it from outside hears nothing.

import type { Spawned, SpawnFailure, Store } from '../../src/core/ports.ts'
import type { Spec } from '../../src/core/spec.ts'
import type { Restored } from '../../src/supervisor/adoption.ts'
import type { Desk } from '../../src/supervisor/desk.ts'
import type { Mail } from '../../src/supervisor/mail.ts'
import type { Ports } from '../../src/supervisor/ports.ts'
import type { End, Operation } from '../../src/supervisor/queue.ts'
import { Supervisor } from '../../src/supervisor/supervisor.ts'

/** Thrown by the ports of a dead master: it unwinds whatever it was doing. */
class Crash extends Error {}

/** From the start of a master to its kill. */
export class Life {
  /** Where it was killed; null = it lives. */
  over: string | null = null
  /** Killed at the n-th place from now, counted from 1; null = not yet. */
  killIn: number | null = null
  readonly #killed: () => void

  constructor(killed: () => void) {
    this.#killed = killed
  }

  end(where: string): void {
    if (this.over !== null) return
    this.over = where
    this.#killed()
  }

  /** Only the living may go on here. */
  check(): void {
    if (this.over !== null) throw new Crash()
  }

  /** A place between two doings. */
  place(where: string): void {
    this.check()
    if (this.killIn === null || --this.killIn > 0) return
    this.end(where)
    throw new Crash()
  }

  /** Calls it from outside: a dead one does nothing, one that dies of it does not come back. */
  run(act: () => void): void {
    if (this.over !== null) return
    try {
      act()
    } catch (e) {
      if (this.over === null) throw e // what a dead one still throws is heard by nobody
    }
  }
}

export class Master extends Supervisor {
  readonly life: Life
  /** The record as this master writes it. */
  readonly rows: Store

  constructor(life: Life, world: Ports, store: Store & { readonly hasPending: boolean }) {
    const ports = mortal(life, world, store)
    super(ports)
    this.life = life
    this.rows = ports.store
  }

  override post(mail: Mail): void {
    this.life.run(() => super.post(mail))
  }

  override add(spec: Spec, wanted: 'up' | 'down'): void {
    this.life.run(() => super.add(spec, wanted))
  }

  override adopt(restored: readonly Restored[]): void {
    this.life.run(() => super.adopt(restored))
  }

  override remove(program: string, gone: () => void): void {
    this.life.run(() => super.remove(program, gone))
  }

  override operate(program: string, operation: Operation, done: (end: End) => void): void {
    this.life.run(() => super.operate(program, operation, done))
  }

  override atOnce(program: string, act: (desk: Desk) => void): void {
    this.life.run(() => super.atOnce(program, act))
  }

  override shutdown(stopped: () => void): void {
    this.life.run(() => super.shutdown(stopped))
  }

  override killAll(): void {
    this.life.run(() => super.killAll())
  }
}

/** The ports as this master has them: each of its doings in the world stands between two places to die at. */
function mortal(life: Life, ports: Ports, store: Store & { readonly hasPending: boolean }): Ports {
  const living = <T>(act: () => T): T => {
    life.check()
    return act()
  }
  const between = <T>(what: string, act: () => T): T => {
    life.place(`before ${what}`)
    const outcome = act()
    life.place(`after ${what}`)
    return outcome
  }
  const flush = (): void => (store.hasPending ? between('a flush', () => store.flush()) : life.check())
  return {
    clock: {
      now: () => living(() => ports.clock.now()),
      wall: () => living(() => ports.clock.wall()),
      alarm: (at, fire) => living(() => ports.clock.alarm(at, () => life.run(fire))),
      soon: (fire) => living(() => ports.clock.soon(() => life.run(fire))),
    },
    launcher: {
      token: () => living(() => ports.launcher.token()),
      launch: (instance, token): Spawned | SpawnFailure => {
        living(flush)
        return between(`the birth of ${instance.program}:${instance.slot}`, () =>
          ports.launcher.launch(instance, token),
        )
      },
      launchHook: (instance, token): Spawned | SpawnFailure => {
        living(flush)
        return between(`the birth of a hook of ${instance.program}:${instance.slot}`, () =>
          ports.launcher.launchHook(instance, token),
        )
      },
      adoptHook: (process) => between('the adoption of a hook', () => ports.launcher.adoptHook(process)),
      check: (instance, pid) => living(() => ports.launcher.check(instance, pid)),
      endCheck: (pid) => living(() => ports.launcher.endCheck(pid)),
      adopt: (instance, process) => between('an adoption', () => ports.launcher.adopt(instance, process)),
      watch: (instance, pid) => living(() => ports.launcher.watch(instance, pid)),
      unwatch: (pid) => living(() => ports.launcher.unwatch(pid)),
      ended: (pid) => living(() => ports.launcher.ended(pid)),
    },
    listeners: { keep: (program, wanted) => living(() => ports.listeners.keep(program, wanted)) },
    single: {
      take: (spec) => between(`the lock of ${spec.program}`, () => ports.single.take(spec)),
      holds: (program) => living(() => ports.single.holds(program)),
      keep: (program, need, spec) =>
        between(`what ${program} needs of its lock`, () => ports.single.keep(program, need, spec)),
    },
    leases: ports.leases,
    signals: {
      send: (pid, signal, group) => between(`${signal} to ${pid}`, () => ports.signals.send(pid, signal, group)),
      oomKilled: () => null,
      hasLeft: (leader) => living(() => ports.signals.hasLeft(leader)),
    },
    store: { put: (kind, key, row) => living(() => store.put(kind, key, row)), flush },
    log: {
      info: (facts, text) => living(() => ports.log.info(facts, text)),
      warn: (facts, text) => living(() => ports.log.warn(facts, text)),
      error: (facts, text) => living(() => ports.log.error(facts, text)),
    },
    random: () => living(() => ports.random()),
    nextRun: (schedule, after) => living(() => ports.nextRun(schedule, after)),
  }
}
