// What the master is to know of this worker, and when it is told: ready, the counters, the wish to
// be recycled. Counters are told when they changed, at most once a second, and at least every beatMs
// when the master asked for a heartbeat; so an idle worker does nothing. After a reconnect all of it
// is told again. It must not touch the socket: channel.ts does.

import type { Channel } from './channel.ts'
import { latencies, WINDOW_MS } from './latency.ts'
import type { Counters, Welcome } from './protocol.ts'

const BEAT_EVERY_MS = 1000

export interface Reporter {
  /** The channel has a master, the first or another: takes its numbers and tells it everything. */
  greeted(welcome: Welcome): void
  /** The worker takes requests from now on. */
  ready(): void
  /** So many requests were handled since boot, so many of them failed. Cheap: called after each request. */
  counted(requests: number, errors: number): void
  /** So many requests are begun and not ended. */
  working(inFlight: number): void
  /** A request ended after so long. */
  took(ms: number): void
  /** Tells the last counters and closes the channel. */
  end(): Promise<void>
  /** Tells why the worker cannot boot, and closes the channel. */
  bootFailed(message: string): Promise<void>
}

export function reporterOf(channel: Channel): Reporter {
  let isReady = false
  let requests = 0
  let errors = 0
  let inFlight = 0
  const latency = latencies()
  let maxRequests = 0
  let wantsRecycle = false
  let beatAt = -BEAT_EVERY_MS
  /** Armed while counters wait for their second to pass. */
  let due: NodeJS.Timeout | null = null
  let heartbeat: NodeJS.Timeout | null = null
  /** Armed while the master believes that there were requests lately. */
  let fade: NodeJS.Timeout | null = null

  const counters = (): Counters => ({ requests, errors, inFlight, latency: latency.told(performance.now()) })

  function beat(): void {
    if (due !== null) clearTimeout(due)
    due = null
    beatAt = performance.now()
    if (channel.clogged) {
      due = later()
      return
    }
    const told = counters()
    channel.send({ type: 'beat', ...told })
    if (fade !== null) clearTimeout(fade)
    fade = told.latency === null ? null : setTimeout(beat, WINDOW_MS).unref()
    if (wantsRecycle) channel.send({ type: 'recycle', requests })
  }

  // Unreferenced: the channel keeps the process alive, not its beats.
  const later = (): NodeJS.Timeout => setTimeout(beat, Math.max(0, beatAt + BEAT_EVERY_MS - performance.now())).unref()

  function recycleWhenDue(): void {
    if (wantsRecycle || maxRequests === 0 || requests < maxRequests) return
    wantsRecycle = true
    channel.send({ type: 'recycle', requests })
  }

  function silence(): void {
    if (due !== null) clearTimeout(due)
    if (heartbeat !== null) clearInterval(heartbeat)
    if (fade !== null) clearTimeout(fade)
    due = null
    heartbeat = null
    fade = null
  }

  return {
    greeted(welcome) {
      maxRequests = welcome.maxRequests
      if (heartbeat !== null) clearInterval(heartbeat)
      heartbeat = welcome.beatMs > 0 ? setInterval(() => isReady && beat(), welcome.beatMs).unref() : null
      if (!isReady) return
      channel.send({ type: 'ready' })
      beat()
      recycleWhenDue()
    },
    ready() {
      isReady = true
      channel.send({ type: 'ready' })
    },
    counted(newRequests, newErrors) {
      requests = newRequests
      errors = newErrors
      due ??= later()
      recycleWhenDue()
    },
    working(now) {
      inFlight = now
      due ??= later()
    },
    took(ms) {
      latency.add(ms, performance.now())
    },
    end() {
      const untold = due !== null
      silence()
      return channel.end(untold ? { type: 'beat', ...counters() } : undefined)
    },
    bootFailed(message) {
      silence()
      return channel.end({ type: 'bootFailed', message })
    },
  }
}
