// A command on several machines: carried out on each as it is here, side by side. What each says stands behind its
// name; `status` is one table. A machine that is down costs its own line. The exit status is the worst of all.

import type { Program } from '../src/api/contract.ts'
import { type Host, hostFrom } from '../src/config/hosts.ts'
import { codes, messageOf, PhError } from '../src/errors.ts'
import type { Globals } from './args.ts'
import type { CommandName } from './commands/catalog.ts'
import { type Context, type Handler, NOT_AS_WANTED, OK, targetOf } from './commands/context.ts'
import { topOver } from './commands/top.ts'
import { type Master, openMaster } from './connect.ts'
import { clean, cut, padEnd, width } from './format.ts'
import { knownHosts } from './known-hosts.ts'
import { type Out, wireOf } from './output.ts'
import { picture, watch } from './screen.ts'
import { wayTo } from './ssh.ts'
import { asWanted, statusTable, widestName } from './status-table.ts'

/** Says what went wrong; the exit status of it. */
type Explain = (e: unknown, out: Out) => Promise<number>

/** What works on files and processes of this machine. */
const here: ReadonlySet<CommandName> = new Set([
  ...(['check', 'import', 'export', 'startup', 'completion', 'help', 'version', 'instances'] as const),
])
const GAP = '  '
/** A machine that is down is tried again by `top`, the longer the less often: each try is an ssh. */
const PATIENCE_MS = 10_000

export async function onHosts(command: CommandName, handler: Handler, ctx: Context, explain: Explain): Promise<number> {
  const { globals, out } = ctx
  if (here.has(command)) throw new PhError('PH_USAGE', `cannot run "${command}" with -H: it is about this machine`)
  const hosts = hostsOf(globals)
  process.setMaxListeners(0) // each of many streams listens for Ctrl-C
  if (command === 'status') return status(hosts, ctx)
  if (command === 'top') return top(hosts, ctx)
  const columns = Math.max(...hosts.map(({ name }) => width(name)))
  const ends = await Promise.all(
    hosts.map(async (host) => {
      const own = behindName(out, host, columns)
      try {
        const socket = await wayTo(host, timeoutOf(globals))
        own.hides(socket)
        return await handler({ ...ctx, globals: there(globals, socket), out: own })
      } catch (e) {
        return explain(e, own)
      }
    }),
  )
  return Math.max(...ends)
}

/** All on one screen. A machine that is down at the beginning is an error only where it is the only one. */
function top(hosts: readonly Host[], ctx: Context): Promise<number> {
  const open = (host: Host) => () =>
    reach(host, ctx.globals, async (master) => {
      await master.call('info', {}) // ssh takes us in before it knows that nobody is there
      return master
    })
  const [only, ...more] = hosts
  const single = only !== undefined && more.length === 0
  const entrances = hosts.map((host) => ({
    host: single ? null : host.name,
    open: open(host),
    patienceMs: PATIENCE_MS,
  }))
  return topOver(ctx, entrances, single ? open(only) : null)
}

/** The master over there; what goes wrong is said in words of the host. */
async function reach<T>(host: Host, globals: Globals, ask: (master: Master) => Promise<T>): Promise<T> {
  let socket = ''
  let master: Master | null = null
  try {
    socket = await wayTo(host, timeoutOf(globals))
    master = await openMaster(there(globals, socket), () => undefined)
    return await ask(master)
  } catch (e) {
    master?.close()
    const known = e instanceof PhError ? e : new PhError('PH_INTERNAL', messageOf(e), {}, { cause: e })
    throw inItsWords(known, host, socket)
  }
}

const timeoutOf = ({ timeout }: Globals): number | null => (timeout === null ? null : timeout * 1000)

const there = ({ json, timeout }: Globals, socket: string): Globals => ({
  socket,
  config: null,
  instance: null,
  json,
  timeout,
})

/** By name in [hosts], `all` of them, or as it stands on the command line; each once. */
function hostsOf({ hosts = [], socket, instance, config }: Globals): readonly Host[] {
  if (socket !== null)
    throw new PhError('PH_USAGE', 'cannot use -s with -H: write the socket behind the host, user@host:/path')
  if (instance !== null) {
    throw new PhError('PH_USAGE', 'cannot use --instance with -H: write its socket behind the host, user@host:/path')
  }
  const { file, hosts: known } = knownHosts(config)
  const wanted = hosts.flatMap((word): readonly Host[] => {
    if (word !== 'all') return [known.find(({ name }) => name === word) ?? hostFrom(word)]
    if (known.length > 0) return known
    throw new PhError('PH_USAGE', `cannot use -H all: there is no [hosts] in ${file ?? 'any configuration'}`)
  })
  return [...new Map(wanted.map((host) => [`${host.destination}:${host.socket}`, host])).values()]
}

// status -------------------------------------------------------------------------------------------

interface Seen {
  readonly host: Host
  /** null = it could not be asked. */
  readonly programs: readonly Program[] | null
  readonly fault: PhError | null
}

