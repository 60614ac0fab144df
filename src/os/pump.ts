// The pump: hears that some pipe has bytes, and has its source take them, a quota a turn.
// A pipe with O_ASYNC sends us SIGIO when bytes arrive; epoll then tells which, asked once for all.
// While nobody prints, nothing runs. A source that gives a whole quota is visited again next turn, after
// everybody else had theirs (visits have some ms a turn: who had to wait is first in the next); one that
// prints often is visited every few ms instead of for each write (its signals are off meanwhile); one that
// has fallen silent is armed again. So a flood costs a few large moves, a lone line is written at once, and
// nobody's flood delays the control socket.

import type { Clock } from '../core/ports.ts'
import { openEpoll, signalOnData } from './libc-io.ts'

/** Bytes a source may take in a turn. */
export const QUOTA_BYTES = 512 * 1024
/** When visits of a turn have taken so long, the others come first in the next one. */
const TURN_MS = 2
/** A visit that finds so much comes again in the next turn. */
const FLOOD_BYTES = 4 * 1024
/** After such a visit it is visited each turn for so long, even if it gives less: its writer is being woken. */
const FLOOD_MS = 1
/** Between visits to a source that prints often. */
const VISIT_MS = 2
/** Two arrivals within this time: it prints often. */
const OFTEN_MS = 10
/** After a failure. */
const RETRY_MS = 1_000

export interface Taken {
  readonly bytes: number
  /**
   * open: more may come. more: the quota is used up, and something is left. ended: all writers have gone and all
   * is taken. stuck: cannot be taken now; `wake` will tell.
   */
  readonly state: 'open' | 'more' | 'ended' | 'stuck'
  /** Bytes were left in the pipe on purpose. */
  readonly holds?: true
}

export interface Source {
  readonly fd: number
  /** Takes up to the quota. `hup`: no writer is left, so what is there is the last. */
  take(hup: boolean): Taken
  /** All is taken and all writers have gone: close the descriptor. */
  ended(): void
  /** Taking threw: it is tried again in a second. */
  failed(error: unknown): void
}

export interface Pump {
  add(source: Source): void
  /** Takes now what has come, a quota of each, as far as the time of a turn goes. */
  look(): void
  /** A source that was stuck may go on. */
  wake(source: Source): void
  /** What it has still is lost. */
  drop(source: Source): void
  /** No more signals, and nothing is taken: what is in the pipes is for the program that we are about to become. */
  rest(): void
  /** That came to nothing. */
  goOn(): void
  /** Takes what is there now from all, whatever the quota, and ends them. */
  finish(): void
}

interface Kept {
  readonly source: Source
  hup: boolean
  /** Signals are on. */
  armed: boolean
  /** A visit is due next turn, or later by the clock. */
  due: 'soon' | 'later' | null
  lastAt: number
  floodAt: number
}

