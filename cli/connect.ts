// Finds the master and speaks with it. Promises that no command reaches the wrong master: when a
// configuration file led to the socket, what answers there must run that very file, and be of our major version,
// before anything that changes something is sent; questions go along with the check, so they cost no round trip more.

import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Client, connect, type EventStream, type LogStream } from '../src/api/client.ts'
import type { Info, Method, Params, Result } from '../src/api/contract.ts'
import { messageOf, PhError } from '../src/errors.ts'
import { packageVersion } from '../src/package.ts'
import type { Globals } from './args.ts'

export interface Master {
  readonly socket: string
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>
  /** As call, for a method only known at run time; it is taken for one that changes something. */
  raw(method: string, params: unknown): Promise<unknown>
  /** Resolves when the master has answered; the stream then gives what it said and what comes. */
  logs(params: Params<'logs'>): Promise<LogStream>
  events(params: Params<'events'>): Promise<EventStream>
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  close(): void
}

/** Where a master is looked for, and how we got there. */
export interface Place {
  readonly socket: string
  /** The configuration that the master there must run; null = any. */
  readonly config: string | null
  /** What was looked at, in order, for the person who finds no master. */
  readonly tried: readonly string[]
  /** What to type to start one. */
  readonly startWith: string
}

/** Methods that change nothing: they may be sent before we know who answers. */
const questions: ReadonlySet<string> = new Set([
  'ping',
  'info',
  'status',
  'graph',
  'show',
  'reread',
  'wait',
  'rpc.discover',
])

/** Beyond --timeout, what the master gets to answer by itself that the time is over. */
const GRACE_MS = 2000

const SYSTEM_SOCKET = '/run/phd/phd.sock'
const DEFAULT_CONFIG = 'config.ini'

export async function openMaster(globals: Globals, warn: (text: string) => void): Promise<Master> {
  return connectTo(await findPlace(globals, process.env, warn), globals.timeout)
}

/** Connects to the socket of a place; the first call checks who answers. */
export async function connectTo(place: Place, timeout: number | null): Promise<Master> {
  let client: Client
  try {
    client = await connect(place.socket)
  } catch (e) {
    throw e instanceof PhError && e.code === 'PH_NO_MASTER' ? lost(e, place) : e
  }
  let checked: Promise<Info | null> | null = null
  const ask = async (method: string, params: unknown, limit: number | null): Promise<unknown> => {
    checked ??= identify(client, place)
    if (method === 'info') {
      const info = await within(limit, method, checked)
      return info ?? client.raw(method, params)
    }
    if (!questions.has(method)) await within(limit, method, checked)
    const answer = client.raw(method, params)
    answer.catch(() => {}) // awaited below; when the check fails before it, nobody else will ask what became of it
    return within(
      limit,
      method,
      checked.then(() => answer),
    )
  }
  const raw = (method: string, params: unknown): Promise<unknown> => {
    const own = (params as { timeout?: unknown } | null)?.timeout !== undefined
    return ask(method, params, timeout === null ? null : timeout * 1000 + (own ? GRACE_MS : 0))
  }
  const stream = async <S extends { readonly begun: Promise<unknown> }>(method: string, open: () => S): Promise<S> => {
    const limit = timeout === null ? null : timeout * 1000
    checked ??= identify(client, place)
    await within(limit, method, checked)
    const opened = open()
    await within(limit, method, opened.begun)
    return opened
  }
  return {
    socket: place.socket,
    logs: (params) => stream('logs', () => client.logs(params)),
    events: (params) => stream('events', () => client.events(params)),
    call: <M extends Method>(method: M, params: Params<M>) => raw(method, params) as Promise<Result<M>>,
    raw,
    closed: client.closed,
    close: () => client.close(),
  }
}

/** The socket to try, by -s, $PHD_SOCKET, -c or ./config.ini, /run/phd/phd.sock. */
export async function findPlace(
  globals: Globals,
  env: Readonly<Record<string, string | undefined>>,
  warn: (text: string) => void,
): Promise<Place> {
  const { socket, config, instance } = globals
  const suffix = instance === null ? '' : ` --instance ${instance}`
  const startWith = `phd -c ${config ?? 'FILE'}${suffix}`
  // A file named by -c binds the master even where the socket was found without it.
  const bound = config === null ? null : resolve(config)
  if (socket !== null) return { socket, config: bound, tried: [`-s ${socket}`], startWith }
  if (env.PHD_SOCKET) {
    return { socket: env.PHD_SOCKET, config: bound, tried: [`$PHD_SOCKET = ${env.PHD_SOCKET}`], startWith }
  }
  const file = config ?? DEFAULT_CONFIG
  if (config !== null || existsSync(file)) {
    const shown = config ?? `./${DEFAULT_CONFIG}`
    const found = await socketOf(file, shown, instance, warn)
    return {
      socket: found,
      config: resolve(file),
      tried: [`${shown} -> ${found}`],
      startWith: `phd -c ${file}${suffix}`,
    }
  }
  const system = withInstance(SYSTEM_SOCKET, instance)
  return {
    socket: system,
    config: null,
    tried: ['$PHD_SOCKET (not set)', `./${DEFAULT_CONFIG} (no such file)`, system],
    startWith,
  }
}

