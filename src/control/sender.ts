// What goes out on a connection: whole lines, few writes, and a bounded queue. The answer to a batch may be far longer
// than what is kept for a client: beyond some bytes it is written as its parts come, and other lines wait for its end.

import type { Writable } from 'node:stream'
import type { Clock } from '../core/ports.ts'

/** Answers that a client does not take, in bytes: no more of its calls are begun then. */
const MOST_UNREAD = 1024 * 1024
/** Of all clients together, where they are many; each may have at least the least. */
const MOST_UNREAD_OF_ALL = 32 * 1024 * 1024
const LEAST_UNREAD = 64 * 1024
/** Who takes nothing for so long, with calls that wait, is let go. */
export const UNREAD_MS = 10_000
/** The answer to a batch is kept together so far. */
const MOST_OF_A_LIST = 256 * 1024

export interface Sender {
  /** Writes an answer or a notification; those of one turn go out together. */
  send(text: string): void
  /** One line, whose elements come one by one. */
  list(): List
  /** It leaves too much unread: what it asks for waits, and it is let go should it take nothing for long. */
  isBehind(): boolean
  /** A list is being written. */
  readonly isWithin: boolean
  /** Bytes that the client has still to take. */
  readonly unread: number
}

/** A JSON array in the making. */
export interface List {
  /** The element of this place. Once some of it has been written, elements follow as they come. */
  add(at: number, text: string): void
  /** No more of them come. The whole line, or null: it has been sent, or is of nothing. */
  end(): string | null
}

/** @param socket or the body of one answer of HTTP. */
export function sender(socket: Writable, clock: Clock, clients: () => number, unreadMs = UNREAD_MS): Sender {
  let corked = false
  let within: List | null = null
  /** Lines that wait for the end of the list. */
  const later: string[] = []
  let laterBytes = 0
  let patience: (() => void) | null = null

  const write = (text: string): void => {
    if (socket.destroyed || socket.writableEnded) return
    if (!corked) {
      corked = true
      socket.cork()
      // After the calls that came with this one, and before the loop goes on: hundreds of starts may be due in it.
      process.nextTick(() => {
        corked = false
        socket.uncork()
      })
    }
    socket.write(text)
  }

  const send = (text: string): void => {
    if (within === null) {
      write(`${text}\n`)
      return
    }
    later.push(text)
    laterBytes += text.length
  }

  const relax = (): void => {
    patience?.()
    patience = null
  }
  socket.on('drain', relax)
  socket.on('close', relax)

  return {
    send,
    list() {
      const elements: string[] = []
      let bytes = 0
      const list: List = {
        add(at, text) {
          if (within === list) {
            write(`,${text}`)
            return
          }
          elements[at] = text
          bytes += text.length
          if (bytes <= MOST_OF_A_LIST || within !== null) return
          within = list
          write(`[${present(elements)}`)
        },
        end() {
          if (within !== list) return bytes === 0 ? null : `[${present(elements)}]`
          within = null
          write(']\n')
          laterBytes = 0
          for (const text of later.splice(0)) send(text)
          return null
        },
      }
      return list
    },
    isBehind() {
      const most = Math.min(MOST_UNREAD, Math.max(LEAST_UNREAD, MOST_UNREAD_OF_ALL / clients()))
      if (socket.destroyed || socket.writableLength <= most) return false
      patience ??= clock.alarm(clock.now() + unreadMs, () => socket.destroy())
      return true
    },
    get isWithin() {
      return within !== null
    },
    get unread() {
      return socket.writableLength + laterBytes
    },
  }
}

const present = (elements: readonly string[]): string => elements.filter((text) => text !== undefined).join()
