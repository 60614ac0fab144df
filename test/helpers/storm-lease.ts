// Several hosts that want the same lease, in bad weather: clocks that differ in speed, messages that are lost, late or
// cut off on their way back, masters that are stopped, killed and come back, and a server that restarts. What runs
// here are the table and its driver; only clock, net, server, processes and the guard are made up. All times of the
// world are true ms; each clock has its own speed and its own beginning.

import { DRIFT, type Hold } from '../../src/core/lease-state.ts'
import type { Spec } from '../../src/core/spec.ts'
import { type Leases, leasesOf } from '../../src/supervisor/leases.ts'
import { type Dice, dice } from './dice.ts'
import { specOf } from './specs.ts'

/** How the guard and the kernel may be late with SIGKILL: less than MARGIN_MS. */
const LATE_MS = 900
const WEATHER_MS = 60_000
const SLOWEST_MS = 6_000

interface Outcome {
  readonly handovers: number
}

interface Fuse {
  readonly hold: Hold
  readonly killAt: number
  readonly fence: string
}

interface Due {
  readonly at: number
  readonly n: number
  readonly act: () => void
}

/** Plays one storm. Throws where two hosts run it at once, or nobody does in calm weather. */
export function playLeaseStorm(seed: number): Outcome {
  const d = dice(seed)
  const world = new World(d)
  world.run(WEATHER_MS)
  world.calm()
  return { handovers: world.begun.length }
}

class World {
  readonly d: Dice
  now = 0
  #n = 0
  #due: Due[] = []
  readonly server: Server
  readonly hosts: readonly Host[]
  /** Whose processes live. */
  readonly living = new Set<Host>()
  readonly begun: { readonly host: number; readonly fence: number }[] = []
  isCalm = false

  constructor(d: Dice) {
    this.d = d
    this.server = new Server(this, this.speed())
    const leaseMs = 1000 * (3 + d.below(9))
    const stopMs = d.below(leaseMs - 2_999)
    this.hosts = Array.from({ length: 2 + d.below(3) }, (_none, at) => new Host(this, at, leaseMs, stopMs))
    for (const host of this.hosts) host.boot()
    this.#shake()
  }

  /** Any two differ by DRIFT at most. */
  speed(): number {
    return 1 + (this.d.pick([-1, 1, (this.d.below(201) - 100) / 100]) * DRIFT) / 2
  }

