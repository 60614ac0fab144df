// The configuration that is in force, and how a changed file takes its place: as one step on the
// server, checked whole before anything moves. An invalid file changes nothing.

import type { ConfigDiff, ConfigUpdated, Saved, Shown, TargetResult, UpdateResult } from '../api/contract.ts'
import type { Config, LoadOptions, Setting } from '../config/config.ts'
import { diffConfigs, formerConfig } from '../config/diff.ts'
import { afterSave, saveCount, specWithCount } from '../config/edit.ts'
import { loadConfig } from '../config/load.ts'
import { allNeedsOf, graphOf } from '../core/order.ts'
import type { Accounts, Store } from '../core/ports.ts'
import { slotsOf } from '../core/program.ts'
import type { Kept } from '../core/record.ts'
import { PhError } from '../errors.ts'
import { scaleOperation } from '../supervisor/operations.ts'
import { reloadOperation, updateOperation } from '../supervisor/rolling.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Operator } from './operator.ts'
import { inOrder } from './ordering.ts'
import { shownOf } from './shown.ts'
import type { Submitted } from './submitting.ts'
import { type Chosen, chooseTargets } from './targets.ts'

/** The one setting that an operation of its own carries out. */
const COUNT = 'number_workers'

export interface ConfigurationOptions {
  /** For a next master: the settings that are in force. */
  readonly store: Store
  readonly accounts: Accounts
  /** Told after a changed file took effect. */
  readonly updated: (facts: ConfigUpdated) => void
  /** What nobody waits for went wrong. */
  readonly failed: (e: unknown) => void
  /** Only these programs (`phd -s`). */
  readonly sections: readonly string[] | null
  readonly foreground: boolean
}

export class Configuration {
  #config: Config
  readonly #options: ConfigurationOptions
  readonly #supervisor: Supervisor
  readonly #operator: Operator

  constructor(config: Config, options: ConfigurationOptions, supervisor: Supervisor, operator: Operator) {
    this.#config = config
    this.#options = options
    this.#supervisor = supervisor
    this.#operator = operator
  }

  get current(): Config {
    return this.#config
  }

  /**
   * Every program of the file begins its life; those with autostart start. With the programs of an earlier master
   * taken over already, what has changed in the file since is an update of these.
   */
  begin(kept: Kept | null): void {
    const next = this.#config
    if (!kept) {
      this.#add([...next.programs.keys()])
      return
    }
    const former = formerConfig(next, kept)
    const diff = diffConfigs(former, next)
    for (const program of diff.unchanged) {
      const { spec, settings } = next.programs.get(program) ?? {}
      if (!spec || !settings) continue
      this.#note(program, settings)
      this.#supervisor.atOnce(program, (desk) => desk.setSpecLive(spec))
    }
    this.#apply(former, diff, false).catch((e: unknown) => this.#options.failed(e))
    // What the earlier one had stopped on its way out was not asked for by anybody.
    if (kept.master.get('state')?.stopping) this.#beginAgain()
  }

