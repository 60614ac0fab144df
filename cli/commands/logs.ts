// `logs`, `clear` and `events`: what programs wrote, and what happens. Streams end with Ctrl-C (exit 0)
// or with the master (exit 4); what the master had to leave out is said on stderr, or is a document of
// its own under --json.

import { type EventTopic, eventTopics } from '../../src/api/contract.ts'
import { PhError } from '../../src/errors.ts'
import { eventLine } from '../event-lines.ts'
import { follow } from '../following.ts'
import { count } from '../format.ts'
import { inOrder, logPrinter } from '../log-lines.ts'
import type { Out } from '../output.ts'
import { type Context, FAILED, master, OK, targetOf } from './context.ts'

export async function logs(ctx: Context): Promise<number> {
  const { out, options } = ctx
  const params = {
    target: targetOf(ctx.args).target ?? [],
    ...(options.lines === undefined ? {} : { lines: wholeNumber('-n', options.lines) }),
    ...(options.stderr === true ? { stream: 'stderr' as const } : {}),
    ...(options.follow === true ? { follow: true } : {}),
  }
  const m = await master(ctx)
  const stream = await m.logs(params)
  const { files } = await stream.begun
  if (files.length === 0 && options.follow === true) out.remark('phctl: no log file to show yet')
  else if (files.length === 0) {
    out.remark(
      `phctl: no log file to show (${options.stderr === true ? 'no stderr_log_file' : 'log_file = none or inherit'})`,
    )
    return FAILED
  }
  const { tty, paint, colour } = out
  const printer = logPrinter(files, { tty, paint, colour, now: Date.now })
  let first = true
  const end = await follow(stream, (batch) => {
    if (batch.missed > 0) sayMissed(out, batch.missed, 'line')
    if (batch.error !== null) out.remark(`phctl: cannot follow a file any longer: ${batch.error}`)
    printer.follows(batch.files)
    const lines = first ? inOrder(batch.lines) : batch.lines
    out.raw(out.json ? lines.map((line) => `${JSON.stringify(line)}\n`).join('') : printer.print(lines))
    first = false
  })
  return options.follow === true ? endOf(end, m.socket) : OK
}

export async function clear(ctx: Context): Promise<number> {
  const done = await (await master(ctx)).call('clear', { target: targetOf(ctx.args).target ?? [] })
  ctx.out.result(done, () => 'cleared')
  return OK
}

export async function events(ctx: Context): Promise<number> {
  const { out, options } = ctx
  const topics = [...new Set(ctx.args.flatMap(topicsOf))]
  const params = {
    ...(topics.length === 0 ? {} : { topics }),
    ...(options.since === undefined ? {} : { since: wholeNumber('--since', options.since) }),
  }
  const m = await master(ctx)
  const stream = await m.events(params)
  const end = await follow(stream, (event) => {
    if ('topic' in event) out.result(event, () => eventLine(event, out.paint, Date.now()))
    else sayMissed(out, event.missed, 'event')
  })
  return endOf(end, m.socket)
}

function sayMissed(out: Out, missed: number, what: string): void {
  if (out.json) out.result({ missed }, () => '')
  out.remark(`-- ${count(missed, what)} missed --`)
}

function endOf(end: 'ended' | 'interrupted', socket: string): number {
  if (end === 'interrupted') return OK
  throw new PhError('PH_NO_MASTER', `cannot follow any longer: the master at ${socket} is gone`, { socket })
}

/** A topic, or a family of them: `process` is `process.state`, `process.ready` ... */
function topicsOf(word: string): readonly EventTopic[] {
  const family = word.replace(/\.?\*?$/, '')
  const found = eventTopics.filter((topic) => topic === word || topic.startsWith(`${family}.`))
  if (found.length > 0) return found
  const families = [...new Set(eventTopics.map((topic) => topic.split('.')[0]))].join(', ')
  throw new PhError('PH_USAGE', `cannot follow "${word}": wanted ${families}, or one like process.state`, {
    known: eventTopics,
  })
}

function wholeNumber(option: string, value: string | boolean): number {
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value)
  throw new PhError('PH_USAGE', `cannot use ${option} ${String(value)}: wanted a whole number from 0`)
}
