// Commands that change processes: start, stop, restart, reload, scale, signal; and wait. A line per
// process with the result; exit 1 when one failed. --timeout goes to the master, which answers with
// what was reached by then.

import {
  type OperationResult,
  type Params,
  type ProcessState,
  type Program,
  processStates,
  type Saved,
  type TargetResult,
} from '../../src/api/contract.ts'
import { meant, PhError } from '../../src/errors.ts'
import type { Master } from '../connect.ts'
import { clean, count } from '../format.ts'
import type { Out } from '../output.ts'
import { resultLines } from '../results.ts'
import { showsProgress, withProgress } from '../screen.ts'
import { replacing, summary } from '../status-table.ts'
import { sayWhy } from '../why.ts'
import { type Context, FAILED, master, OK, targetOf } from './context.ts'
import { nearest } from './nearest.ts'

export const start = operation('start')
export const stop = operation('stop')
export const restart = operation('restart')
export const reload = operation('reload')

export async function scale(ctx: Context): Promise<number> {
  const [program = '', number = ''] = ctx.args
  if (!/^[+-]?\d{1,9}$/.test(number)) {
    throw new PhError('PH_USAGE', `cannot scale "${program}" to "${number}": wanted a number N, +N or -N`)
  }
  const m = await master(ctx)
  const size = /^\d/.test(number) ? { workers: Number(number) } : { delta: Number(number) }
  const save = ctx.options.save === true ? { save: true } : {}
  const done = await withProgress(
    ctx.out,
    progressOf(m, [program]),
    m.call('scale', { program, ...size, ...save, ...waiting(ctx) }),
  )
  ctx.out.result(done, () =>
    [
      `${done.program}: ${done.from} -> ${count(done.to, 'process', 'processes')}`,
      ...(done.saved === undefined ? [] : [savedWords(done.saved)]),
      ...(done.note === undefined ? [] : [done.note]),
      ...resultLines(done.results, ctx.out.paint),
    ].join('\n'),
  )
  return exitOf(done, ctx.out)
}

export async function run(ctx: Context): Promise<number> {
  const [program = ''] = ctx.args
  const m = await master(ctx)
  const done = await withProgress(ctx.out, progressOf(m, [program]), m.call('run', { program, ...waiting(ctx) }))
  // Of several processes each has its own words; `run` is the last one's.
  const last = done.results.length === 1 ? done.run : null
  ctx.out.result(done, () => resultLines(done.results, ctx.out.paint, last).join('\n'))
  return exitOf(done, ctx.out)
}

function savedWords({ file, line, replaced }: Saved): string {
  const former = replaced === null ? '' : `, where ${clean(replaced)} stood`
  return `saved in ${clean(file)}:${line}${former}`
}

export async function signal(ctx: Context): Promise<number> {
  const [name = '', ...targets] = ctx.args
  const number = /^-?(\d+)$/.exec(name)?.[1]
  const params = { target: targets, signal: number === undefined ? name : Number(number) }
  return answer(ctx.out, await (await master(ctx)).call('signal', params))
}

export async function wait(ctx: Context): Promise<number> {
  const state = String(ctx.options.state ?? '').toUpperCase()
  if (!(processStates as readonly string[]).includes(state)) {
    const came = ctx.options.state === undefined ? 'nothing' : `"${String(ctx.options.state)}"`
    const near = state === '' ? null : await nearest(state, processStates)
    throw new PhError(
      'PH_USAGE',
      `cannot wait for ${came}: wanted --state with one of ${processStates.join(' ')}${meant(near)}`,
    )
  }
  const m = await master(ctx)
  const params = { target: ctx.args, state: state as ProcessState, ...timeoutOf(ctx) }
  return answer(ctx.out, await withProgress(ctx.out, progressOf(m, ctx.args), m.call('wait', params)))
}

function operation(method: 'start' | 'stop' | 'restart' | 'reload'): (ctx: Context) => Promise<number> {
  return async (ctx) => {
    const m = await master(ctx)
    const params = { target: targetOf(ctx.args).target ?? [], ...waiting(ctx) } satisfies Params<'start'>
    const replaces = method === 'restart' || method === 'reload'
    const progress = replaces ? replacingOf(ctx.out, m, ctx.args) : progressOf(m, ctx.args)
    return answer(ctx.out, await withProgress(ctx.out, progress, m.call(method, params)))
  }
}

function answer(out: Out, done: OperationResult): number {
  out.result(done, () => wordsOf(done.results, out))
  return exitOf(done, out)
}

/** Who reads that a start failed is told where to look. */
export function exitOf(done: OperationResult, out: Out): number {
  if (done.ok) return OK
  if (!out.json)
    sayWhy(
      out,
      done.results.filter(({ ok, state }) => !ok && (state === 'FATAL' || state === 'BACKOFF' || state === 'EXITED')),
    )
  return FAILED
}

export function wordsOf(results: readonly TargetResult[], out: Out): string {
  return results.length === 0 ? 'no processes: nothing to do' : resultLines(results, out.paint).join('\n')
}

function waiting(ctx: Context): { wait?: boolean; timeout?: number } {
  return { ...(ctx.options.noWait === true ? { wait: false } : {}), ...timeoutOf(ctx) }
}

function timeoutOf(ctx: Context): { timeout?: number } {
  return ctx.globals.timeout === null ? {} : { timeout: ctx.globals.timeout }
}

/** What to show while an operation goes on: where its processes are. */
export function progressOf(m: Master, targets: readonly string[]): () => Promise<string> {
  return async () => {
    const programs: readonly Program[] = await m.call('status', targetOf(targets))
    return summary(programs)
  }
}

/** The same for what puts new processes in the place of others. Call it before that begins: it asks who is there. */
export function replacingOf(out: Out, m: Master, targets: readonly string[]): () => Promise<string> {
  const ask = (): Promise<readonly Program[]> => m.call('status', targetOf(targets))
  const before = showsProgress(out) ? ask() : null
  before?.catch(() => undefined) // the operation itself tells what is wrong
  return async () => replacing((await before) ?? [], await ask())
}
