// Notifications for those who asked: each stream is one call (`events`, `logs`) and the notices that
// carry its number. What waits for a slow reader is counted, so that the client can stop reading the
// socket; then it is the master's side that waits, and leaves out what a client does not take.

import type {
  EventNotice,
  EventsResult,
  Happening,
  LogLine,
  LogNotice,
  LogPlace,
  LogSource,
  LogsResult,
} from './contract.ts'

export type Notice =
  | { readonly method: 'event'; readonly params: EventNotice }
  | { readonly method: 'log'; readonly params: LogNotice }

/** What did not come because this client did not read. */
export interface Missed {
  readonly missed: number
}

/** Lines that came together, and how many are missing before them. */
export interface LogBatch {
  readonly lines: readonly LogLine[]
  readonly missed: number
  /** Files that are followed from now on, or are not what they were. */
  readonly files: readonly LogSource[]
  /** Behind the last of these lines; with `after` another call goes on there. */
  readonly place: LogPlace | null
  /** A file that cannot be read any more, in words. */
  readonly error: string | null
}

/**
 * Can be iterated once. Ends when the connection ends; rejects with the master's refusal. To leave the loop
 * unsubscribes. Whoever reads it slowly holds up no other call on its connection, but notices of all its streams.
 */
export interface Stream<Item, Result> extends AsyncIterable<Item> {
  /** The master's answer: from now on nothing is missed. */
  readonly begun: Promise<Result>
}

export type EventStream = Stream<Happening | Missed, EventsResult>
export type LogStream = Stream<LogBatch, LogsResult>

/** What the streams need of their connection. */
export interface Line {
  call(method: 'events' | 'logs', params: object): Promise<unknown>
  unsubscribe(subscription: number): void
  /** More, or less, is waiting for readers than a moment ago. */
  changed(): void
}

export interface Streams {
  /** Items that wait for their readers. */
  readonly waiting: number
  take(notice: Notice): void
  events(params: object): EventStream
  logs(params: object): LogStream
  /** The connection is gone. */
  end(): void
}

interface Answer {
  readonly subscription?: number
}

/** A notice as what its stream gives, and how much of a burden it is while it waits. */
interface Unit<Item> {
  readonly item: Item
  readonly weight: number
}

interface Open {
  readonly method: Notice['method']
  /** null until the master has answered: notices may overtake the answer in a batch. */
  subscription: number | null
  take(notice: Notice): void
  end(): void
}

export function streamsOn(line: Line): Streams {
  const open = new Set<Open>()
  let waiting = 0
  const weigh = (change: number): void => {
    waiting += change
    line.changed()
  }

  function stream<Item, Result extends Answer>(
    method: 'events' | 'logs',
    params: object,
    first: (result: Result) => readonly Unit<Item>[],
    unit: (notice: Notice) => Unit<Item>,
  ): Stream<Item, Result> {
    const queue: Unit<Item>[] = []
    const early: Notice[] = []
    let over = false
    let failure: unknown = null
    let wake = (): void => {}
    const put = (one: Unit<Item>): void => {
      queue.push(one)
      weigh(one.weight)
      wake()
    }
    const close = (): void => {
      over = true
      open.delete(entry)
      wake()
    }
    const entry: Open = {
      method: method === 'events' ? 'event' : 'log',
      subscription: null,
      take: (notice) => (entry.subscription === null ? early.push(notice) : put(unit(notice))),
      end: close,
    }
    open.add(entry)
    const begun = (line.call(method, params) as Promise<Result>).then(
      (result) => {
        for (const one of first(result)) put(one)
        if (over) return result
        const { subscription } = result
        if (subscription === undefined) close()
        else {
          entry.subscription = subscription
          for (const notice of early) if (notice.params.subscription === subscription) put(unit(notice))
        }
        early.length = 0
        return result
      },
      (e: unknown) => {
        failure = e
        close()
        throw e
      },
    )
    begun.catch(() => {}) // whoever iterates gets it

    const next = async (): Promise<IteratorResult<Item, undefined>> => {
      for (;;) {
        const one = queue.shift()
        if (one) {
          weigh(-one.weight)
          return { done: false, value: one.item }
        }
        if (over) {
          if (failure === null) return { done: true, value: undefined }
          const said = failure
          failure = null
          throw said
        }
        await new Promise<void>((done) => {
          wake = done
        })
      }
    }
    const leave = async (): Promise<IteratorResult<Item, undefined>> => {
      for (const one of queue.splice(0)) weigh(-one.weight)
      if (!over && entry.subscription !== null) line.unsubscribe(entry.subscription)
      close()
      return { done: true, value: undefined }
    }
    return { begun, [Symbol.asyncIterator]: () => ({ next, return: leave }) }
  }

  return {
    get waiting() {
      return waiting
    },
    take(notice) {
      const { subscription } = notice.params
      for (const one of open) {
        if (one.method === notice.method && (one.subscription ?? subscription) === subscription) one.take(notice)
      }
    },
    events: (params) => stream<Happening | Missed, EventsResult>('events', params, firstEvents, eventUnit),
    logs: (params) => stream<LogBatch, LogsResult>('logs', params, firstLines, logUnit),
    end() {
      for (const one of [...open]) one.end()
    },
  }
}

function firstEvents({ missed }: EventsResult): readonly Unit<Missed>[] {
  return missed > 0 ? [{ item: { missed }, weight: 1 }] : []
}

function firstLines({ lines }: LogsResult): readonly Unit<LogBatch>[] {
  return lines.length > 0
    ? [{ item: { lines, missed: 0, files: [], place: null, error: null }, weight: lines.length }]
    : []
}

function eventUnit({ params }: Notice): Unit<Happening | Missed> {
  const { subscription: _of, ...item } = params as EventNotice
  return { item: item as Happening | Missed, weight: 1 }
}

function logUnit({ params }: Notice): Unit<LogBatch> {
  const { lines, missed = 0, files = [], place = null, error = null } = params as LogNotice
  return { item: { lines, missed, files, place, error }, weight: lines.length + 1 }
}
