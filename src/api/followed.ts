// Streams that outlive their connection: when it breaks they are asked for anew on the next one. What could not be
// had in between is told as a gap, so that nobody takes a silence for a whole.

import { setTimeout as sleep } from 'node:timers/promises'
import { PhError } from '../errors.ts'
import { abortable } from './abortable.ts'
import type { Client } from './client.ts'
import type { EventTopic, Happening, LogLine, Params } from './contract.ts'
import type { LogBatch } from './notices.ts'

/** Something is missing here. null = nobody knows how much: the connection, or the master, was another one before. */
export interface Gap {
  readonly missed: number | null
}

/** A file that cannot be read any more. */
export interface LogTrouble {
  readonly error: string
}

export type EventItem = Happening | Gap
export type LogItem = LogLine | Gap | LogTrouble

/** What a stream needs of its client. */
export interface Link {
  /** A connection, as soon as there is one. Rejects when the client is closed. */
  line(signal: AbortSignal | undefined): Promise<Client>
  readonly isClosed: boolean
}

const AGAIN_MS = 50

interface Begun<Item> {
  /** Told before what the stream brings. */
  readonly first: readonly Item[]
  readonly stream: AsyncIterable<Item>
}

/** The call is made at once; with `goesOn` it is made again whenever the connection ends. */
function followed<Item>(
  link: Link,
  signal: AbortSignal | undefined,
  goesOn: boolean,
  begin: (one: Client, again: boolean) => Promise<Begun<Item>>,
): AsyncGenerator<Item, void, undefined> {
  const open = async (again: boolean): Promise<Begun<Item>> => {
    for (;;) {
      const one = await link.line(signal)
      try {
        return await begin(one, again)
      } catch (e) {
        if (!isBreak(e) || link.isClosed || !goesOn) throw e
        await sleep(AGAIN_MS) // one that takes connections only to close them is not besieged
      }
    }
  }
  const opened = open(false)
  opened.catch(() => undefined) // whoever iterates gets it
  return (async function* () {
    for (let next = opened; ; next = open(true)) {
      try {
        const { first, stream } = await abortable(next, signal)
        yield* first
        const items = stream[Symbol.asyncIterator]()
        try {
          for (;;) {
            const { done, value } = await abortable(items.next(), signal)
            if (done === true) break
            yield value
          }
        } finally {
          void items.return?.()
        }
      } catch (e) {
        if (link.isClosed && isBreak(e)) return
        throw e
      }
      if (link.isClosed || !goesOn) return
    }
  })()
}

const isBreak = (e: unknown): boolean => e instanceof PhError && e.code === 'PH_NO_MASTER'

/** A master while it lives, upgrades included: its events have one row of numbers. */
interface Life {
  readonly pid: number
  /** It began between these, by our own clock: the wall's may be set. */
  readonly from: number
  readonly to: number
}

/** Of rounding, and of clocks that run at not quite the same speed. */
const SLACK_MS = 200

const isSame = (a: Life, b: Life): boolean => a.pid === b.pid && a.from < b.to + SLACK_MS && b.from < a.to + SLACK_MS

async function lifeOf(one: Client): Promise<Life> {
  const asked = performance.now()
  const { pid, uptime } = await one.call('info', {})
  return { pid, from: asked - uptime * 1000, to: performance.now() - uptime * 1000 }
}

export function followEvents(
  link: Link,
  { topics, since }: { readonly topics?: readonly EventTopic[] | undefined; readonly since?: number | undefined },
  signal: AbortSignal | undefined,
): AsyncGenerator<EventItem, void, undefined> {
  let at = since
  let life: Life | null = null
  const noted = async function* (stream: AsyncIterable<EventItem>): AsyncIterable<EventItem> {
    for await (const item of stream) {
      if ('seq' in item) at = item.seq
      yield item
    }
  }
  return followed<EventItem>(link, signal, true, async (one) => {
    const of = topics ? { topics } : {}
    const stream = one.events({ ...of, since: at })
    const now = await lifeOf(one)
    const { seq } = await stream.begun
    const goesOn = life === null || isSame(life, now)
    life = now
    if (goesOn && seq >= (at ?? 0)) {
      at ??= seq
      return { first: [], stream: noted(stream) }
    }
    // Another master counts anew. Of the former one nothing more can be had.
    void stream[Symbol.asyncIterator]().return?.()
    at = 0
    return { first: [{ missed: null }], stream: noted(one.events({ ...of, since: 0 })) }
  })
}

export function followLogs(
  link: Link,
  params: Params<'logs'>,
  signal: AbortSignal | undefined,
): AsyncGenerator<LogItem, void, undefined> {
  return followed<LogItem>(link, signal, params.follow === true, async (one, again) => {
    const stream = one.logs(again ? { ...params, lines: 0 } : params)
    await stream.begun
    return { first: again ? [{ missed: null }] : [], stream: linesOf(stream) }
  })
}

async function* linesOf(stream: AsyncIterable<LogBatch>): AsyncIterable<LogItem> {
  for await (const { missed, lines, error } of stream) {
    if (missed > 0) yield { missed }
    yield* lines
    if (error !== null) yield { error }
  }
}
