// Commands about the master itself: ping, info, reopen, loglevel, shutdown; and call.

import { readFileSync } from 'node:fs'
import type { LogLevel } from '../../src/api/contract.ts'
import { PhError } from '../../src/errors.ts'
import { infoAt, type Master } from '../connect.ts'
import { columns, duration } from '../format.ts'
import { withProgress } from '../screen.ts'
import { type Context, master, OK } from './context.ts'
import { progressOf } from './operate.ts'

export async function ping(ctx: Context): Promise<number> {
  const pong = await (await master(ctx)).call('ping', {})
  ctx.out.result(pong, () => pong)
  return OK
}

export async function info(ctx: Context): Promise<number> {
  const facts = await (await master(ctx)).call('info', {})
  ctx.out.result(facts, () =>
    columns([
      ['version', facts.version],
      ['pid', String(facts.pid)],
      ...(facts.instance === null ? [] : [['instance', facts.instance]]),
      ['config', facts.config],
      ['socket', facts.socket],
      ...(facts.web === null
        ? []
        : [['web', `${facts.web.url} (${facts.web.control ? 'may change things' : 'may only look'})`]]),
      ['started', `${facts.startedAt} (${duration(facts.uptime)} ago)`],
      ...(facts.upgrades === 0 ? [] : [['upgrades', String(facts.upgrades)]]),
      ['programs', String(facts.programs)],
      ['processes', String(facts.processes)],
      ['node', facts.node],
      ['platform', facts.platform],
      ...(facts.features.length === 0 ? [] : [['features', facts.features.join(' ')]]),
    ]).join('\n'),
  )
  return OK
}

export async function reopen(ctx: Context): Promise<number> {
  const done = await (await master(ctx)).call('reopen', {})
  ctx.out.result(done, () => 'log files reopened')
  return OK
}

export async function loglevel(ctx: Context): Promise<number> {
  const [level] = ctx.args
  // The master knows the levels, and says so when this is none of them.
  const params = level === undefined ? {} : { level: level.toLowerCase() as LogLevel }
  const done = await (await master(ctx)).call('loglevel', params)
  ctx.out.result(done, () => done.level)
  return OK
}

export async function call(ctx: Context): Promise<number> {
  const [method = '', json] = ctx.args
  let params: unknown = {}
  if (json !== undefined) {
    try {
      params = JSON.parse(json)
    } catch (e) {
      throw new PhError('PH_USAGE', `cannot read the parameters of ${method}: not JSON: ${json}`, {}, { cause: e })
    }
    if (typeof params !== 'object' || params === null) {
      throw new PhError('PH_USAGE', `cannot call ${method} with ${json}: wanted an object like {"target":"web"}`)
    }
  }
  const result = await (await master(ctx)).raw(method, params)
  ctx.out.result(result, () => JSON.stringify(result, null, ctx.out.tty ? 2 : 0))
  return OK
}

/** Returns when the master is gone: its connection is closed, and nobody answers there as that pid. */
export async function shutdown(ctx: Context): Promise<number> {
  const m = await master(ctx)
  const { pid } = await m.call('info', {})
  if (ctx.options.noWait === true) {
    const done = await m.call('shutdown', { wait: false })
    ctx.out.result(done, () => `master ${pid} is shutting down`)
    return OK
  }
  const deadline = ctx.globals.timeout === null ? Number.POSITIVE_INFINITY : Date.now() + ctx.globals.timeout * 1000
  await withProgress(ctx.out, progressOf(m, []), ask(m))
  await goneBy(deadline, m, pid)
  ctx.out.result({ ok: true }, () => `master ${pid} is gone`)
  return OK
}

async function ask(m: Master): Promise<void> {
  try {
    await m.call('shutdown', {})
  } catch (e) {
    // Somebody else asked before us, or the master went before it could answer: both lead where we want to go.
    if (!(e instanceof PhError) || !(e.code === 'PH_STOPPING' || e.code === 'PH_NO_MASTER')) throw e
  }
}

async function goneBy(deadline: number, m: Master, pid: number): Promise<void> {
  const late = new PhError('PH_TIMEOUT', `cannot wait longer for the end of master ${pid}: it is still there`, { pid })
  await before(deadline, m.closed, late)
  while (await answersAs(pid, m.socket)) {
    if (Date.now() >= deadline) throw late
    await pause()
  }
  // Its lock goes with the process, a moment after its socket: whoever starts a new master next needs that moment.
  const patience = Math.min(deadline, Date.now() + 2000)
  while (alive(pid) && Date.now() < patience) await pause()
}

async function answersAs(pid: number, socket: string): Promise<boolean> {
  try {
    return (await infoAt(socket, 1)).pid === pid
  } catch (e) {
    // Nobody there, or nobody who answers as that master: gone. One that hangs is not.
    return e instanceof PhError && e.code === 'PH_TIMEOUT'
  }
}

/** The process exists and is no zombie. One that cannot be seen from here (another container) counts as gone. */
function alive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, 20))
}

function before(deadline: number, event: Promise<void>, late: PhError): Promise<void> {
  if (deadline === Number.POSITIVE_INFINITY) return event
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(late), Math.max(0, deadline - Date.now()))
    void event.then(() => {
      clearTimeout(timer)
      done()
    })
  })
}
