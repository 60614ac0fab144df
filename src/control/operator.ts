// What can be asked of the master, whoever asks: a method of the socket or a signal. Turns targets
// into operations of the supervisor and waits, by subscription, until they have settled.

import type { OperationResult, ProcessState, ScaleResult, TargetResult } from '../api/contract.ts'
import type { Clock } from '../core/ports.ts'
import { nameOf, slotsOf, wordOf } from '../core/program.ts'
import type { Count } from '../core/record.ts'
import { pidOf } from '../core/state.ts'
import { PhError } from '../errors.ts'
import { scaleOperation, startOperation, waitOperation } from '../supervisor/operations.ts'
import type { Operation } from '../supervisor/queue.ts'
import { reloadOperation } from '../supervisor/rolling.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import { inOrder, stopsInOrder, withDependents, withNeeds } from './ordering.ts'
import { type Submitted, standing, submit, type Waiting } from './submitting.ts'
import { type Chosen, chooseTargets, notFound } from './targets.ts'

type Target = string | readonly string[]

export class Operator {
  readonly #supervisor: Supervisor
  readonly #clock: Clock

  constructor(supervisor: Supervisor, clock: Clock) {
    this.#supervisor = supervisor
    this.#clock = clock
  }

  /** What it depends on is started, too. */
  start(target: Target, waiting: Waiting): Promise<OperationResult> {
    const { programs } = this.#supervisor
    const starts = withNeeds(chooseTargets(programs, target), programs)
    return this.submit(
      starts.map((c) => ({ ...c, operation: startOperation('start', c.slots, c.asProgram) })),
      waiting,
    )
  }

  restart(target: Target, waiting: Waiting): Promise<OperationResult> {
    return this.#each(target, waiting, (c) => startOperation('restart', c.slots, c.asProgram))
  }

  /** In reverse order of dependency. What depends on it and was not named goes on, and the answer says so. */
  async stop(target: Target, waiting: Waiting): Promise<OperationResult> {
    const chosen = chooseTargets(this.#supervisor.programs, target)
    const { ok, results } = await this.submit(stopsInOrder(chosen, this.#supervisor), waiting)
    return { ok, results: withDependents(results, chosen, this.#supervisor.programs) }
  }

  /** STOPPED or EXITED by name is PH_CONFLICT, and then nothing is done for any; under a glob or `all` it is skipped. */
  reload(target: Target, waiting: Waiting): Promise<OperationResult> {
    const chosen = chooseTargets(this.#supervisor.programs, target)
    for (const { program, slots } of chosen.filter((c) => c.byName)) {
      const serving = this.#slots(program, slots).map((s) => s.serving)
      const rests = serving.filter((i) => i.state.at === 'stopped' || i.state.at === 'exited')
      if (rests.length < serving.length || serving.length === 0) continue
      const word = wordOf(rests[0] ?? (serving[0] as (typeof serving)[number]))
      throw new PhError('PH_CONFLICT', `cannot reload "${program}": it is ${word}; start it instead`, { program })
    }
    return this.submit(
      inOrder(chosen, this.#supervisor.programs).map((c) => ({
        program: c.program,
        slots: c.slots,
        operation: reloadOperation(c.slots, c.byName, c.asProgram),
      })),
      waiting,
    )
  }

  /** `left` is given what to call when the caller goes away. */
  wait(
    target: Target,
    state: ProcessState,
    timeout: number | undefined,
    left: (gone: () => void) => () => void,
  ): Promise<OperationResult> {
    const waits = chooseTargets(this.#supervisor.programs, target).map((c) => ({
      program: c.program,
      slots: c.slots,
      operation: waitOperation(c.slots, state),
    }))
    const forget = (): void => {
      for (const { program, operation } of waits) this.#supervisor.forget(program, operation)
    }
    const stays = left(forget)
    return this.submit(waits, { wait: true, timeout }).finally(() => {
      stays()
      forget()
    })
  }

  /**
   * `count` is asked when the operation's turn has come; what it throws goes to the caller, and nothing
   * is scaled. `sure`: that moment is waited for also by who does not wait for the processes. `as`: for a next master.
   */
  async scale(
    program: string,
    count: (from: number) => number,
    waiting: Waiting,
    { sure = false, as = null }: { readonly sure?: boolean; readonly as?: Count | null } = {},
  ): Promise<ScaleResult> {
    const known = this.#supervisor.programs.get(program)
    if (!known || known.removed) throw notFound(program, 'no such program', this.#supervisor.programs)
    if (known.spec.schedule)
      throw new PhError('PH_CONFLICT', `cannot scale "${program}": it runs by schedule, in one process`)
    let from = known.desired
    let to = waiting.wait || sure ? known.desired : count(known.desired)
    let down = false
    const refusals: unknown[] = []
    const ask = (was: number): number => {
      try {
        return count(was)
      } catch (e) {
        // Not into the loop that gives the operation its turn: that is nobody's who could answer for it.
        refusals.push(e)
        return was
      }
    }
    let turn = (): void => {}
    const begun = new Promise<void>((resolve) => {
      turn = resolve
    })
    const began = (was: number, is: number, stays: boolean): void => {
      ;[from, to, down] = [was, is, stays]
      turn()
    }
    const operation = scaleOperation(ask, began, as)
    const submitted = { program, slots: [], operation }
    const done = this.submit([submitted], { ...waiting, wait: waiting.wait || sure })
    const early = begun.then(() => ({ ok: true, results: standing(submitted, this.#supervisor) }))
    const { ok, results } = await (waiting.wait || !sure ? done : Promise.race([done, early]))
    if (refusals.length > 0) throw refusals[0]
    const note = down ? { note: `"${program}" is stopped: the new processes stay down until it is started` } : {}
    return { ok, program, from, to, results, ...note }
  }

  /** Sends a signal to processes that run. PH_CONFLICT when none of them has a process. */
  signal(target: Target, signal: string): OperationResult {
    const results: TargetResult[] = []
    for (const { program, slots } of chooseTargets(this.#supervisor.programs, target)) {
      this.#supervisor.atOnce(program, (desk) => {
        for (const { slot, serving: i } of slotsOf(desk.program).filter((s) => slots.includes(s.slot))) {
          const base = { name: nameOf(program, slot), state: wordOf(i), pid: pidOf(i) }
          try {
            const sent = desk.signal(i, signal)
            results.push(sent ? { ...base, ok: true } : { ...base, ok: false, error: 'has no process' })
          } catch (e) {
            results.push({ ...base, ok: false, error: `cannot be signalled: ${String(e)}` })
          }
        }
      })
    }
    if (results.length > 0 && results.every((r) => r.pid === null)) {
      throw new PhError('PH_CONFLICT', `cannot send ${signal}: no process runs there`, { results })
    }
    return { ok: results.every((r) => r.ok), results }
  }

  /** Submits operations of several programs at once and waits for all of them. */
  submit(all: readonly Submitted[], waiting: Waiting): Promise<OperationResult> {
    return submit(this.#supervisor, this.#clock, all, waiting)
  }

  #each(target: Target, waiting: Waiting, make: (c: Chosen) => Operation): Promise<OperationResult> {
    const chosen = chooseTargets(this.#supervisor.programs, target)
    return this.submit(
      chosen.map((c) => ({ program: c.program, slots: c.slots, operation: make(c) })),
      waiting,
    )
  }

  #slots(program: string, slots: readonly number[]): ReturnType<typeof slotsOf> {
    const known = this.#supervisor.programs.get(program)
    return known ? slotsOf(known).filter((s) => slots.includes(s.slot)) : []
  }
}
