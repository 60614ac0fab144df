// What happens, as numbered events: kept for a while so that a client can come back and ask for what
// it missed, and sent to those who subscribed. What is kept is also the queue of those who read slowly:
// a follower costs its place in it, and is told how many were gone before it came to them.
// `process.state` carries the whole new row of its slot, `program.scaled` and `config.updated` the counts, so
// a follower can keep `status` up to date from a snapshot and the events after it.

import type { EventsResult, EventTopic, Happening } from '../api/contract.ts'
import type { Clock } from '../core/ports.ts'
import type { Session } from './session.ts'

const KEPT = 4096

export interface Events {
  /** Number of the last one. */
  readonly seq: number
  /** Something happened now. */
  emit(topic: EventTopic, facts: Readonly<Record<string, unknown>>): void
  subscribe(session: Session, topics: readonly EventTopic[] | null, since: number | null): EventsResult
}

/** @param from the number of the last event before */
export function eventLog(clock: Clock, from = 0): Events {
  const kept: Happening[] = []
  const followers = new Set<() => void>()
  let seq = from
  /** Events after this one are kept, without a gap. */
  const before = (): number => seq - kept.length

  /** Sends on from its place, as far as the client takes it. */
  const follower = (session: Session, subscription: number, wanted: ReadonlySet<EventTopic> | null, from: number) => {
    let at = from
    return (): void => {
      while (at < seq && !session.full) {
        const missed = before() - at
        const happening = kept[at - before()]
        if (missed > 0) {
          at = before()
          session.notify('event', { subscription, missed })
        } else if (happening) {
          at++
          if (!wanted || wanted.has(happening.topic)) session.notify('event', { subscription, ...happening })
        }
      }
    }
  }

  return {
    get seq() {
      return seq
    },
    emit(topic, facts) {
      kept.push({ seq: ++seq, time: new Date(clock.wall()).toISOString(), topic, ...facts })
      if (kept.length > KEPT * 2) kept.splice(0, KEPT)
      for (const send of followers) send()
    },
    subscribe(session, topics, since) {
      const wanted = topics ? new Set(topics) : null
      // A `since` of an earlier master's life is no promise of ours.
      const from = since === null ? seq : Math.min(since, seq)
      const missed = Math.max(0, before() - from)
      const subscription = session.subscribe((id) => {
        const send = follower(session, id, wanted, from + missed)
        let ended = false
        // After the answer, so that the client knows the number when the first event comes.
        clock.soon(() => {
          if (ended) return
          followers.add(send)
          send()
        })
        return {
          drained: send,
          end() {
            ended = true
            followers.delete(send)
          },
        }
      })
      return { subscription, seq, missed }
    },
  }
}