async function status(hosts: readonly Host[], ctx: Context): Promise<number> {
  const { out } = ctx
  if (ctx.options.watch !== true) {
    const seen = await lookAt(hosts, ctx)
    out.result(wire(seen), () => table(seen, out, out.columns).join('\n'))
    return Math.max(...seen.map(exitOf))
  }
  const draw = async (): Promise<string> => {
    const seen = await lookAt(hosts, ctx)
    if (out.json) return `${JSON.stringify(wire(seen))}\n`
    if (!out.tty) return `${table(seen, out, out.columns).join('\n')}\n\n`
    // A picture has no room for what a terminal would wrap.
    const fits = seen.map((one) => ({
      ...one,
      fault: one.fault && shorter(one.fault, out.columns - width(one.host.name) - 3),
    }))
    return picture(table(fits, out, out.columns - 1), out.rows)
  }
  await watch(out, draw)
  return OK
}

function lookAt(hosts: readonly Host[], { globals, args }: Context): Promise<readonly Seen[]> {
  return Promise.all(
    hosts.map(async (host): Promise<Seen> => {
      try {
        const programs = await reach(host, globals, async (master) => {
          const answer = await master.call('status', targetOf(args))
          master.close()
          return answer
        })
        return { host, programs, fault: null }
      } catch (e) {
        if (!(e instanceof PhError)) throw e
        return { host, programs: null, fault: e }
      }
    }),
  )
}

const wire = (seen: readonly Seen[]): object[] =>
  seen.map(({ host, programs, fault }) => ({ host: host.name, ...(fault ? { error: wireOf(fault) } : { programs }) }))

function exitOf({ programs, fault }: Seen): number {
  if (fault) return codes[fault.code].exit
  return (programs ?? []).every((p) => p.processes.every(asWanted)) ? OK : NOT_AS_WANTED
}

function table(seen: readonly Seen[], out: Out, columns: number): string[] {
  const { paint } = out
  const hostColumns = Math.max('HOST'.length, ...seen.map(({ host }) => width(host.name)))
  const names = Math.max(0, ...seen.map(({ programs }) => widestName(programs ?? [])))
  const view = { columns: columns - hostColumns - GAP.length, now: Date.now(), paint, names }
  const rows = seen.flatMap(({ host, programs, fault }) => {
    const name = padEnd(clean(host.name), hostColumns)
    const [head = '', ...lines] = programs && programs.length > 0 ? statusTable(programs, view) : []
    const said = fault ? [paint('red', firstLine(fault.message))] : ['no programs']
    const own = lines.length > 0 ? lines : said
    return own.map((line) => ({ head, line: `${name}${GAP}${line}` }))
  })
  const head = rows.find((row) => row.head !== '')?.head
  const titles = head === undefined ? [] : [`${paint('dim', padEnd('HOST', hostColumns))}${GAP}${head}`]
  return [...titles, ...rows.map(({ line }) => line)]
}

// words --------------------------------------------------------------------------------------------

const shorter = (e: PhError, columns: number): PhError =>
  new PhError(e.code, cut(firstLine(e.message), columns), e.data)

const firstLine = (text: string): string => text.split('\n')[0] ?? ''

/** A socket of this machine that leads elsewhere says nothing to anybody. */
function inItsWords(e: PhError, host: Host, socket: string): PhError {
  const place = `${host.name} (${host.socket})`
  const broke =
    socket !== '' && e.code === 'PH_NO_MASTER' && /the connection broke|connection was closed/.test(e.message)
  const text = broke
    ? `cannot reach a master on ${place}: nobody listens on it there, or its sshd forwards no sockets`
    : socket === ''
      ? e.message
      : e.message.replaceAll(socket, place)
  const { socket: _ours, reason: _ofIt, ...data } = e.data
  return new PhError(e.code, text, { ...data, host: host.name }, { cause: e })
}

interface OutOfHost extends Out {
  /** The path that stands for the far socket here. */
  hides(socket: string): void
}

/** Each line behind the name; under --json each document with it. */
function behindName(out: Out, host: Host, columns: number): OutOfHost {
  const prefix = `${out.paint('cyan', padEnd(clean(host.name), columns))} | `
  let socket = ''
  let rest = ''
  const lines = (text: string): string => text.replace(/^(?=.)/gm, prefix)
  return {
    json: out.json,
    tty: false,
    columns: out.columns - columns - 3,
    rows: out.rows,
    paint: out.paint,
    colour: out.colour,
    hides(path) {
      socket = path
    },
    result(value, words) {
      out.result({ host: host.name, result: value }, () => lines(words()))
    },
    remark: (text) => out.remark(lines(text)),
    failure(e) {
      const own = inItsWords(e, host, socket)
      if (out.json) out.result({ host: host.name, error: wireOf(own) }, () => '')
      out.remark(`${prefix}${firstLine(own.message)}`)
    },
    raw(text) {
      const whole = rest + text
      const end = whole.lastIndexOf('\n') + 1
      rest = whole.slice(end)
      const full = whole.slice(0, end)
      out.raw(
        out.json
          ? full.replace(/^(?=.)/gm, `{"host":${JSON.stringify(host.name)},"result":`).replace(/\n/g, '}\n')
          : lines(full),
      )
    },
  }
}
