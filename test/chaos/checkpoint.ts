// A quiet moment of a chaos run: nothing is asked, nobody is frozen, nobody prints, every program stands at its base.
// Then everything that must hold is looked at: what was wanted, who lives, each line of each log, and what the
// master holds. The run goes on when all of it is so.

import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { mentioning, zombiesOf } from '../helpers/proc.ts'
import { until, within } from '../helpers/scene.ts'
import type { Acting } from './acting.ts'
import { disagreement } from './agreement.ts'
import { tokensOf } from './census.ts'
import { growthOf, type Sample } from './growth.ts'
import { holdings, holdingsFault, leftBehind, recordFault } from './holdings.ts'
import { DEADLINE_MS } from './phd.ts'
import { roles } from './roles.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

export class Checkpoint {
  readonly #world: World
  readonly #acting: Acting
  readonly #samples: Sample[] = []

  constructor(world: World, acting: Acting) {
    this.#world = world
    this.#acting = acting
  }

  get growth(): ReturnType<typeof growthOf> {
    return growthOf(this.#samples)
  }

  async hold(): Promise<void> {
    const pause = path.join(this.#world.dir, 'pause')
    await this.#answered()
    await this.#settles('what was asked is so', async () => this.#world.wants.compare(await this.#status()))
    writeFileSync(pause, '')
    await this.#backToBase()
    await this.#settles('status and /proc agree', () => this.#disagreement())
    this.#world.behind.clear()
    await this.#settles('nobody prints', () => this.#printing())
    await this.#world.phd.call('reopen', {})
    await this.#compressed()
    await this.#settles('every line is there', () => this.#lines())
    await this.#settles('the master holds what it needs', () => this.#held())
    rmSync(pause)
  }

  /** The last one: an orderly end, of which nothing is left. */
  async finish(): Promise<void> {
    const { dir, phd, watch } = this.#world
    await sleep(500) // so that there is something in the pipes
    watch.end()
    await phd.shutdown()
    const { faults, late } = this.#world.logs.check(new Set())
    const fault = [...faults, ...late][0]
    if (fault) throw new Violation(`after the end: ${fault.kind}: ${fault.text}`)
    const left = mentioning(dir)
    if (left.length > 0) throw new Violation(`after the end processes are left: ${left.join(', ')}`)
    const files = leftBehind(dir)
    if (files.length > 0) throw new Violation(`after the end files are left: ${files.join(', ')}`)
  }

  #answered(): Promise<void> {
    return within('the answers to all that was asked', this.#acting.quiet(), 2 * DEADLINE_MS)
  }

  async #status() {
    return (await this.#world.phd.call('status', {})) ?? []
  }

  async #backToBase(): Promise<void> {
    const { wants, behind } = this.#world
    for (const { name, base } of roles) {
      if (!wants.is(name, ({ up, desired }) => up && desired > 0)) await this.#acting.start(name)
      if (!wants.is(name, ({ desired }) => desired === base)) await this.#acting.scale(name, base)
      if (behind.has(name)) await this.#acting.restart(name)
    }
    await this.#answered()
  }

  async #disagreement(): Promise<string | null> {
    return disagreement({
      programs: await this.#status(),
      seen: this.#world.watch.look(),
      desired: new Map(roles.map(({ name, base }) => [name, base])),
      marks: new Map([...this.#world.settings].map(([name, { mark }]) => [name, mark])),
    })
  }

  #printing(): string | null {
    const living = tokensOf(this.#world.watch.look())
    const said = new Map(this.#world.logs.said().map((one) => [one.token, one]))
    const busy = [...living].filter((token) => !said.get(token)?.paused)
    return busy.length === 0 ? null : `${busy.map((token) => said.get(token)?.name ?? token).join(', ')} did not pause`
  }

  /** No archive is being compressed. */
  async #compressed(): Promise<void> {
    const { logs } = this.#world
    let before = ''
    await until('the end of compression', async () => {
      const shape = logs.shape()
      const same = shape === before
      before = shape
      if (!same) await sleep(250)
      return same
    })
  }

  #lines(): string | null {
    const living = tokensOf(this.#world.watch.look())
    const { faults, late } = this.#world.logs.check(living)
    const fault = faults[0]
    if (fault)
      throw new Violation(`${fault.kind}: ${fault.text}${faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''}`)
    return late[0] ? `${late[0].kind}: ${late[0].text}` : null
  }

  #held(): string | null {
    const { dir, phd } = this.#world
    const seen = this.#world.watch.look()
    const zombies = zombiesOf(phd.pid)
    if (zombies.length > 0) return `zombies of the master: ${zombies.join(', ')}`
    const has = holdings(dir, phd.pid)
    const leaders = new Set(this.#world.logs.said().map(({ pid }) => pid))
    const first = seen.filter(({ pid }) => leaders.has(pid))
    const fault = holdingsFault(dir, has, first, phd.pid) ?? recordFault(dir)
    if (fault !== null) return fault
    this.#samples.push({ master: phd.generation, descriptors: has.other.length, residentBytes: has.residentBytes })
    const { fault: grown } = this.growth
    if (grown !== null) throw new Violation(`the master has grown: ${grown}: ${has.other.join(', ')}`)
    return null
  }

  /** Looks again until it is null; with a deadline. */
  async #settles(what: string, look: () => string | null | Promise<string | null>): Promise<void> {
    let last: string | null = null
    const looked = async (): Promise<boolean> => {
      last = await look()
      return last === null
    }
    const settled = until(what, looked, DEADLINE_MS)
    await settled.catch((e: unknown) => {
      throw e instanceof Violation ? e : new Violation(`not so within ${DEADLINE_MS} ms: ${what}: ${last ?? String(e)}`)
    })
  }
}
