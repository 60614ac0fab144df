// A failure in words, with what may help, and the exit status that the table of errors gives to it.

import type { Problem } from '../src/api/contract.ts'
import { codes, messageOf, PhError } from '../src/errors.ts'
import { clean } from './format.ts'
import type { Out } from './output.ts'
import { resultLines, resultsIn } from './results.ts'

export async function explain(e: unknown, out: Out): Promise<number> {
  const known = e instanceof PhError ? e : new PhError('PH_INTERNAL', `cannot go on: ${messageOf(e)}`, {}, { cause: e })
  const reached = resultsIn(known.data)
  // What an operation that timed out has reached is its result; under --json it is in the error.
  if (reached.length > 0 && !out.json) out.result(null, () => resultLines(reached, out.paint).join('\n'))
  out.failure(known)
  if (known.code === 'PH_CONFIG') await listProblems(known, out)
  if (known.code === 'PH_NOT_FOUND') listKnown(known.data.known, out)
  return codes[known.code].exit
}

/** The findings of a master that refused its configuration, unless its message has them already. */
async function listProblems(e: PhError, out: Out): Promise<void> {
  if (!Array.isArray(e.data.problems)) return
  const { formatProblem } = await import('../src/config/load.ts')
  const lines = (e.data.problems as readonly Problem[]).map(formatProblem).filter((line) => !e.message.includes(line))
  for (const line of lines.slice(0, MOST_LISTED)) out.remark(`  ${line}`)
  if (lines.length > MOST_LISTED) out.remark(`  and ${lines.length - MOST_LISTED} more (phctl check shows all)`)
}

const MOST_LISTED = 10

/** The names there are, where somebody asked for one that is not. */
function listKnown(names: unknown, out: Out): void {
  if (!Array.isArray(names) || names.length === 0) return
  const shown = names.slice(0, MOST_LISTED).map((name) => clean(String(name)))
  out.remark(
    `  have: ${shown.join(', ')}${names.length > shown.length ? `, and ${names.length - shown.length} more` : ''}`,
  )
}
