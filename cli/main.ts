// phctl: reads the command line, carries the command out, says what went wrong, and exits; on a terminal and without
// a command it is a prompt. Only this file of phctl ends the process. The exit status is the handler's, or the one
// that the table of errors gives to the failure.

import { isatty } from 'node:tty'
import { codes, errno } from '../src/errors.ts'
import { bareOptions, parseArgs } from './args.ts'
import { handlers } from './commands/index.ts'
import { nearest } from './commands/nearest.ts'
import { explain } from './explain.ts'
import { flushed, outputOf } from './output.ts'

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
    // Not by process.stdin: to make that stream takes longer than all of this file.
    const alone = mayBeAlone(argv) && isatty(0) && isatty(1) ? await bareOptions(argv) : null
    if (alone !== null) {
      const { prompt } = await import('./prompt.ts')
      exit = await prompt(alone, out)
    } else {
      const { command, ...invocation } = await parseArgs(argv, nearest)
      // By ssh, side by side; loaded by those alone who ask for it.
      const hosts = invocation.globals.hosts && (await import('./hosts.ts'))
      const ctx = { ...invocation, out }
      exit = hosts ? await hosts.onHosts(command, handlers[command], ctx, explain) : await handlers[command](ctx)
    }
  } catch (e) {
    exit = await explain(e, out)
  }
  await flushed()
  process.exit(exit)
}

/** No command in the first word, as nearly all lines have it. */
function mayBeAlone([first]: readonly string[]): boolean {
  return first === undefined || first.startsWith('-')
}

/** Known before the command line is: a line that cannot be read is also answered in JSON. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json')
}
