// Connections one by one, or so many at a time: while a worker has as many in hand as it may, it does
// not listen, so that who connects waits in the kernel's queue, where every process of the program can
// take it. libuv accepts whatever comes as long as it listens; so to stop is to close a duplicate of
// the socket, in the very callback that brought the connection. Nothing is accepted that is not served.
// It must not count or log: whoever takes a connection does.

import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { duplicate } from './duplicate.ts'
import type { Listener } from './listeners.ts'

export interface AcceptOptions {
  readonly listeners: readonly Listener[]
  /** Connections in hand. */
  readonly limit: number
  readonly backlog: number
  /** Serves one connection; must not reject. */
  take(connection: Socket): Promise<void>
  /** It cannot listen any more. */
  broken(error: Error): void
}

export interface Accepting {
  /** Takes what waits in queues that are this slot's own, until they are empty or the time is over. */
  empty(mostMs: number): Promise<void>
  /** Accepts no more; resolves when nothing is in hand. */
  close(): Promise<void>
}

/** An empty queue has brought nothing for so long. */
const EMPTY_MS = 50

/** Listens at once. */
export function acceptUpTo({ listeners, limit, backlog, take, broken }: AcceptOptions): Accepting {
  const inHand = new Set<Promise<void>>()
  let taken = 0
  let closed = false
  const servers = listeners.map(({ fd }) => ({ fd, server: createServer({ allowHalfOpen: true }, accepted) }))
  for (const { server } of servers) server.on('error', broken)
  listen()

  function accepted(connection: Socket): void {
    taken++
    const served = take(connection)
    inHand.add(served)
    if (inHand.size >= limit) silence()
    void served.then(() => {
      inHand.delete(served)
      if (!closed) listen()
    })
  }

  function listen(): void {
    for (const { fd, server } of servers) if (!server.listening) server.listen({ fd: duplicate(fd), backlog })
  }

  function silence(): void {
    for (const { server } of servers) closeListening(server)
  }

  return {
    async empty(mostMs) {
      const until = performance.now() + mostMs
      for (;;) {
        const before = taken
        await sleep(Math.min(EMPTY_MS, until - performance.now()))
        if (performance.now() >= until) return
        if (before === taken && inHand.size < limit) return
      }
    },
    async close() {
      closed = true
      silence()
      await Promise.all(inHand)
    },
  }
}

const closeListening = (server: Server): void => {
  if (server.listening) server.close()
}
