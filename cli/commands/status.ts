// `status` and `pid`: looking at processes. `status -w` redraws once a second; on a terminal it
// outlives the master, so that a restart or an upgrade can be watched.

import type { Info, ProcessStatus, Program } from '../../src/api/contract.ts'
import { PhError } from '../../src/errors.ts'
import type { Master } from '../connect.ts'
import { cut, duration, padEnd, width } from '../format.ts'
import { picture, watch } from '../screen.ts'
import { asWanted, statusTable, summary, type View } from '../status-table.ts'
import { sayWhy } from '../why.ts'
import { type Context, FAILED, master, NOT_AS_WANTED, OK, targetOf } from './context.ts'
import { oneOfEach } from './nearest.ts'

export async function status(ctx: Context): Promise<number> {
  const draw = await tableOf(ctx)
  if (ctx.options.watch === true) return watchStatus(ctx, draw)
  const programs = await (await master(ctx)).call('status', targetOf(ctx.args))
  ctx.out.result(programs, () => draw(programs, ctx.out.columns).join('\n'))
  const failed = programs.flatMap((p) => p.processes).filter(hasFailed)
  if (!ctx.out.json) sayWhy(ctx.out, failed)
  return exitOf(programs)
}

export async function pid(ctx: Context): Promise<number> {
  const m = await master(ctx)
  if (ctx.args.length === 0) {
    const info = await m.call('info', {})
    ctx.out.result(info.pid, () => String(info.pid))
    return OK
  }
  const processes = (await m.call('status', targetOf(ctx.args))).flatMap((p) => p.processes)
  const alive = processes.filter((p) => p.pid !== null)
  ctx.out.result(
    processes.map(({ name, pid: one }) => ({ name, pid: one })),
    () => alive.map((p) => String(p.pid)).join('\n'),
  )
  if (alive.length > 0 || processes.length === 0) return OK
  ctx.out.remark(`phctl: no pid: ${processes.map((p) => `${p.name} is ${p.state}`).join(', ')}`)
  return FAILED
}

function exitOf(programs: readonly Program[]): number {
  return programs.every((p) => p.processes.every(asWanted)) ? OK : NOT_AS_WANTED
}

const hasFailed = ({ state, wanted }: ProcessStatus): boolean =>
  wanted === 'up' && (state === 'FATAL' || state === 'BACKOFF')

type Draw = (programs: readonly Program[], columns: number) => string[]

/** The table that the options ask for. */
async function tableOf({ options: { columns: named, wide }, out }: Context): Promise<Draw> {
  const viewOf = (columns: number): View => ({ columns, now: Date.now(), paint: out.paint })
  if (named === undefined && wide !== true) return (programs, columns) => statusTable(programs, viewOf(columns))
  const { columnNames, columnsTable } = await import('../status-columns.ts')
  if (named === undefined) return (programs) => columnsTable(programs, null, viewOf(Number.POSITIVE_INFINITY))
  if (out.json) throw new PhError('PH_USAGE', 'cannot choose columns with --json: it has all there is')
  const chosen = await oneOfEach(String(named).toLowerCase().split(','), columnNames, 'a column')
  // On a pipe nothing is cut off: somebody reads it by a program.
  return (programs, columns) => columnsTable(programs, chosen, viewOf(out.tty ? columns : Number.POSITIVE_INFINITY))
}

async function watchStatus(ctx: Context, draw: Draw): Promise<number> {
  const { out } = ctx
  let m: Master | null = await master(ctx) // no master at the beginning is an error like any other
  let last: { info: Info; programs: readonly Program[] } | null = null
  const look = async (): Promise<{ info: Info; programs: readonly Program[] }> => {
    m ??= await master(ctx)
    const current = m
    const [programs, info] = await Promise.all([
      current.call('status', targetOf(ctx.args)),
      current.raw('info', {}) as Promise<Info>,
    ])
    last = { info, programs }
    return last
  }
  const drawText = async (): Promise<string> => {
    const { programs } = await look()
    return out.json ? `${JSON.stringify(programs)}\n` : `${draw(programs, out.columns).join('\n')}\n\n`
  }
  const drawScreen = async (): Promise<string> => {
    const columns = out.columns - 1 // a line that fills the last column cannot be cleared to its end
    let trouble = ''
    try {
      await look()
    } catch (e) {
      if (!(e instanceof PhError) || !(e.code === 'PH_NO_MASTER' || e.code === 'PH_STOPPING')) throw e
      m = null
      trouble = e.message.split('\n')[0] ?? ''
    }
    const head = trouble === '' && last !== null ? headline(last.info, columns) : cut(trouble, columns)
    const body = last === null ? [] : [cut(summary(last.programs), columns), '', ...draw(last.programs, columns)]
    return picture([out.paint(trouble === '' ? 'bold' : 'red', head), ...body], out.rows)
  }
  await watch(out, out.tty && !out.json ? drawScreen : drawText)
  return OK
}

/** Who it is on the left, the time of day on the right. */
function headline(info: Info, columns: number): string {
  const clock = new Date().toTimeString().slice(0, 8)
  const text = `phd ${info.version}  pid ${info.pid}  up ${duration(info.uptime)}`
  const room = columns - width(clock) - 2
  return room < 20 ? cut(text, columns) : `${padEnd(cut(text, room), room)}  ${clock}`
}
