// The life of an SDK worker's process, from hello to its exit status: welcome, module, class,
// setup(), initProcess(), ready, run(), stop(). 0 = told to stop and done, 1 = it broke while
// working, 3 = it could not boot. It must not exit: boot.ts does.

import { pathToFileURL } from 'node:url'
import type { Logger } from 'pino'
import { openChannel } from './channel.ts'
import { checkUsable, findWorkerClass, type WorkerClass } from './find-class.ts'
import { setHost } from './host.ts'
import { listenersFrom } from './listeners.ts'
import { makeLogger } from './logger.ts'
import { resolveToOwnCopy } from './own-copy.ts'
import { CHANNEL_ENV, TOKEN_ENV, type Welcome } from './protocol.ts'
import { type Reporter, reporterOf } from './reporter.ts'
import { OPEN, type Worker } from './worker.ts'

const OK = 0
const BROKEN = 1
const NOT_BOOTED = 3

/** Longest reason of a failed boot that goes to the master; the log has all of it. */
const REASON_CHARS = 500

interface Life {
  /** Aborted by TERM and QUIT. */
  readonly stop: AbortSignal
  readonly reporter: Reporter
  /** What becomes of the process is logged here; the user's own logger, once there is one. */
  log(): Logger
  program: string
  worker: Worker | null
  ready: boolean
  /** Its kind has opened what it serves. */
  listens: boolean
}

/** A step of the worker's life that threw: the message is for the master, the cause for the log. */
class StepError extends Error {}

export async function start(stop: AbortSignal): Promise<number> {
  const path = process.env[CHANNEL_ENV]
  const token = process.env[TOKEN_ENV]
  if (!path || !token) {
    console.error(
      `cannot start a worker by hand: phd starts it, with ${CHANNEL_ENV} and ${TOKEN_ENV} in its environment`,
    )
    return NOT_BOOTED
  }
  // What the worker spawns is no worker of the master. The token stays: by it the master knows whose child it is.
  delete process.env[CHANNEL_ENV]

  const parent = process.ppid
  let endsWithMaster = false
  let greet: (welcome: Welcome) => void = () => {}
  const welcomed = new Promise<Welcome>((resolve) => {
    greet = resolve
  })
  const channel = openChannel(path, token, {
    welcome(welcome) {
      endsWithMaster = welcome.endsWithMaster
      greet(welcome)
      life.reporter.greeted(welcome)
    },
    reopen: () => void reopenLogs(life),
    lost() {
      // A master that is upgraded in place keeps its pid. As if told to stop by TERM.
      if (endsWithMaster && process.ppid !== parent) process.kill(process.pid, 'SIGTERM')
    },
  })
  const life: Life = {
    stop,
    reporter: reporterOf(channel),
    log: () => life.worker?.logger ?? makeLogger(life.program),
    program: 'worker',
    worker: null,
    ready: false,
    listens: false,
  }
  const status = await Promise.race([crashOf(life), live(life, welcomed)])
  await Promise.all([drained(process.stdout), drained(process.stderr)])
  return status
}

/** Settles only when something throws where nobody waits for it. */
function crashOf(life: Life): Promise<number> {
  return new Promise((resolve) => {
    process.on('uncaughtException', (err) => {
      life.log().fatal({ err }, 'uncaught exception')
      const told = life.ready ? life.reporter.end() : life.reporter.bootFailed(reasonOf('uncaught exception', err))
      void told.then(() => resolve(life.ready ? BROKEN : NOT_BOOTED))
    })
  })
}

