// A real phd for a test, in the foreground or as a daemon, with everything a test asks of it: calls
// on its socket, phctl, its log as it comes, and an end that checks that it ended well.

import { existsSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { type Client, connect } from '../../src/api/client.ts'
import type { Method, Params, ProcessState, ProcessStatus, Result } from '../../src/api/contract.ts'
import { cpuMs, lives, stateOf } from './proc.ts'
import { PHD, type Ran, type RunOptions, reading, runPhctl, runPhd, spawnProgram } from './programs.ts'
import { DEADLINE_MS, type Scene, sceneOf, until, within } from './scene.ts'

/** Tests have no second to lose. */
export const quick = '[DEFAULT]\nstart_seconds = 50ms\n'

export interface LogLine {
  readonly level: string
  readonly time: string
  readonly msg: string
  readonly name?: string
  readonly from?: string
  readonly to?: string
  readonly pid?: number
  readonly reason?: string
  readonly [fact: string]: unknown
}

export interface StartOptions extends RunOptions {
  /** Default: the one that was built here. */
  readonly program?: string
  /** Default config.ini. */
  readonly config?: string
}

export interface Master {
  readonly scene: Scene
  readonly dir: string
  readonly pid: number
  readonly socket: string
  /** What it has logged so far. */
  readonly log: readonly LogLine[]
  /** All of its stdout and stderr; empty for a daemon. */
  readonly stdout: () => string
  readonly stderr: () => string
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>
  /** One process, by its name. */
  process(name: string): Promise<ProcessStatus>
  phctl(...args: readonly string[]): Promise<Ran>
  lines(file: string): string[]
  /** The first line of the log, from the `from`th on, that fits; waits for it. */
  logged(what: string, fits: (line: LogLine) => boolean, from?: number): Promise<LogLine>
  /** The first transition of a process into the state, from the `from`th log line on. */
  state(name: string, to: ProcessState, from?: number): Promise<LogLine>
  kill(signal: NodeJS.Signals): void
  /** SIGKILL: what it leaves behind is ended when the test is over. */
  murder(): Promise<void>
  /** Its end, however it comes; null code for a daemon. */
  readonly ended: Promise<Pick<Ran, 'code' | 'signal'>>
  /** The orderly end; the exit code must be 0. */
  stop(): Promise<void>
}

export interface Daemon extends Master {
  /** What its caller printed. */
  readonly said: string
}

/** A master in the foreground, ready. */
export async function startMaster(t: TestContext, ini: string, options: StartOptions = {}): Promise<Master> {
  const scene = sceneOf(t)
  const file = scene.write(options.config ?? 'config.ini', ini)
  const child = spawnProgram(options.program ?? PHD, ['-n', '-c', file, ...(options.args ?? [])], options)
  const log: LogLine[] = []
  const output = reading(child)
  const heard = listeners(log)
  lineReader(child.stdout, (line) => {
    const parsed = logLine(line)
    if (parsed) heard.add(parsed)
  })
  const ended = new Promise<Pick<Ran, 'code' | 'signal'>>((resolve) => {
    child.on('close', (code, signal) => {
      heard.end()
      resolve({ code, signal })
    })
  })
  const master = masterOf(scene, child.pid ?? 0, log, heard, output, ended)
  const ready = await master.logged('ready', (line) => line.msg === 'ready')
  return Object.assign(master, { socket: String(ready.socket) })
}

/** A master in the background, by a configuration that says daemonize. */
export async function startDaemon(t: TestContext, ini: string, options: StartOptions = {}): Promise<Daemon> {
  const scene = sceneOf(t)
  const file = scene.write(options.config ?? 'config.ini', ini)
  const ran = await runPhd(['-c', file, ...(options.args ?? [])], options)
  if (ran.code !== 0) throw new Error(`phd ended with ${ran.code}: ${ran.stderr}`)
  const pid = Number(/\(pid (\d+)\)/.exec(ran.stdout)?.[1])
  const log: LogLine[] = []
  const heard = listeners(log)
  let over = false
  const look = (): void => {
    for (const line of scene.lines('phd.log').slice(log.length)) heard.add(JSON.parse(line) as LogLine)
  }
  const ended = (async () => {
    while (lives(pid)) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      if (!over) look()
    }
    heard.end()
    return { code: null, signal: null }
  })()
  look()
  const none = { stdout: () => '', stderr: () => '' }
  const master = masterOf(scene, pid, log, heard, none, ended)
  scene.after(() => {
    over = true
  })
  return Object.assign(master, { said: ran.stdout })
}