/**
 * The socket that a configuration file names. A file that is broken just now still belongs to a
 * running master: then the default place next to it is tried, which the check of who answers makes safe.
 */
async function socketOf(
  file: string,
  shown: string,
  instance: string | null,
  warn: (text: string) => void,
): Promise<string> {
  const { loadConfig, formatProblem } = await import('../src/config/load.ts')
  try {
    return loadConfig(file, { instance }).master.socket
  } catch (e) {
    if (!(e instanceof PhError) || e.code !== 'PH_CONFIG') throw e
    const guess = withInstance(join(resolve(dirname(file)), 'phd.sock'), instance)
    if (existsSync(guess)) {
      warn(`phctl: ${shown} has errors (phctl check shows them); speaking to the master at ${guess}`)
      return guess
    }
    const problems = (e.data.problems ?? []) as readonly Parameters<typeof formatProblem>[0][]
    const first = problems.slice(0, 3).map((p) => `\n  ${formatProblem(p)}`)
    const more = problems.length > 3 ? `\n  and ${problems.length - 3} more: phctl check ${file}` : ''
    throw new PhError(
      'PH_CONFIG',
      `cannot find the socket through ${shown}: the file has errors (-s SOCKET goes without it)${first.join('')}${more}`,
      e.data,
      { cause: e },
    )
  }
}

/** `phd.sock` -> `phd.NAME.sock`, as phd does it. */
function withInstance(path: string, instance: string | null): string {
  return instance === null ? path : path.replace(/\.sock$/, `.${instance}.sock`)
}

/**
 * Who answers. Null when it does not say and need not.
 * Rejects when it runs another file than the one that led there, or speaks another major version.
 */
async function identify(client: Client, place: Place): Promise<Info | null> {
  const asked = client.call('info', {})
  await Promise.resolve() // lets the question that goes along be sent before a file is read
  const own = packageVersion()
  let info: Info
  try {
    info = await asked
  } catch (e) {
    if (place.config !== null) throw e
    return null // the call that goes along with this question has its own answer, or its own error
  }
  const other = info?.version
  const major = majorOf(other)
  if (major !== null && major !== majorOf(own)) {
    const text = `cannot speak with the master at ${place.socket}: it is version ${other}, this phctl is ${own}`
    throw new PhError('PH_CONFLICT', `${text}\n  use the phctl of version ${major}`, { version: other, own })
  }
  if (place.config !== null && real(String(info?.config)) !== real(place.config)) {
    throw new PhError(
      'PH_NO_MASTER',
      `cannot use the master at ${place.socket}: it runs ${info?.config}, not ${place.config}\n` +
        `  looked for: ${place.tried.join(', ')}\n  speak to it all the same with: phctl -s ${place.socket}`,
      { socket: place.socket, config: info?.config, wanted: place.config },
    )
  }
  return info
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path) // a file that is gone is still the same name
  }
}

function lost(e: PhError, place: Place): PhError {
  const hint = `  looked for: ${place.tried.join(', ')}\n  start one with: ${place.startWith}`
  return new PhError(e.code, `${messageOf(e)}\n${hint}`, { ...e.data, tried: place.tried }, { cause: e })
}

/** Ends the wait for an answer: a master that hangs cannot keep --timeout by itself. */
function within<T>(ms: number | null, method: string, answer: Promise<T>): Promise<T> {
  if (ms === null) return answer
  return new Promise((done, fail) => {
    const late = (): void =>
      fail(
        new PhError('PH_TIMEOUT', `cannot wait longer for ${method}: no answer within ${ms / 1000} s`, { results: [] }),
      )
    const timer = setTimeout(late, ms)
    answer.then(done, fail).finally(() => clearTimeout(timer))
  })
}

/** `1` of `1.4.2`; null when it is no version. */
function majorOf(version: unknown): string | null {
  return typeof version === 'string' ? (/^(\d+)\./.exec(version)?.[1] ?? null) : null
}
