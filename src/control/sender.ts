// What goes out on a connection: few writes, and a bounded queue.

import type { Socket } from 'node:net'
import type { Clock } from '../core/ports.ts'

/** Answers that a client does not take, in bytes: no more of its calls are begun then. */
const MOST_UNREAD = 1024 * 1024
/** Who takes nothing for so long, with calls that wait, is let go. */
const UNREAD_MS = 10_000

export interface Sender {
  /** Writes an answer or a notification; those of one turn go out together. */
  send(text: string): void
  /** null = the client keeps up; else resolves when it has taken what waits, or has gone. */
  behind(): Promise<void> | null
}

export function sender(socket: Socket, clock: Clock): Sender {
  let corked = false
  let waiting: Promise<void> | null = null

  const taken = (): Promise<void> =>
    new Promise((done) => {
      const cancel = clock.alarm(clock.now() + UNREAD_MS, () => socket.destroy())
      const over = (): void => {
        cancel()
        waiting = null
        socket.off('drain', over)
        socket.off('close', over)
        done()
      }
      socket.on('drain', over)
      socket.on('close', over)
    })

  return {
    send(text) {
      if (socket.destroyed) return
      if (!corked) {
        corked = true
        socket.cork()
        setImmediate(() => {
          corked = false
          socket.uncork()
        })
      }
      socket.write(`${text}\n`)
    },
    behind() {
      if (socket.destroyed || socket.writableLength <= MOST_UNREAD) return null
      waiting ??= taken()
      return waiting
    },
  }
}
