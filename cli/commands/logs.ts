// `logs` and `clear`: what programs wrote. Following ends with Ctrl-C (exit 0); when the master goes it is waited
// for, and what was not read yet is read then. What the master had to leave out is said on stderr, or is a
// document of its own under --json.

import type { LogLine, LogSource, Params } from '../../src/api/contract.ts'
import { PhError } from '../../src/errors.ts'
import { count } from '../format.ts'
import { asDocument, inOrder, lastOfEach, logPrinter } from '../log-lines.ts'
import { followLogs } from '../log-stream.ts'
import type { Out } from '../output.ts'
import { moment } from '../times.ts'
import { type Context, FAILED, master, OK, targetOf, wholeNumber } from './context.ts'

/** As many as the master gives: what is looked for may be anywhere in them. */
const ALL = 100_000
const USUAL = 100

export async function logs(ctx: Context): Promise<number> {
  const { out, options } = ctx
  const lines = options.lines === undefined ? null : wholeNumber('-n', options.lines)
  const pattern = options.grep === undefined ? null : patternOf(options.grep)
  const since = options.since === undefined ? null : moment('--since', String(options.since), Date.now())
  const following = options.follow === true
  const params: Params<'logs'> = {
    target: targetOf(ctx.args).target ?? [],
    ...(pattern === null ? (lines === null ? {} : { lines }) : { lines: lines === 0 ? 0 : ALL }),
    ...(options.stderr === true ? { stream: 'stderr' } : {}),
    ...(following ? { follow: true } : {}),
    ...(since === null ? {} : { since: new Date(since).toISOString() }),
  }
  /** Of the last lines, where the master gave more than were asked for. */
  const most = pattern === null ? null : (lines ?? (since === null ? USUAL : null))

  const m = await master(ctx)
  const stream = await m.logs(params)
  const { files } = await stream.begun
  if (files.length === 0 && !following) return noFile(out, options.stderr === true)
  if (files.length === 0) out.remark('phctl: no log file to show yet')
  if (since !== null) sayUntimed(out, files)
  const { tty, paint, colour } = out
  const printer = logPrinter(files, { tty, paint, colour, now: Date.now })
  let first = true
  const print = (all: readonly LogLine[]): void => {
    const fitting = pattern === null ? all : all.filter(({ text }) => pattern.test(text))
    const shown = first ? inOrder(most === null ? fitting : lastOfEach(fitting, most)) : fitting
    out.raw(out.json ? shown.map((line) => `${JSON.stringify(asDocument(line))}\n`).join('') : printer.print(shown))
    first = false
  }
  await followLogs({ ctx, master: m, stream, params }, (batch) => {
    if (batch.missed > 0) sayMissed(out, batch.missed, 'line')
    if (batch.error !== null) out.remark(`phctl: cannot follow a file any longer: ${batch.error}`)
    printer.follows(batch.files)
    print(batch.lines)
  })
  return OK
}

export async function clear(ctx: Context): Promise<number> {
  const done = await (await master(ctx)).call('clear', { target: targetOf(ctx.args).target ?? [] })
  ctx.out.result(done, () => 'cleared')
  return OK
}

export function sayMissed(out: Out, missed: number, what: string): void {
  if (out.json) out.result({ missed }, () => '')
  out.remark(`-- ${count(missed, what)} missed --`)
}

function noFile(out: Out, stderr: boolean): number {
  const why = stderr ? 'no stderr_log_file' : 'log_file = none or inherit'
  out.remark(`phctl: no log file to show (${why})\n  the settings in force: phctl show TARGET`)
  return FAILED
}

/** Whoever asks for lines since a time must know where no line tells it. */
function sayUntimed(out: Out, files: readonly LogSource[]): void {
  const raw = files.filter(({ format, name }) => format === 'raw' && name !== 'master').map(({ path }) => path)
  if (raw.length === 0) return
  const more = raw.length > 3 ? `, and ${raw.length - 3} more` : ''
  out.remark(
    `phctl: --since cannot tell lines apart in ${raw.slice(0, 3).join(', ')}${more}: raw lines carry no time\n` +
      '  shown are the last lines of files that were written since; log_format = prefix or json gives each line its time',
  )
}

/** It runs here and not in the master: an expression may take for ever. */
function patternOf(text: string | boolean): RegExp {
  try {
    return new RegExp(String(text), 'u')
  } catch (e) {
    const why = e instanceof Error ? e.message.replace(/^Invalid regular expression: /, '') : ''
    throw new PhError(
      'PH_USAGE',
      `cannot look for "${String(text)}": it is no regular expression of JavaScript: ${why}`,
    )
  }
}
