// `run`: one run now of a program that ends by itself, whatever its schedule says, and how it ended.

import type { RunResult } from '../api/contract.ts'
import type { Instance } from '../core/state.ts'
import { pidOf } from '../core/state.ts'
import { PhError } from '../errors.ts'
import { isBusy, runOperation } from '../supervisor/runs.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Operator } from './operator.ts'
import { lastRunOf } from './status.ts'
import type { Waiting } from './submitting.ts'
import { notFound } from './targets.ts'

interface RunParts {
  readonly supervisor: Supervisor
  readonly operator: Operator
}

export async function runProgram(
  { supervisor, operator }: RunParts,
  { program, ...waiting }: { readonly program: string } & Waiting,
): Promise<RunResult> {
  const known = supervisor.programs.get(program)
  if (!known || known.removed) throw notFound(program, 'no such program', supervisor.programs)
  const { spec, instances } = known
  const refuse = (why: string): PhError => new PhError('PH_CONFLICT', `cannot run "${program}": ${why}`, { program })
  if (spec.autorestart !== 'never') {
    throw refuse(`it does not end by itself (autorestart = ${spec.autorestart}); start it instead`)
  }
  if (isBusy(known)) {
    const pids = instances.flatMap((i) => pidOf(i) ?? [])
    throw refuse(`a run is under way${pids.length === 0 ? '' : ` (pid ${pids.join(', ')})`}`)
  }
  if (instances.length === 0) throw refuse('no processes are wanted of it (number_workers = 0)')
  const slots = [...new Set(instances.map((i) => i.slot))]
  const ended: Instance[] = []
  const operation = runOperation(slots, (i) => ended.push(i))
  const done = await operator.submit([{ program, slots, operation }], waiting)
  return { ...done, run: lastRunOf(ended) }
}
