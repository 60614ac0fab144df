// Operations of several programs handed to the supervisor at once, and what is answered: when all have
// settled, when the time is over, or at once with how things stand.

import type { OperationResult, TargetResult } from '../api/contract.ts'
import type { Clock } from '../core/ports.ts'
import { nameOf, slotsOf, wordOf } from '../core/program.ts'
import { pidOf } from '../core/state.ts'
import { PhError } from '../errors.ts'
import type { Operation } from '../supervisor/queue.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'

export interface Waiting {
  /** Answer when all has settled; else at once, with how things stand. */
  readonly wait: boolean
  /** Seconds; undefined = no limit. */
  readonly timeout?: number | undefined
}

export interface Submitted {
  readonly program: string
  readonly slots: readonly number[]
  readonly operation: Operation
  /** Told when it has ended. */
  readonly ended?: () => void
}

/** Submits operations of several programs at once and waits for all of them. */
export function submit(
  supervisor: Supervisor,
  clock: Clock,
  all: readonly Submitted[],
  { wait, timeout }: Waiting,
): Promise<OperationResult> {
  return new Promise((resolve, reject) => {
    let open = all.length
    let superseded: string | null = null
    let over = false
    const finish = (): void => {
      if (over) return
      over = true
      cancel()
      const results = all.flatMap((one) => settled(one))
      const code = supervisor.isStopping ? 'PH_STOPPING' : 'PH_CONFLICT'
      if (superseded !== null) reject(new PhError(code, superseded, { results }))
      else resolve({ ok: results.every((r) => r.ok), results })
    }
    const cancel =
      timeout === undefined
        ? () => {}
        : clock.alarm(clock.now() + timeout * 1000, () => {
            over = true
            const results = all.flatMap((one) => [...settled(one), ...unsettled(one, supervisor)])
            const words = `not settled after ${timeout} s; the operation goes on`
            reject(new PhError('PH_TIMEOUT', words, { results }))
          })
    try {
      for (const one of all) {
        const { program, operation } = one
        supervisor.operate(program, operation, (end) => {
          if (end.superseded !== null) superseded = `cannot ${operation.kind} "${program}": ${end.superseded}`
          one.ended?.()
          if (--open === 0) finish()
        })
      }
    } catch (e) {
      cancel()
      over = true
      throw e
    }
    if (open === 0) finish()
    else if (!wait) {
      over = true
      cancel()
      const results = all.flatMap((one) => standing(one, supervisor))
      resolve({ ok: true, results })
    }
  })
}

function slotsIn(supervisor: Supervisor, program: string, slots: readonly number[]): ReturnType<typeof slotsOf> {
  const known = supervisor.programs.get(program)
  return known ? slotsOf(known).filter((s) => slots.includes(s.slot)) : []
}

function settled({ program, operation }: Submitted): TargetResult[] {
  return operation.outcomes().map(({ slot, ok, state, pid, error }) => {
    const base = { name: nameOf(program, slot), ok, state, pid }
    return error === undefined ? base : { ...base, error }
  })
}

function unsettled({ program, operation }: Submitted, supervisor: Supervisor): TargetResult[] {
  const known = new Set(operation.outcomes().map((o) => o.slot))
  return slotsIn(
    supervisor,
    program,
    operation.slots.filter((slot) => !known.has(slot)),
  ).map(({ slot, serving: i }) => ({
    name: nameOf(program, slot),
    ok: false,
    state: wordOf(i),
    pid: pidOf(i),
    error: i.reason ? `not settled yet: ${i.reason}` : 'not settled yet',
  }))
}

/** For those who do not wait: how things stand, nothing judged. */
export function standing({ program, operation }: Submitted, supervisor: Supervisor): TargetResult[] {
  return slotsIn(supervisor, program, operation.slots).map(({ slot, serving: i }) => ({
    name: nameOf(program, slot),
    ok: true,
    state: wordOf(i),
    pid: pidOf(i),
  }))
}
