// `phctl` alone on a terminal: a line is a command, as behind `phctl` in a shell. Lines share one connection, which is
// made anew when it is gone. Ctrl-C ends the command that runs, or empties the line; Ctrl-D and `quit` leave. What
// goes wrong is said, and the next line may be typed.

import { createInterface, type Interface } from 'node:readline'
import { messageOf, PhError } from '../src/errors.ts'
import { packageVersion } from '../src/package.ts'
import { type Globals, parseArgs } from './args.ts'
import type { Context } from './commands/context.ts'
import { handlers } from './commands/index.ts'
import { nearest } from './commands/nearest.ts'
import { type Master, openMaster } from './connect.ts'
import { explain } from './explain.ts'
import { historyIn } from './history.ts'
import { type Out, outputOf } from './output.ts'
import { completerOf } from './prompt-completing.ts'

/** What a command gets to end by itself when it is interrupted; then it is left alone. */
const PATIENCE_MS = 300

/** Resolves with the exit status when somebody leaves. */
export async function prompt(globals: Globals, out: Out): Promise<number> {
  const connection = keptConnection(globals)
  const history = historyIn(process.env)
  const rl = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    prompt: globals.instance === null ? 'phctl> ' : `phctl ${globals.instance}> `,
    historySize: history.most,
    history: [...history.lines],
    removeHistoryDuplicates: true,
    completer: completerOf((asked) => connection.open({ ...globals, ...asked }), globals.config),
  })
  const typed = typedIn(rl, out)
  out.remark(`phctl ${packageVersion()}: help tells the commands, TAB completes, Ctrl-D leaves`)
  await attempt(async () => greet(await connection.open(globals), out), out)
  try {
    for (;;) {
      const line = await typed.next()
      if (line === null) {
        out.raw('\n')
        return 0
      }
      if (/^\s*(quit|exit|q)\s*$/.test(line)) return 0
      if (line.trim() === '') continue
      history.add(line)
      await carryOut(line, globals, rl, connection)
    }
  } finally {
    rl.close()
    connection.close()
  }
}

async function greet(master: Master, out: Out): Promise<void> {
  const { version, pid, config } = await master.call('info', {})
  out.remark(`the master ${version}, pid ${pid}, runs ${config}`)
}

interface Typed {
  /** Null at its end. */
  next(): Promise<string | null>
}

/** Several lines may be pasted at once: each is waited for to be taken. */
function typedIn(rl: Interface, out: Out): Typed {
  const lines: (string | null)[] = []
  let wake = (): void => {}
  const put = (line: string | null): void => {
    lines.push(line)
    wake()
  }
  rl.on('line', put)
  rl.on('close', () => put(null))
  rl.on('SIGINT', () => {
    out.raw(rl.line === '' ? '^C (Ctrl-D leaves)\n' : '^C\n')
    Object.assign(rl, { line: '', cursor: 0 }) // else it would stand before what is typed next
    rl.prompt()
  })
  return {
    async next() {
      if (lines.length === 0) rl.prompt()
      while (lines.length === 0) {
        await new Promise<void>((done) => {
          wake = done
        })
      }
      return lines.shift() ?? null
    },
  }
}

/** While a command runs the terminal is its own: Ctrl-C comes as a signal, as in a shell. */
async function carryOut(line: string, globals: Globals, rl: Interface, connection: Connection): Promise<void> {
  let muted = false
  const out = untilMuted(
    outputOf(/(^|\s)--json(\s|$)/.test(line), () => {}),
    () => muted,
  )
  let interrupt = (): void => {}
  const interrupted = new Promise<void>((done) => {
    interrupt = done
  })
  process.on('SIGINT', interrupt)
  rl.pause()
  process.stdin.setRawMode(false)
  try {
    const work = attempt(async () => run(await words(line), globals, out, connection), out)
    const late = interrupted.then(() => new Promise<'late'>((done) => setTimeout(() => done('late'), PATIENCE_MS)))
    if ((await Promise.race([work, late])) !== 'late') return
    muted = true
    // What waits for an answer on it ends with it; what was asked of the master goes on.
    connection.close()
    process.stderr.write('\nphctl: left; what was asked of the master goes on\n')
  } finally {
    connection.closeOthers()
    process.off('SIGINT', interrupt)
    process.stdin.setRawMode(true)
    rl.resume()
  }
}

/** Words as a shell would make them of the line; a leading `phctl` is habit. */
async function words(line: string): Promise<readonly string[]> {
  const { splitWords } = await import('../src/config/words.ts')
  try {
    const all = splitWords(line)
    return all[0] === 'phctl' ? all.slice(1) : all
  } catch (e) {
    throw new PhError('PH_USAGE', `cannot read the line: ${messageOf(e)}`, {}, { cause: e })
  }
}

async function run(argv: readonly string[], given: Globals, out: Out, connection: Connection): Promise<number> {
  const { command, globals, ...rest } = await parseArgs(argv, nearest)
  if (globals.hosts) {
    const { onHosts } = await import('./hosts.ts')
    const named = { ...globals, config: globals.config ?? given.config }
    return onHosts(command, handlers[command], { ...rest, globals: named, out }, explain)
  }
  const merged: Globals = {
    ...((globals.socket ?? globals.config) ? { ...given, socket: null, config: null, instance: null } : given),
    ...Object.fromEntries(Object.entries(globals).filter(([, value]) => value !== null)),
    json: globals.json,
  }
  const ctx: Context = { ...rest, globals: merged, out, open: (wanted) => connection.open(wanted) }
  return handlers[command](ctx)
}

async function attempt(work: () => Promise<unknown>, out: Out): Promise<void> {
  try {
    await work()
  } catch (e) {
    await explain(e, out)
  }
}

interface Connection {
  /** The one that lines share, where it leads there; else one for this line. */
  open(globals: Globals): Promise<Master>
  /** A line is over. */
  closeOthers(): void
  close(): void
}

function keptConnection(own: Globals): Connection {
  const keyOf = ({ socket, config, instance, timeout }: Globals): string =>
    JSON.stringify([socket, config, instance, timeout])
  const connect = (globals: Globals): Promise<Master> =>
    openMaster(globals, (text) => process.stderr.write(`${text}\n`))
  const end = (master: Promise<Master>): void =>
    void master.then(
      (one) => one.close(),
      () => {}, // it was never made
    )
  let kept: Promise<Master> | null = null
  const others = new Set<Promise<Master>>()
  const keep = (): Promise<Master> => {
    const mine = connect(own)
    const forget = (): void => {
      if (kept === mine) kept = null
    }
    void mine.then(({ closed }) => closed.then(forget), forget)
    return mine
  }
  return {
    open(globals) {
      if (keyOf(globals) === keyOf(own)) {
        kept ??= keep()
        return kept
      }
      const other = connect(globals)
      others.add(other)
      return other
    },
    closeOthers() {
      for (const one of others) end(one)
      others.clear()
    },
    close() {
      if (kept) end(kept)
      kept = null
      this.closeOthers()
    },
  }
}

/** What an abandoned command still has to say nobody wants to read. */
function untilMuted(out: Out, isMuted: () => boolean): Out {
  const unlessMuted =
    <Args extends readonly unknown[]>(write: (...args: Args) => void) =>
    (...args: Args): void => {
      if (!isMuted()) write(...args)
    }
  return Object.defineProperties(Object.create(out) as Out, {
    result: { value: unlessMuted(out.result) },
    remark: { value: unlessMuted(out.remark) },
    failure: { value: unlessMuted(out.failure) },
    raw: { value: unlessMuted(out.raw) },
  })
}