function masterOf(
  scene: Scene,
  pid: number,
  log: readonly LogLine[],
  heard: ReturnType<typeof listeners>,
  output: { stdout: () => string; stderr: () => string },
  ended: Master['ended'],
): Master {
  let client: Promise<Client> | null = null
  let over = false
  const master: Master = {
    scene,
    dir: scene.dir,
    pid,
    socket: scene.path('phd.sock'),
    log,
    ...output,
    async call(method, params) {
      client ??= connect(master.socket)
      try {
        const line = await client
        void line.closed.then(() => {
          client = null
        })
        return await within(`the answer to ${method}`, line.call(method, params))
      } catch (e) {
        if ((e as { code?: string }).code === 'PH_NO_MASTER') client = null
        throw e
      }
    },
    async process(name) {
      const [program] = await master.call('status', { target: name })
      const found = program?.processes.find((one) => one.name === name)
      if (!found) throw new Error(`no process ${name}`)
      return found
    },
    phctl: (...args) => runPhctl(['-s', master.socket, ...args]),
    lines: (file) => scene.lines(file),
    async logged(what, fits, from = 0) {
      const found = await heard.find(what, fits, from)
      if (found) return found
      const tail = log.slice(-15).map((line) => JSON.stringify(line))
      const how = `${stateOf(pid) ?? 'gone'}, ${cpuMs(pid)} ms of CPU`
      throw new Error(`not logged: ${what} (phd ${pid}: ${how})\n${tail.join('\n')}\n${output.stderr()}`)
    },
    state: (name, to, from) =>
      master.logged(`${name} -> ${to}`, (line) => line.msg === 'state' && line.name === name && line.to === to, from),
    kill: (signal) => void process.kill(pid, signal),
    async murder() {
      over = true
      scene.mayLeave()
      if (lives(pid)) process.kill(pid, 'SIGKILL')
      await ended
    },
    ended,
    async stop() {
      over = true
      if (lives(pid)) process.kill(pid, 'SIGTERM')
      const { code, signal } = await within('the orderly end of phd', ended)
      if ((code ?? 0) === 0 && signal === null) return
      throw new Error(`phd ended with ${code ?? signal}: ${output.stderr()}${JSON.stringify(log.slice(-3))}`)
    },
  }
  scene.after(async () => {
    void client?.then(
      (one) => one.close(),
      () => undefined,
    )
    if (over) return
    try {
      await master.stop()
    } finally {
      if (lives(pid)) process.kill(pid, 'SIGKILL')
    }
    if (existsSync(master.socket)) throw new Error('an orderly end left its socket')
  })
  return master
}

/** Who waits for which line of the log. */
function listeners(log: LogLine[]) {
  interface Waiter {
    readonly from: number
    readonly fits: (line: LogLine) => boolean
    readonly found: (line: LogLine | null) => void
  }
  const waiters = new Set<Waiter>()
  let over = false
  return {
    add(line: LogLine): void {
      log.push(line)
      for (const waiter of waiters) if (log.length > waiter.from && waiter.fits(line)) waiter.found(line)
    },
    end(): void {
      over = true
      for (const waiter of waiters) waiter.found(null)
    },
    find(_what: string, fits: (line: LogLine) => boolean, from: number): Promise<LogLine | null> {
      return new Promise((resolve) => {
        const there = log.slice(from).find(fits)
        if (there || over) return resolve(there ?? null)
        const found = (line: LogLine | null): void => {
          clearTimeout(timer)
          waiters.delete(waiter)
          resolve(line)
        }
        const waiter = { from, fits, found }
        const timer = setTimeout(() => found(null), DEADLINE_MS)
        waiters.add(waiter)
      })
    },
  }
}

/** Is phctl or a script to speak to a master that just started elsewhere: its socket answers. */
export async function answering(socket: string): Promise<void> {
  await until(`an answer on ${socket}`, async () => {
    try {
      const client = await connect(socket)
      await client.call('ping', {})
      client.close()
      return true
    } catch {
      return false
    }
  })
}

function lineReader(stream: NodeJS.ReadableStream | null, line: (text: string) => void): void {
  let rest = ''
  stream?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) line(text)
  })
}

/** Output that programs inherit stands between the lines of the log. */
function logLine(text: string): LogLine | null {
  if (!text.startsWith('{"level"')) return null
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return null
  }
}