  #beginAgain(): void {
    for (const { spec } of this.#config.programs.values()) {
      const { program } = spec
      this.#supervisor.atOnce(program, (desk) => desk.setDesired(spec.workers))
      if (spec.autostart) this.#operator.start(program, { wait: false }).catch((e: unknown) => this.#options.failed(e))
    }
    // Over and done with: were this master killed, too, what is stopped by then was asked for.
    this.#options.store.put('master', 'state', null)
    this.#options.store.flush()
  }

  /**
   * The settings that are in force for a program, for a next master: noted in the same flush of the record as what
   * is done for them. A master that is killed before leaves the former ones, and the next one finds the change again.
   */
  #note(program: string, settings: readonly Setting[] | null): void {
    this.#options.store.put('settings', program, settings && { settings })
  }

  /** What changed in the file. Throws PH_CONFIG with every problem. */
  reread(): ConfigDiff {
    return diffConfigs(this.#config, this.#load())
  }

  /**
   * Makes what the file says so: new programs start, dropped ones stop and go, changed ones take
   * their settings over, by a rolling replacement where a setting needs a new process. A count set by
   * scale stands unless number_workers itself changed.
   */
  async update({ wait, dryRun }: { readonly wait: boolean; readonly dryRun: boolean }): Promise<UpdateResult> {
    const next = this.#load()
    const diff = diffConfigs(this.#config, next)
    if (dryRun) return { diff, ok: true, results: [] }
    const former = this.#config
    this.#config = next
    try {
      const { results, ok } = await this.#apply(former, diff, wait)
      return { diff, ok, results }
    } catch (e) {
      // Something took the place of the replacement; the new settings are in force all the same.
      if (!(e instanceof PhError) || e.code !== 'PH_CONFLICT') throw e
      return { diff, ok: false, results: (e.data.results ?? []) as TargetResult[] }
    }
  }

  /** HUP: an update, then a reload of every running program that the update did not already replace. */
  async hup(): Promise<UpdateResult> {
    const next = this.#load()
    const diff = diffConfigs(this.#config, next)
    const former = this.#config
    this.#config = next
    const untouched = new Set([
      ...diff.unchanged,
      ...diff.changed.filter((c) => c.effect === 'live').map((c) => c.program),
    ])
    const applied = this.#apply(former, diff, true)
    const all = inOrder(chooseAll(this.#supervisor), this.#supervisor.programs)
    const reloads = all.filter((c) => untouched.has(c.program))
    const reloaded = this.#operator.submit(
      reloads.map((c) => ({ program: c.program, slots: c.slots, operation: reloadOperation(c.slots, false, true) })),
      { wait: true },
    )
    const [one, two] = await Promise.all([applied, reloaded])
    return { diff, ok: one.ok && two.ok, results: [...one.results, ...two.results] }
  }

  /**
   * Writes a program's count into the file that holds its section, and takes it into what is in force:
   * a later update has nothing to undo. All in one synchronous step, so that two of them follow each
   * other. Throws, and has then changed nothing.
   */
  saveCount(program: string, count: number): Saved {
    const { config, ...saved } = saveCount(this.#config.file, program, count, this.#loadOptions())
    this.#config = afterSave(this.#config, config, program)
    this.#note(program, this.#config.programs.get(program)?.settings ?? null)
    // Its own spec, not the file's: an update that has not come to its turn is not anticipated.
    this.#supervisor.atOnce(program, (desk) => desk.setSpecLive(specWithCount(desk.program.spec, count)))
    return saved
  }

  /** The effective configuration of programs: every value with its origin, and what a process would get. */
  show(target: string | readonly string[], socket: string): readonly Shown[] {
    return chooseTargets(this.#supervisor.programs, target).flatMap(({ program, slots }) => {
      const configured = this.#config.programs.get(program)
      // One that is being dropped is named by no file any more.
      return configured ? [shownOf(configured, slots[0] ?? 0, socket, this.#options.accounts)] : []
    })
  }

  #load(): Config {
    return loadConfig(this.#config.file, this.#loadOptions())
  }

  #loadOptions(): LoadOptions {
    const { sections, foreground } = this.#options
    return { instance: this.#config.instance, foreground, ...(sections ? { sections } : {}) }
  }

  async #apply(former: Config, diff: ConfigDiff, wait: boolean): Promise<{ ok: boolean; results: TargetResult[] }> {
    const next = this.#config
    // With the counts of new programs: what follows tells of their slots, and of no slots nothing would.
    const desired = diff.added.map((program) => [program, next.programs.get(program)?.spec.workers ?? 0] as const)
    this.#options.updated({ ...diff, desired: Object.fromEntries(desired) })
    const operations: Submitted[] = []
    const removals = diff.removed.map((program) => this.#remove(program))
    for (const { program, keys, effect } of diff.changed) {
      const { spec, settings } = next.programs.get(program) ?? {}
      const known = this.#supervisor.programs.get(program)
      if (!spec || !settings || !known) continue
      const counts = keys.includes(COUNT)
      // The count has its own turn, behind the replacement: until then the former one is in force.
      const first = counts ? withCountOf(settings, former.programs.get(program)?.settings ?? []) : settings
      if (effect === 'live') {
        this.#note(program, first)
        this.#supervisor.atOnce(program, (desk) => desk.setSpecLive(spec))
      } else {
        const slots = slotsOf(known).map((s) => s.slot)
        operations.push({
          program,
          slots,
          operation: updateOperation(spec, slots, () => this.#note(program, first)),
        })
      }
      if (!counts) continue
      const count = (): number => {
        this.#note(program, settings)
        return spec.workers
      }
      operations.push({ program, slots: [], operation: scaleOperation(count, () => {}) })
    }
    const submitted = this.#operator.submit(operations, { wait })
    const starts: Promise<{ ok: boolean; results: readonly TargetResult[] }>[] = []
    const begun = this.#add(diff.added)
    if (begun.length > 0) starts.push(this.#operator.start(begun, { wait }))
    const parts = await Promise.all([submitted, ...starts])
    if (wait) await Promise.all(removals)
    return { ok: parts.every((p) => p.ok), results: parts.flatMap((p) => p.results) }
  }

  /** New programs: those with autostart start, and so do those of them that they need. Returns which do. */
  #add(names: readonly string[]): string[] {
    const graph = graphOf(this.#config.programs)
    const auto = names.filter((name) => this.#config.programs.get(name)?.spec.autostart)
    const up = new Set([...auto, ...allNeedsOf(auto, graph)])
    const added = names.flatMap((name) => this.#config.programs.get(name) ?? [])
    for (const { spec, settings } of added) this.#note(spec.program, settings)
    this.#supervisor.addAll(added.map(({ spec }) => ({ spec, wanted: up.has(spec.program) ? 'up' : 'down' })))
    return added.filter(({ spec }) => up.has(spec.program) && spec.workers > 0).map(({ spec }) => spec.program)
  }

  #remove(program: string): Promise<void> {
    this.#note(program, null)
    return new Promise((gone) => {
      if (this.#supervisor.programs.has(program)) this.#supervisor.remove(program, gone)
      else gone()
    })
  }
}

/** The new settings with the former count. */
const withCountOf = (settings: readonly Setting[], former: readonly Setting[]): readonly Setting[] => [
  ...settings.filter(({ key }) => key !== COUNT),
  ...former.filter(({ key }) => key === COUNT),
]

const chooseAll = (supervisor: Supervisor): Chosen[] => chooseTargets(supervisor.programs, 'all')
