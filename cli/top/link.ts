// The way to the master: asks for status as often as it costs little, hears events, follows one log, carries orders,
// and comes back by itself when the master was gone. What it hears becomes messages; nothing is decided here.

import type { Master } from '../connect.ts'
import { firstLine, followLog, isGone } from './follow-log.ts'
import type { Message, Order } from './model.ts'

export interface Link {
  /** Follows this log from now on, and no other. */
  watchLog(target: string | null): void
  /** What went wrong, in words; null when all is as ordered. */
  order(order: Order): Promise<string | null>
  /** Asks for status soon. */
  look(): void
  close(): void
}

/** Where a master is found. */
export interface Door {
  /** Null: it is the only one. */
  readonly host: string | null
  /** The one that answered when `top` began. */
  readonly first: Master | null
  /** Finds one again. */
  open(): Promise<Master>
  /** The longest pause between two tries. */
  readonly patienceMs: number
}

/** Between two questions for status. */
const LOOK_MS = 1_000
/** A question may take a twentieth of our time and of the master's: many programs are asked less often. */
const REST = 20
/** Events from before we came. */
const PAST = 20
/** The second pause before it is tried again; each is twice the last, up to the door's patience. */
const AGAIN_MS = 1_000
/** The first: after an upgrade the next one answers at once. */
const SOON_MS = 100
/** So long the selection rests before its log is asked for: whoever runs through the table asks for none. */
const RESTED_MS = 120

/** What it says has the names that the master gives. */
export function linkTo({ host, first, open, patienceMs }: Door, say: (message: Message) => void): Link {
  let master: Master | null = null
  let closed = false
  let looking = false
  /** What `look` waits for, and what a lost master waits for. */
  let next: NodeJS.Timeout | undefined
  /** The last event heard, of which master: the same one that comes back, upgraded, tells what came after it. */
  let seen: { readonly life: string; readonly seq: number } | null = null
  let rested: NodeJS.Timeout | undefined
  let endLog = (): void => {}
  let pause = SOON_MS

  const later = (ms: number, what: () => void): void => {
    clearTimeout(next)
    if (!closed) next = setTimeout(what, ms)
  }
  const lost = (why: string): void => {
    if (closed) return
    const wait = pause
    pause = Math.min(Math.max(AGAIN_MS, 2 * pause), patienceMs)
    master?.close()
    master = null
    clearTimeout(rested)
    endLog()
    say({ kind: 'gone', host, why })
    later(wait, () => void connect())
  }
  const connect = async (): Promise<void> => {
    try {
      await join(await open())
    } catch (e) {
      lost(firstLine(e))
    }
  }
  const join = async (found: Master): Promise<void> => {
    if (closed) {
      found.close()
      return
    }
    master = found
    void found.closed.then(() => {
      if (master === found) lost('the connection was closed')
    })
    const info = await found.call('info', {})
    const life = `${info.pid} ${info.startedAt}`
    const events = await found.events({ since: seen?.life === life ? seen.seq : await startOf(found) })
    pause = SOON_MS
    say({ kind: 'connected', host, info })
    void hear(found, life, events)
    look()
  }
  const hear = async (from: Master, life: string, events: Awaited<ReturnType<Master['events']>>): Promise<void> => {
    for await (const event of events) {
      if (master !== from) return
      if ('topic' in event) {
        seen = { life, seq: event.seq }
        say({ kind: 'event', host, event })
      } else look() // some were left out: the whole picture again
    }
  }
  const look = (): void => {
    if (!looking) void ask()
  }
  const ask = async (): Promise<void> => {
    const asked = master
    if (asked === null) return
    looking = true
    const from = performance.now()
    try {
      const programs = await asked.call('status', {})
      if (master === asked) say({ kind: 'status', host, programs, now: Date.now() })
    } catch (e) {
      // A connection that broke says so itself; a master that refuses is asked again.
      if (master === asked && !isGone(e)) say({ kind: 'gone', host, why: firstLine(e) })
    } finally {
      looking = false
    }
    if (master === asked) later(Math.max(LOOK_MS, (performance.now() - from) * REST), look)
  }

  if (first === null) void connect()
  else void join(first).catch((e: unknown) => lost(firstLine(e)))
  return {
    look,
    watchLog(target) {
      clearTimeout(rested)
      endLog()
      const from = master
      if (target === null || from === null) return // a master that comes back is asked then
      rested = setTimeout(() => {
        endLog = followLog(from.socket, target, say)
      }, RESTED_MS)
    },
    order: async (order) => (master === null ? 'no master' : carry(master, order).catch(firstLine)),
    close() {
      closed = true
      clearTimeout(next)
      clearTimeout(rested)
      endLog()
      const last = master
      master = null
      last?.close()
    },
  }
}

/** Some events back: whoever comes to look wants to know what has just happened. */
async function startOf(master: Master): Promise<number> {
  const events = await master.events({})
  const { seq } = await events.begun
  await events[Symbol.asyncIterator]().return?.()
  return Math.max(0, seq - PAST)
}

/** What went wrong, in words; null when all is as ordered. */
async function carry(master: Master, order: Order): Promise<string | null> {
  const { ok, results } = await send(master, order)
  if (ok) return null
  const failed = results.filter((one) => !one.ok)
  const [one] = failed
  return one
    ? `${one.name}: ${one.error ?? one.state}${failed.length > 1 ? `, and ${failed.length - 1} more` : ''}`
    : 'failed'
}

function send(
  master: Master,
  order: Order,
): Promise<{ ok: boolean; results: readonly { name: string; ok: boolean; state: string; error?: string }[] }> {
  switch (order.method) {
    case 'scale':
      return master.call('scale', { program: order.program, delta: order.delta })
    case 'signal':
      return master.call('signal', { target: order.target, signal: order.signal })
    default:
      return master.call(order.method, { target: order.target })
  }
}