  after(ms: number, act: () => void): Due {
    const due = { at: this.now + Math.max(0, ms), n: this.#n++, act }
    let at = this.#due.length
    while (at > 0 && (this.#due[at - 1] as Due).at > due.at) at--
    this.#due.splice(at, 0, due)
    return due
  }

  cancel(due: Due): void {
    const at = this.#due.indexOf(due)
    if (at >= 0) this.#due.splice(at, 1)
  }

  run(ms: number): void {
    const end = this.now + ms
    while ((this.#due[0]?.at ?? Number.POSITIVE_INFINITY) <= end) {
      const due = this.#due.shift() as Due
      this.now = due.at
      due.act()
    }
    this.now = end
  }

  begins(host: Host, fence: number): void {
    const other = [...this.living].find((one) => one !== host)
    if (other) throw new Error(`at ${this.now}: host ${host.id} begins while a process of host ${other.id} lives`)
    const last = this.begun.at(-1)
    if (last && last.host !== host.id && fence <= last.fence) throw new Error(`fence ${fence} after ${last.fence}`)
    this.begun.push({ host: host.id, fence })
    this.living.add(host)
  }

  /** From here on nothing goes wrong: one of them runs it soon, and goes on. */
  calm(): void {
    this.isCalm = true
    this.server.mend()
    for (const host of this.hosts) host.mend()
    this.run(SLOWEST_MS) // a late word of the storm may still renew what nobody holds
    // What hangs on an old lease goes with it; then somebody asks within a second, and is asked twice more.
    this.run(Math.max(...this.hosts.map(({ leaseMs }) => leaseMs)) * (1 + DRIFT) + 3_000)
    if (this.living.size !== 1) throw new Error(`${this.living.size} hosts run it in calm weather`)
    const before = this.begun.length
    this.run(30_000)
    if (this.begun.length !== before) throw new Error('it changes hands in calm weather')
    const [holder] = this.living
    holder?.leave()
    this.run(2_500)
    if (this.living.size !== 1 || this.living.has(holder as Host))
      throw new Error('an orderly stop hands over to nobody')
  }

  #shake(): void {
    if (this.isCalm) return
    const { d } = this
    const host = d.pick(this.hosts)
    d.pick([
      () => host.cutOff(d.below(15_000)),
      () => host.cutOff(d.below(3_000)),
      () => host.stopMaster(d.below(15_000)),
      () => host.killMaster(d.below(d.pick([300, 15_000]))),
      () => host.crash(),
      () => host.leave(),
      () => this.server.restart(d.below(4_000)),
    ])()
    this.after(d.below(8_000), () => this.#shake())
  }
}

class Server {
  readonly #world: World
  readonly #speed: number
  readonly #leases = new Map<number, { readonly ttl: number; expires: number }>()
  #key: { readonly lease: number; readonly revision: number; readonly by: string } | null = null
  #revision = 1
  #lastLease = 0
  #downUntil = 0

  constructor(world: World, speed: number) {
    this.#world = world
    this.#speed = speed
  }

  get #now(): number {
    return this.#world.now * this.#speed
  }

  get isDown(): boolean {
    return this.#world.now < this.#downUntil
  }

  restart(ms: number): void {
    this.#expire()
    this.#downUntil = this.#world.now + ms
    this.#world.after(ms, () => this.#isBack())
  }

  /** Leases live on: with their whole term again. */
  #isBack(): void {
    if (this.isDown || this.#downUntil === 0) return
    this.#downUntil = 0
    for (const one of this.#leases.values()) one.expires = this.#now + one.ttl
  }

  mend(): void {
    this.#downUntil = Math.min(this.#downUntil, this.#world.now)
    this.#isBack()
  }

  #expire(): void {
    if (this.isDown) return
    for (const [id, { expires }] of this.#leases) if (expires <= this.#now) this.revoke(id)
  }

  revoke(id: number): void {
    this.#leases.delete(id)
    if (this.#key?.lease === id) this.#key = null
  }

  free(): string | null {
    this.#expire()
    return this.#key?.by ?? null
  }

  grant(ttl: number): number {
    this.#expire()
    this.#leases.set(++this.#lastLease, { ttl, expires: this.#now + ttl })
    return this.#lastLease
  }

  /** The revision, or who has it. */
  create(lease: number, by: string): number | string {
    this.#expire()
    if (!this.#leases.has(lease)) return 'nobody: the lease has ended'
    if (this.#key) return this.#key.by
    this.#key = { lease, revision: ++this.#revision, by }
    return this.#revision
  }

  renew(id: number, fence: number): boolean {
    this.#expire()
    const one = this.#leases.get(id)
    if (one) one.expires = this.#now + one.ttl
    return one !== undefined && this.#key?.revision === fence
  }
}

class Host {
  readonly id: number
  readonly leaseMs: number
  readonly #world: World
  readonly #speed: number
  readonly #offset: number
  readonly #spec: Spec
  #leases: Leases | null = null
  /** Of which start of the master something is: a dead one hears nothing. */
  #life = 0
  #stopped = false
  #mailbox: (() => void)[] = []
  #cutUntil = 0
  #fuse: Fuse | null = null

  constructor(world: World, id: number, leaseMs: number, stopMs: number) {
    this.id = id
    this.#world = world
    this.leaseMs = leaseMs
    this.#speed = world.speed()
    this.#offset = world.d.below(1_000_000)
    const lease = { endpoints: ['etcd:2379'], key: 'web', ms: leaseMs }
    this.#spec = specOf({ singleInstance: true, lease, stopMs })
  }

  get #now(): number {
    return this.#world.now * this.#speed + this.#offset
  }

  get #runs(): boolean {
    return this.#world.living.has(this)
  }

  /** Something for the master to do: it hears of it when it runs, and not after its death. */
  #mail(life: number, act: () => void): void {
    if (life !== this.#life) return
    if (this.#stopped) this.#mailbox.push(() => this.#mail(life, act))
    else act()
  }

  boot(): void {
    const life = ++this.#life
    const world = this.#world
    const { d } = world
    const net = (ask: () => void): void => {
      if (!this.#lost()) world.after(this.#way(), () => this.#world.server.isDown || ask())
    }
    const back = (answer: () => void): void => {
      if (!this.#lost()) world.after(this.#way(), () => this.#mail(life, answer))
    }
    this.#leases = leasesOf({
      clock: {
        now: () => this.#now,
        alarm: (at, fire) => {
          const due = world.after((at - this.#now) / this.#speed + d.below(20), () => this.#mail(life, fire))
          return () => world.cancel(due)
        },
      },
      server: {
        ask: (_at, call, ms, answer) => {
          // As the transport does: it gives up, and says so.
          world.after(ms / this.#speed, () => this.#mail(life, () => answer({ type: 'failed', why: 'no answer' })))
          net(() => {
            switch (call.do) {
              case 'look': {
                const by = world.server.free()
                return back(() => answer(by === null ? { type: 'free' } : { type: 'taken', by }))
              }
              case 'grant': {
                const lease = String(world.server.grant(this.leaseMs))
                return back(() => answer({ type: 'granted', lease, ttlMs: this.leaseMs }))
              }
              case 'create': {
                const got = world.server.create(Number(call.lease), `host ${this.id}`)
                return back(() =>
                  answer(
                    typeof got === 'number' ? { type: 'created', fence: String(got) } : { type: 'taken', by: got },
                  ),
                )
              }
              case 'renew': {
                const lives = world.server.renew(Number(call.lease), Number(call.fence))
                return back(() => answer(lives ? { type: 'renewed' } : { type: 'gone', why: 'it has ended' }))
              }
              default:
                return call satisfies never
            }
          })
        },
        revoke: (_at, lease, done) => {
          net(() => world.server.revoke(Number(lease)))
          world.after(0, done)
        },
      },
      fuses: {
        arm: (_program, hold, { killAt }) => {
          if (!world.isCalm && d.chance(1)) throw new Error('ENOSPC')
          this.#fuse = { hold, killAt, fence: hold.fence }
          this.#guard(this.#fuse)
        },
        disarm: (_program, fence) => {
          if (this.#fuse?.fence === fence) this.#fuse = null
        },
        left: () => this.#fuse?.hold ?? null,
      },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      news: (_program, standing) => {
        if (standing === null) world.after(0, () => this.#mail(life, () => this.#start()))
        else this.#leases?.keep('web', this.#runs ? 'lock' : 'news', this.#spec)
      },
      lost: (_program, _why, now) => this.#end(now ? 0 : d.below(this.#spec.stopMs + 1)),
    })
    this.#leases.adopt(this.#spec)
    this.#start()
  }

  /** What the supervisor does where a process is owed. */
  #start(): void {
    const standing = this.#runs ? null : this.#leases?.take(this.#spec)
    if (standing === null && !this.#runs) this.#world.begins(this, Number(this.#leases?.fence('web')))
    this.#leases?.keep('web', standing === null || standing === 'asked' ? 'lock' : 'news', this.#spec)
  }

  /** All of its processes are gone after so long; the master hears of it, and would start one anew. */
  #end(ms: number): void {
    this.#world.after(ms, () => {
      if (!this.#runs) return
      this.#world.living.delete(this)
      // Whoever is its master by then; where there is none, the next one sees it.
      this.#mail(this.#life, () => this.#start())
    })
  }

  /** Sleeps, looks again, and kills where nothing has changed: whatever becomes of the master. */
  #guard(fuse: Fuse): void {
    const late = this.#world.isCalm ? 0 : this.#world.d.below(LATE_MS)
    this.#world.after((fuse.killAt - this.#now) / this.#speed + late, () => {
      if (this.#fuse === fuse) this.#end(0)
    })
  }

  // the weather ------------------------------------------------------------------------------------

  #lost(): boolean {
    const { now, isCalm, d } = this.#world
    return now < this.#cutUntil || (!isCalm && d.chance(5))
  }

  #way(): number {
    const { isCalm, d } = this.#world
    return isCalm ? 1 : d.chance(90) ? d.below(20) : d.below(SLOWEST_MS)
  }

  cutOff(ms: number): void {
    this.#cutUntil = this.#world.now + ms
  }

  stopMaster(ms: number): void {
    this.#stopped = true
    this.#world.after(ms, () => this.#goOn())
  }

  #goOn(): void {
    this.#stopped = false
    for (const act of this.#mailbox.splice(0)) act()
  }

  /** SIGKILL; another one comes after so long. */
  killMaster(ms: number): void {
    const life = ++this.#life
    this.#leases = null
    this.#mailbox = []
    this.#stopped = false
    this.#world.after(ms, () => {
      if (life === this.#life) this.boot()
    })
  }

  crash(): void {
    this.#end(0)
  }

  /** stop, and a start somewhat later. */
  leave(): void {
    const life = this.#life
    this.#mail(life, () => {
      this.#world.living.delete(this)
      this.#leases?.keep('web', null, this.#spec)
      this.#world.after(3_000, () => this.#mail(life, () => this.#start()))
    })
  }

  mend(): void {
    this.#cutUntil = 0
    this.#goOn()
    if (this.#leases === null) this.boot()
    else this.#start()
  }
}
