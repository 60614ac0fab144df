// An epoll of our own that wakes Node's event loop. Node waits only for what it has a handle for, and has
// none for pidfds. But a pipe handle takes any descriptor that can be waited for: when ours has news it
// is readable, Node reads, and the kernel answers EINVAL, for there is nothing to read in an epoll. That error is
// the news. A handle is closed by it, so each gets a duplicate of the descriptor. (Node 20 to 26.)

import { connect, Socket } from 'node:net'
import type { Clock } from '../core/ports.ts'
import { duplicateFd, type Epoll, openEpoll } from './libc-io.ts'

interface PipeHandle {
  open(fd: number): number | undefined
}

/** Where a handle cannot be had, the epoll is asked so often. */
const LOOK_MS = 250

/** `news` is called for each descriptor that has become readable, once. */
export function epollWithNews(clock: Clock, news: (fd: number) => void): Pick<Epoll, 'add' | 'remove'> {
  const epoll = openEpoll()
  const Pipe = pipeHandle()
  let waiting = false

  const wait = (): void => {
    if (waiting) return
    waiting = true
    const over = (): void => {
      waiting = false
      const arrivals = epoll.arrivals()
      wait() // before anybody is told: what they do may throw
      for (const { fd } of arrivals) news(fd)
    }
    const handle = Pipe ? new Pipe(0) : null
    if (!handle || handle.open(duplicateFd(epoll.fd))) {
      clock.alarm(clock.now() + LOOK_MS, over)
      return
    }
    const socket = new Socket({ handle, readable: true, writable: false } as ConstructorParameters<typeof Socket>[0])
    socket.on('error', () => {}) // the news itself
    socket.on('close', over)
    socket.resume()
  }

  return {
    add(fd) {
      epoll.add(fd)
      wait()
    },
    remove: (fd) => epoll.remove(fd),
  }
}

/** The class of Node's pipe handles: any socket on a path has one, as soon as it tries to connect. */
function pipeHandle(): (new (type: number) => PipeHandle) | null {
  const socket = connect('/dev/null/nobody')
  socket.on('error', () => {}) // as expected
  const { _handle: handle } = socket as unknown as { readonly _handle: PipeHandle | null }
  socket.destroy()
  return (handle?.constructor as (new (type: number) => PipeHandle) | undefined) ?? null
}
