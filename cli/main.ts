// phctl: reads the command line, carries the command out, says what went wrong, and exits. Only this
// file of phctl ends the process. The exit status is the handler's, or the one that the table of
// errors gives to the failure.

import type { Problem } from '../src/api/contract.ts'
import { codes, errno, messageOf, PhError } from '../src/errors.ts'
import { parseArgs } from './args.ts'
import { handlers } from './commands/index.ts'
import { nearest } from './commands/nearest.ts'
import { clean } from './format.ts'
import { flushed, type Out, outputOf } from './output.ts'
import { resultLines, resultsIn } from './results.ts'

void main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<void> {
  if (argv[0] === 'complete') {
    // A shell asks what could follow: nothing of what comes after is a line to be carried out.
    const { answerShell } = await import('./completing.ts')
    await answerShell(argv.slice(1))
    process.exit(0)
  }
  // `phctl status | head -1`: the reader has had enough, and nobody is left to tell.
  const out = outputOf(wantsJson(argv), (e) => process.exit(errno(e) === 'EPIPE' ? 0 : codes.PH_INTERNAL.exit))
  setImmediate(() => out.tty) // makes stdout while the first answer is on its way
  let exit: number
  try {
    const { command, ...invocation } = await parseArgs(argv, nearest)
    exit = await handlers[command]({ ...invocation, out })
  } catch (e) {
    exit = await explain(e, out)
  }
  await flushed()
  process.exit(exit)
}

/** Known before the command line is: a line that cannot be read is also answered in JSON. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json')
}

async function explain(e: unknown, out: Out): Promise<number> {
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
  for (const problem of e.data.problems as readonly Problem[]) {
    const line = formatProblem(problem)
    if (!e.message.includes(line)) out.remark(`  ${line}`)
  }
}

/** The names there are, where somebody asked for one that is not. */
function listKnown(names: unknown, out: Out): void {
  if (!Array.isArray(names) || names.length === 0) return
  const shown = names.slice(0, 10).map((name) => clean(String(name)))
  out.remark(
    `  have: ${shown.join(', ')}${names.length > shown.length ? `, and ${names.length - shown.length} more` : ''}`,
  )
}
