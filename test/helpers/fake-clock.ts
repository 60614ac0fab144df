// The clock of the fake world: it moves only when told, and what it owes fires only when told.

import type { Clock } from '../../src/core/ports.ts'
import { WALL } from './specs.ts'

export interface Alarm {
  readonly at: number
  readonly fire: () => void
}

/** `soon` and `alarm` fire only when the test says so. */
export class FakeClock implements Clock {
  time = 0
  /** The wall clock has been set forward by so much, in all. */
  set = 0
  /** Each look at the clock takes so long: time goes on while the supervisor works. */
  tick = 0
  readonly alarms = new Set<Alarm>()
  soons: (() => void)[] = []

  now(): number {
    this.time += this.tick
    return this.time
  }

  wall(): number {
    return WALL + this.time + this.set
  }

  alarm(at: number, fire: () => void): () => void {
    const alarm = { at, fire }
    this.alarms.add(alarm)
    return () => this.alarms.delete(alarm)
  }

  soon(fire: () => void): void {
    this.soons.push(fire)
  }

  /** Whoever it would have woken is dead. */
  forget(): void {
    this.alarms.clear()
    this.soons = []
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