export function pump(clock: Clock): Pump {
  const kept = new Map<number, Kept>()
  // A write that fills a pipe which is not empty sends the signal before it waits, but epoll hears of it only when
  // it is done: whoever left bytes in a pipe looks for itself.
  const holding = new Set<Kept>()
  const epoll = openEpoll()
  let soon: Kept[] = []
  let later: Kept[] = []
  /** A turn for `soon` is on its way. */
  let comes = false
  /** Signals came since then: dozens do, and each look may take its whole time. */
  let calls = false

  const hear = (): void => {
    const now = clock.now()
    for (const { fd, hup } of epoll.arrivals()) {
      const one = kept.get(fd)
      if (!one) continue
      one.hup ||= hup
      if (one.due !== null) continue // it is being visited anyway
      const often = now - one.lastAt < OFTEN_MS
      one.lastAt = now
      if (clock.now() - now < TURN_MS) visit(one, often)
      else again(one, 'soon')
    }
    for (const one of [...holding]) if (one.due === null && one.armed) visit(one, false)
  }

  const visit = (one: Kept, often: boolean): void => {
    if (kept.get(one.source.fd) !== one) return // ended meanwhile; its number may be another's by now
    one.due = null
    const { bytes, state, holds } = attempt(one)
    if (holds) holding.add(one)
    else holding.delete(one)
    if (state === 'ended') end(one)
    // After a hangup nothing will arrive that could tell us to come again.
    else if (state === 'more' || (state === 'open' && (floods(one, bytes) || (one.hup && bytes > 0))))
      again(one, 'soon')
    else if (state === 'open' && often && bytes > 0) again(one, 'later')
    else if (state === 'open' && !one.armed) arm(one)
  }

  /** Nothing that goes wrong with one stream may reach the others. */
  const attempt = (one: Kept): Taken => {
    try {
      return one.source.take(one.hup)
    } catch (e) {
      one.source.failed(e)
      clock.alarm(clock.now() + RETRY_MS, () => visit(one, false))
      return { bytes: 0, state: 'stuck' }
    }
  }

  const floods = (one: Kept, bytes: number): boolean => {
    const now = clock.now()
    if (bytes >= FLOOD_BYTES) one.floodAt = now
    return now - one.floodAt < FLOOD_MS
  }

  const again = (one: Kept, due: 'soon' | 'later'): void => {
    one.due = due
    if (one.armed) {
      one.armed = false
      signalOnData(one.source.fd, false)
    }
    if (due === 'soon') {
      soon.push(one)
      if (comes) return
      comes = true
      clock.soon(() => {
        comes = false
        visitAll('soon')
        if (!calls) return
        calls = false
        hear()
      })
    } else {
      later.push(one)
      if (later.length === 1) clock.alarm(clock.now() + VISIT_MS, () => visitAll('later'))
    }
  }

  const visitAll = (due: 'soon' | 'later'): void => {
    const all = due === 'soon' ? soon : later
    if (due === 'soon') soon = []
    else later = []
    for (const { fd, hup } of epoll.arrivals()) {
      const one = kept.get(fd)
      if (one) one.hup ||= hup
      if (one && one.due === null && !all.includes(one)) all.push(one)
    }
    const end = clock.now() + TURN_MS
    let visited = 0
    for (const one of all) {
      visit(one, true)
      visited++
      if (clock.now() >= end) break
    }
    // Before those that had their turn and want another one.
    const behind = soon
    soon = []
    for (const one of all.slice(visited)) again(one, 'soon')
    soon.push(...behind)
  }

  /** Signals on again, and one more look: bytes may have come in between. */
  const arm = (one: Kept): void => {
    one.armed = true
    signalOnData(one.source.fd, true)
    hear()
    if (one.due === null) visit(one, false)
  }

  const end = (one: Kept): void => {
    const { fd } = one.source
    if (!kept.delete(fd)) return
    holding.delete(one)
    epoll.remove(fd)
    one.source.ended()
  }

  process.on('SIGIO', () => {
    if (comes) calls = true
    else hear()
  })
  return {
    add(source) {
      const one: Kept = {
        source,
        hup: false,
        armed: true,
        due: null,
        lastAt: Number.NEGATIVE_INFINITY,
        floodAt: Number.NEGATIVE_INFINITY,
      }
      kept.set(source.fd, one)
      epoll.add(source.fd)
      signalOnData(source.fd, true)
    },
    look() {
      if (later.length > 0) visitAll('later')
      if (soon.length > 0) visitAll('soon')
      hear()
    },
    wake(source) {
      const one = kept.get(source.fd)
      if (one && one.due === null) again(one, 'soon')
    },
    drop(source) {
      const one = kept.get(source.fd)
      if (one) end(one)
    },
    rest() {
      for (const one of kept.values()) if (one.armed) signalOnData(one.source.fd, false)
    },
    goOn() {
      for (const one of kept.values()) if (one.armed) arm(one)
    },
    finish() {
      const takeLast = (one: Kept): boolean => {
        let taken: Taken
        one.hup = true
        do taken = attempt(one)
        while (taken.state === 'more' || (taken.state === 'open' && taken.bytes > 0))
        if (taken.state !== 'stuck') end(one)
        return taken.state === 'stuck'
      }
      // Who waited for the end of a neighbour's line can go on when all have had their turn.
      for (const one of [...kept.values()].filter(takeLast).filter(takeLast)) {
        one.source.failed(new Error('output was left unwritten at the end'))
        end(one)
      }
      // SIGIO keeps its handler: a late one would end the process.
    },
  }
}
