// One connection's subscriptions. A client that does not read costs a bounded queue: the session says
// when it is full, and each follower keeps its place then and tells what was missed.

import { PhError } from '../errors.ts'

const MOST_SUBSCRIPTIONS = 64

/** The wire under a session. */
export interface Wire {
  /** Sends a notification. */
  notify(method: 'log' | 'event', params: object): void
  /** The client is behind: what is sent now only lengthens the queue. */
  readonly full: boolean
}

export class Session {
  readonly #wire: Wire | null
  readonly #open = new Map<number, Subscription>()
  #serial = 0
  readonly #gone = new Set<() => void>()
  #ended = false

  /** @param wire null: it can be told nothing but the answer. */
  constructor(wire: Wire | null) {
    this.#wire = wire
  }

  get full(): boolean {
    return this.#wire?.full ?? true
  }

  /** The connection is gone: whatever is said, nobody hears it. */
  get isOver(): boolean {
    return this.#ended
  }

  /** `make` gets the subscription's number. Throws PH_LIMIT. */
  subscribe(make: (id: number) => Subscription): number {
    if (this.#wire === null) {
      const instead = 'speak JSON-RPC on this socket without HTTP, one JSON text a line'
      throw new PhError('PH_CONFLICT', `cannot subscribe over HTTP, which has answers only: ${instead}`)
    }
    if (this.#open.size >= MOST_SUBSCRIPTIONS) {
      throw new PhError('PH_LIMIT', `cannot hold more than ${MOST_SUBSCRIPTIONS} subscriptions on one connection`)
    }
    const id = ++this.#serial
    const subscription = make(id)
    // A client that left while its call was carried out: nobody would ever end it.
    if (this.#ended) subscription.end()
    else this.#open.set(id, subscription)
    return id
  }

  unsubscribe(id: number): void {
    const subscription = this.#open.get(id)
    if (!subscription)
      throw new PhError('PH_NOT_FOUND', `cannot unsubscribe ${id}: no such subscription`, {
        known: [...this.#open.keys()],
      })
    this.#open.delete(id)
    subscription.end()
  }

  notify(method: 'log' | 'event', params: object): void {
    this.#wire?.notify(method, params)
  }

  /** The client has read what was waiting. */
  drained(): void {
    for (const subscription of [...this.#open.values()]) subscription.drained()
  }

  /** Calls back when the connection is gone, for a call that nobody waits for then. Returns what ends it. */
  onEnd(gone: () => void): () => void {
    this.#gone.add(gone)
    return () => this.#gone.delete(gone)
  }

  /** The connection is gone. */
  end(): void {
    this.#ended = true
    for (const gone of this.#gone) gone()
    this.#gone.clear()
    for (const subscription of this.#open.values()) subscription.end()
    this.#open.clear()
  }
}

export interface Subscription {
  /** The client reads again: say what it missed, and go on. */
  drained(): void
  end(): void
}
