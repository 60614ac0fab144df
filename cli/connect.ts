// Speaks with the master that was found (finding.ts). Promises that no command reaches the wrong master: when a
// configuration file led to the socket, what answers there must run that very file, and be of our major version,
// before anything that changes something is sent; questions go along with the check, so they cost no round trip more.

import { existsSync, realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Client, connect, type EventStream, type LogStream } from '../src/api/client.ts'
import type { Info, Method, Params, Result } from '../src/api/contract.ts'
import { errno, messageOf, PhError } from '../src/errors.ts'
import { packageVersion } from '../src/package.ts'
import type { Globals } from './args.ts'
import { findPlace, type Place } from './finding.ts'
import { livingBeside } from './instances.ts'

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

export async function openMaster(globals: Globals, warn: (text: string) => void): Promise<Master> {
  return connectTo(await findPlace(globals, process.env, warn), globals.timeout)
}

/** Connects to the socket of a place; the first call checks who answers. */
export async function connectTo(place: Place, timeout: number | null): Promise<Master> {
  let client: Client
  try {
    client = await connect(place.socket)
  } catch (e) {
    throw e instanceof PhError ? await lost(e, place) : e
  }
  let checked: Promise<Info | null> | null = null
  const ask = async (method: string, params: unknown, limit: number | null): Promise<unknown> => {
    const isFirst = checked === null
    checked ??= identify(client, place)
    const who = checked
    if (method === 'info') {
      const info = await within(limit, method, who)
      return (isFirst ? info : null) ?? within(limit, method, client.raw(method, params))
    }
    if (!questions.has(method)) await within(limit, method, who)
    const answer = client.raw(method, params)
    answer.catch(() => {}) // awaited below; when the check fails before it, nobody else will ask what became of it
    const named = answer.catch(async (e: unknown) => {
      throw ofInstance(e, await who)
    })
    return within(
      limit,
      method,
      who.then(() => named),
    )
  }
  const raw = (method: string, params: unknown): Promise<unknown> => {
    const own = (params as { timeout?: unknown } | null)?.timeout !== undefined
    return ask(method, params, timeout === null ? null : timeout * 1000 + (own ? GRACE_MS : 0))
  }
  const stream = async <S extends { readonly begun: Promise<unknown> }>(method: string, open: () => S): Promise<S> => {
    const limit = timeout === null ? null : timeout * 1000
    checked ??= identify(client, place)
    const info = await within(limit, method, checked)
    const opened = open()
    try {
      await within(limit, method, opened.begun)
    } catch (e) {
      throw ofInstance(e, info)
    }
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

/** What the master at this socket says of itself, and no more of it. Rejects as connecting does, or as the answer. */
export async function infoAt(socket: string, timeout: number, instance: string | null = null): Promise<Info> {
  const m = await connectTo({ socket, instance, config: null, tried: [], startWith: '' }, timeout)
  const info = await m.call('info', {})
  m.close()
  return info
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

/** What a master refuses, with its name where it has one: several may run by one file. */
function ofInstance(e: unknown, info: Info | null): unknown {
  if (!(e instanceof PhError) || !info?.instance) return e
  return new PhError(e.code, `${e.message} (instance ${info.instance})`, e.data, { cause: e })
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path) // a file that is gone is still the same name
  }
}

async function lost(e: PhError, place: Place): Promise<PhError> {
  if (e.code === 'PH_DENIED') return denied(e, place)
  // Whoever forgot --instance, or wrote another, is told what there is.
  const others = await livingBeside(place)
  const living = others.length === 0 ? '' : `\n  others live there: ${others.join(', ')} (see: phctl instances)`
  const words = place.log && existsSync(place.log) ? `\n  what the last one said: tail ${place.log}` : ''
  const hint = `  looked for: ${place.tried.join(', ')}${living}${words}\n  start one with: ${place.startWith}`
  return new PhError(e.code, `${messageOf(e)}\n${hint}`, { ...e.data, tried: place.tried }, { cause: e })
}

/** Who may open the socket is a matter of its file; who it belongs to can be seen by anybody. */
function denied(e: PhError, { socket }: Place): PhError {
  let owner = ''
  try {
    const { uid, gid, mode } = statSync(socket)
    owner = `\n  it belongs to uid ${uid}, gid ${gid}, mode ${(mode & 0o777).toString(8)}; this is uid ${process.getuid?.()}`
  } catch (cause) {
    if (errno(cause) === null) throw cause // else: even that is not for us to see
  }
  const hint = '\n  who may: socket_mode and socket_group, or allow and observe, in [master]'
  return new PhError(e.code, `${e.message}${owner}${hint}`, e.data, { cause: e })
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