async function live(life: Life, welcomed: Promise<Welcome>): Promise<number> {
  try {
    const worker = await boot(life, welcomed)
    if (worker !== null) {
      // Who listens must also serve: what was accepted before the stop is finished by run().
      if (!life.stop.aborted && worker[OPEN]) {
        await step('cannot listen', () => worker[OPEN]?.())
        life.listens = true
      }
      if (!life.stop.aborted || life.listens) {
        life.ready = true
        life.reporter.ready()
        await step('run() threw', () => worker.run())
      }
      await step('stop() threw', () => worker.stop())
    }
    await life.reporter.end()
    return OK
  } catch (e) {
    if (!(e instanceof StepError)) throw e
    life.log().fatal({ err: e.cause }, e.message)
    if (life.ready) await life.reporter.end()
    else await life.reporter.bootFailed(reasonOf(e.message, e.cause))
    if (e.cause instanceof SyntaxError && life.worker === null) await dieOf(e.cause, NOT_BOOTED)
    return life.ready ? BROKEN : NOT_BOOTED
  }
}

/** The worker, set up; null when it was told to stop before there was one. */
async function boot(life: Life, welcomed: Promise<Welcome>): Promise<Worker | null> {
  const stopped = new Promise<null>((resolve) => {
    if (life.stop.aborted) resolve(null)
    life.stop.addEventListener('abort', () => resolve(null), { once: true })
  })
  const welcome = await Promise.race([welcomed, stopped])
  if (welcome === null) return null
  const { module, program, name, slot, cfg } = welcome
  life.program = program
  process.title = `worker: ${welcome.procName}`
  const exports = await Promise.race([step(`cannot import ${module}`, () => load(module)), stopped])
  if (exports === null) return null

  setHost({
    program,
    name,
    slot,
    cfg: Object.freeze({ ...cfg }),
    stopping: life.stop,
    logger: makeLogger,
    counted: (requests, errors) => life.reporter.counted(requests, errors),
    working: (inFlight) => life.reporter.working(inFlight),
    took: (ms) => life.reporter.took(ms),
    listeners: listenersFrom(process.env, process.pid),
    concurrency: welcome.concurrency,
    graceMs: welcome.graceMs,
    backlog: welcome.backlog,
    ownQueues: welcome.ownQueues,
  })
  const Class: WorkerClass = await step('cannot boot', () => findWorkerClass(exports, welcome))
  const worker = await step(`cannot construct ${Class.name}`, () => new Class())
  life.worker = worker
  await step('cannot boot', () => checkUsable(worker))
  life.stop.addEventListener('abort', () => {
    worker.alive = false
  })
  await step('setup() threw', () => worker.setup())
  if (!life.stop.aborted) await step('initProcess() threw', () => worker.initProcess())
  return worker
}

async function load(module: string): Promise<Readonly<Record<string, unknown>>> {
  const { typescript } = process.features as { readonly typescript?: unknown }
  if (/\.[cm]?ts$/.test(module) && !typescript) {
    throw new Error(`Node ${process.version} does not strip types (22.18 and later do): compile it to JavaScript`)
  }
  resolveToOwnCopy(module)
  return (await import(pathToFileURL(module).href)) as Readonly<Record<string, unknown>>
}

async function step<T>(what: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw new StepError(what, { cause })
  }
}

/** One line for the status of the process. */
function reasonOf(what: string, cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  const line = text.trim().split(/\r?\n/, 1)[0] ?? ''
  const kind = cause instanceof Error && cause.name !== 'Error' ? `${cause.name}: ` : ''
  return `${what}: ${kind}${line}`.slice(0, REASON_CHARS)
}

/** Node alone knows the file and line of a syntax error, and tells them on stderr only to those who die of it. */
function dieOf(error: SyntaxError, status: number): Promise<never> {
  process.removeAllListeners('uncaughtException')
  process.on('exit', () => {
    process.exitCode = status
  })
  setImmediate(() => {
    throw error
  })
  return new Promise(() => {})
}

async function reopenLogs(life: Life): Promise<void> {
  try {
    await life.worker?.reopenLogs()
  } catch (err) {
    life.log().error({ err }, 'reopenLogs() threw')
  }
}

/** What console.log left in the process, because the pipe was full, would be lost by the exit. */
function drained(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return Promise.resolve()
  return new Promise((resolve) => stream.write('', () => resolve()))
}
