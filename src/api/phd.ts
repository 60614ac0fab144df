// A client for programs that stay: it makes its connection when it is needed, and another one when that breaks.
// A call that was under way when it broke is not made again: it may have been done.

import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, PhError } from '../errors.ts'
import { abortable } from './abortable.ts'
import { type Client, connect as connectOnce } from './client.ts'
import type { EventTopic, Method, Params, Result } from './contract.ts'
import { type EventItem, followEvents, followLogs, type Link, type LogItem } from './followed.ts'

export interface ConnectOptions {
  /** Path of the master's socket. Default: `PHD_SOCKET`, which every process of phd has in its environment; else `phd.sock`. */
  readonly socket?: string
  /** How long a call waits for a master to come back, in seconds. Default 10. */
  readonly patience?: number
}

export interface CallOptions {
  /** Ends the waiting, not what was asked for. */
  readonly signal?: AbortSignal
}

export interface EventsOptions extends CallOptions {
  readonly topics?: readonly EventTopic[]
  /** Begin with the event after this `seq`, as far as it is kept. Default: from now on. */
  readonly since?: number
}

export interface LogsOptions extends CallOptions {
  /** Of each file, from its end. Default 100. */
  readonly lines?: number
  readonly stream?: 'stdout' | 'stderr'
  /** Go on with what comes. */
  readonly follow?: boolean
}

export interface Phd extends AsyncDisposable {
  readonly socket: string
  /** Rejects with a PhError: the master's own, or PH_NO_MASTER where none answers or the connection broke meanwhile. */
  call<M extends Method>(method: M, ...rest: CallRest<M>): Promise<Result<M>>
  /** What happens. Goes on over upgrades and with a next master; a gap says where something is missing. */
  events(options?: EventsOptions): AsyncGenerator<EventItem, void, undefined>
  /** The last lines, and with `follow` those that come. */
  logs(target: string | readonly string[], options?: LogsOptions): AsyncGenerator<LogItem, void, undefined>
  /** Streams end; calls that are under way are rejected. Resolves when the connection is gone. */
  close(): Promise<void>
}

/** Parameters may be left out where all of them may. */
type CallRest<M extends Method> =
  Record<string, never> extends Params<M>
    ? [params?: Params<M>, options?: CallOptions]
    : [params: Params<M>, options?: CallOptions]

const PATIENCE_S = 10
const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 1_000

/** Rejects with PH_NO_MASTER when nobody answers there now; later it waits for a master that comes back. */
export async function connect(options: ConnectOptions | string = {}): Promise<Phd> {
  const { socket = process.env.PHD_SOCKET ?? 'phd.sock', patience = PATIENCE_S } =
    typeof options === 'string' ? { socket: options } : options
  const closing = new AbortController()
  let current: Client | null = null
  let attempt: Promise<Client> | null = null

  const dial = (): Promise<Client> => {
    attempt ??= connectOnce(socket)
      .then((one) => {
        current = one
        if (closing.signal.aborted) one.drop()
        return one
      })
      .finally(() => {
        attempt = null
      })
    return attempt
  }
  const line = async (seconds: number, signal: AbortSignal | undefined): Promise<Client> => {
    const until = performance.now() + seconds * 1000
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      signal?.throwIfAborted()
      if (closing.signal.aborted) throw new PhError('PH_NO_MASTER', 'cannot call: this client was closed', { socket })
      if (current?.isOpen) return current // its end may not have been told yet
      try {
        return await abortable(dial(), signal)
      } catch (e) {
        const left = until - performance.now()
        if (!(e instanceof PhError) || e.code !== 'PH_NO_MASTER' || left <= 0) throw e
        const ends = AbortSignal.any([closing.signal, ...(signal ? [signal] : [])])
        await sleep(Math.min(wait, left), undefined, { signal: ends }).catch(() => undefined) // looked at above
      }
    }
  }
  const link: Link = {
    line: (signal) => line(Number.POSITIVE_INFINITY, signal),
    get isClosed() {
      return closing.signal.aborted
    },
  }
  const close = async (): Promise<void> => {
    closing.abort()
    const one = (await attempt?.catch(() => null)) ?? current
    one?.drop()
    await one?.closed
  }

  await dial()
  return {
    socket,
    async call(method, ...[params, { signal } = {}]) {
      const one = await line(patience, signal)
      const answer = one.call(method, params ?? ({} as Params<typeof method>))
      return abortable(
        answer.catch((e: unknown) => Promise.reject(brokenCall(method, socket, e))),
        signal,
      )
    },
    events: ({ signal, ...params } = {}) => followEvents(link, params, signal),
    logs: (target, { signal, ...params } = {}) => followLogs(link, { target, ...params }, signal),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function brokenCall(method: Method, socket: string, e: unknown): unknown {
  if (!(e instanceof PhError) || e.code !== 'PH_NO_MASTER') return e
  const why = `the connection to ${socket} broke while it was under way, and it may have been done`
  return new PhError(
    e.code,
    `cannot tell what became of ${method}: ${why}`,
    { ...e.data, method, reason: messageOf(e) },
    { cause: e },
  )
}
