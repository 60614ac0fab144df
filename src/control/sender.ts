// What goes out on a connection: few writes, and a bounded queue.

import type { Socket } from 'node:net'

/** Answers that a client does not take, in bytes; who asks for one more then is let go, and the others go on. */
const MAX_UNREAD = 16 * 1024 * 1024

/** Writes answers; those of one turn go out together, and a client that never reads is let go. */
export function sender(socket: Socket): (answer: string) => void {
  let corked = false
  return (answer) => {
    if (socket.destroyed) return
    if (!corked) {
      corked = true
      socket.cork()
      setImmediate(() => {
        corked = false
        socket.uncork()
      })
    }
    // Before the write: one answer may be longer than all that may wait.
    if (socket.writableLength > MAX_UNREAD) socket.destroy()
    else socket.write(`${answer}\n`)
  }
}
