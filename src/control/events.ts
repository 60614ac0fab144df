// What happens, as numbered events: kept for a while so that a client can come back and ask for what
// it missed, and sent to those who subscribed. `process.state` carries the whole new row of its slot, so
// a follower can keep `status` up to date from a snapshot and the events after it.

import type { EventsResult, EventTopic, Happening } from '../api/contract.ts'
import type { Clock } from '../core/ports.ts'
import type { Session } from './session.ts'

const KEPT = 4096

export interface Events {
  /** Something happened now. */
  emit(topic: EventTopic, facts: Readonly<Record<string, unknown>>): void
  subscribe(session: Session, topics: readonly EventTopic[] | null, since: number | null): EventsResult
}

interface Follower {
  take(happening: Happening): void
}

export function eventLog(clock: Clock): Events {
  const kept: Happening[] = []
  const followers = new Set<Follower>()
  let seq = 0
  return {
    emit(topic, facts) {
      const happening: Happening = { seq: ++seq, time: new Date(clock.wall()).toISOString(), topic, ...facts }
      kept.push(happening)
      if (kept.length > KEPT * 2) kept.splice(0, KEPT)
      for (const follower of followers) follower.take(happening)
    },
    subscribe(session, topics, since) {
      const wanted = topics ? new Set(topics) : null
      // Never negative, and a `since` of an earlier master's life is no promise of ours.
      const from = since === null ? seq : Math.min(since, seq)
      const first = kept[0]?.seq ?? seq + 1
      const missed = Math.max(0, first - 1 - from)
      const subscription = session.subscribe((id) => {
        const follower = followerOf(session, id, wanted)
        let ended = false
        // After the answer, so that the client knows the number when the first event comes.
        clock.soon(() => {
          if (ended) return
          for (const happening of kept) if (happening.seq > from) follower.take(happening)
          followers.add(follower)
        })
        return {
          drained: () => follower.drained(),
          end() {
            ended = true
            followers.delete(follower)
          },
        }
      })
      return { subscription, seq, missed }
    },
  }
}

function followerOf(session: Session, subscription: number, wanted: ReadonlySet<EventTopic> | null) {
  let missed = 0
  return {
    take(happening: Happening): void {
      if (wanted && !wanted.has(happening.topic)) return
      if (session.full) missed++
      else {
        if (missed > 0) this.drained()
        session.notify('event', { subscription, ...happening })
      }
    },
    drained(): void {
      if (missed === 0) return
      session.notify('event', { subscription, missed })
      missed = 0
    },
  }
}
