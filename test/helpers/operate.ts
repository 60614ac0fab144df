// Operations on a supervisor in tests, given as a caller of the socket gives them, and what became of them.

import { slotsOf } from '../../src/core/program.ts'
import type { Spec } from '../../src/core/spec.ts'
import { scaleOperation, startOperation, waitOperation } from '../../src/supervisor/operations.ts'
import type { Operation, Outcome } from '../../src/supervisor/queue.ts'
import { reloadOperation, updateOperation } from '../../src/supervisor/rolling.ts'
import { runOperation } from '../../src/supervisor/runs.ts'
import { stopOperation } from '../../src/supervisor/stopping.ts'
import type { Supervisor } from '../../src/supervisor/supervisor.ts'

export interface Asked {
  readonly program: string
  readonly operation: Operation
  /** When it was asked, by `moment`. */
  readonly askedAt: number
  /** When its turn came; null = not yet. */
  begunAt: number | null
  /** When it ended. */
  endedAt: number | null
  /** How often it has ended: once, and never more. */
  ends: number
  superseded: string | null
  readonly outcomes: readonly Outcome[]
  /** `0 ok RUNNING, 1 FATAL why` */
  readonly words: string
}

export function ask(
  supervisor: Supervisor,
  program: string,
  operation: Operation,
  moment: () => number = () => 0,
): Asked {
  const asked: Asked = {
    program,
    operation,
    askedAt: moment(),
    begunAt: null,
    endedAt: null,
    ends: 0,
    superseded: null,
    get outcomes() {
      return operation.outcomes()
    },
    get words() {
      return operation
        .outcomes()
        .map((o) => [o.slot, ...(o.ok ? ['ok'] : []), o.state, ...(o.error === undefined ? [] : [o.error])].join(' '))
        .join(', ')
    },
  }
  const { begin } = operation
  operation.begin = (desk) => {
    asked.begunAt = moment()
    begin.call(operation, desk)
  }
  supervisor.operate(program, operation, ({ superseded }) => {
    asked.ends++
    asked.endedAt = moment()
    asked.superseded = superseded
  })
  return asked
}

/** The verbs on slots (default: all there are at this moment). */
export function verbs(supervisor: Supervisor, program = 'web', moment?: () => number) {
  const all = (): number[] => {
    const known = supervisor.programs.get(program)
    return known ? slotsOf(known).map(({ slot }) => slot) : []
  }
  const give = (operation: Operation): Asked => ask(supervisor, program, operation, moment)
  return {
    start: (slots = all()) => give(startOperation('start', slots, slots.length === all().length)),
    restart: (slots = all()) => give(startOperation('restart', slots, slots.length === all().length)),
    stop: (slots = all()) => give(stopOperation(slots, slots.length === all().length)),
    reload: (slots = all(), byName = true) => give(reloadOperation(slots, byName, slots.length === all().length)),
    update: (spec: Spec, slots = all()) => give(updateOperation(spec, slots)),
    wait: (state: Parameters<typeof waitOperation>[1], slots = all()) => give(waitOperation(slots, state)),
    run: (slots = all()) => give(runOperation(slots, () => undefined)),
    scale: (to: number) =>
      give(
        scaleOperation(
          () => to,
          () => undefined,
        ),
      ),
  }
}
