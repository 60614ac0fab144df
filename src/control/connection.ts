// One connection: lines in, answers out. It may have many calls in flight; what it costs is bounded whatever the other
// side does: bytes that are not read yet, calls that wait, answers that nobody takes, a line without an end.

import type { Socket } from 'node:net'
import { lineSplitter } from '../api/framing.ts'
import type { Clock } from '../core/ports.ts'
import { PhError } from '../errors.ts'
import type { Peer, Role } from './access.ts'
import type { HalfRead, Reader } from './half-read.ts'
import { errorResponse, type Rpc } from './rpc.ts'
import { sender } from './sender.ts'
import { Session } from './session.ts'
import type { Turns, Work } from './turns.ts'

export interface ConnectionOptions {
  readonly clock: Clock
  /** Bytes of one call. */
  readonly maxMessage: number
  readonly rpc: Rpc
  readonly turns: Turns
  readonly halfRead: HalfRead
  /** How many there are. */
  clients(): number
  /** Has the other end closed altogether, and not only said that it will write no more? */
  hungUp(): boolean
}

/** Calls of one connection that are being answered; beyond, nothing more is read from it for a while. */
const MAX_OWED = 256
/** The same for the bytes of calls that wait, of all connections together; each may have at least the least. */
const MOST_WAITING_OF_ALL = 16 * 1024 * 1024
const LEAST_WAITING = 64 * 1024
/** Who was refused has so long to read why. */
const REFUSED_MS = 1_000
/** Notifications wait for the client to read; beyond, they are left out and counted. */
export const MAX_NOTICES = 1024 * 1024

/** A client that speaks JSON, a text a line. The socket is paused, and what it has said so far is still in it. */
export function serve(socket: Socket, who: Peer & { readonly role: Role }, options: ConnectionOptions): void {
  const { clock, maxMessage, rpc, turns, halfRead, clients } = options
  const out = sender(socket, clock, clients)
  const session = new Session({
    notify: (method, params) => out.send(JSON.stringify({ jsonrpc: '2.0', method, params })),
    get full() {
      return socket.destroyed || out.unread > MAX_NOTICES
    },
  })
  const caller = { ...who, session }
  /** Calls that are still to be answered, and the bytes of those that are still to be begun. */
  let owed = 0
  let waiting = 0
  /** Calls of a batch that are still to be begun. */
  let parts = 0
  /** It has been refused: what it sends is read and forgotten. */
  let over = false
  // Behind a batch whose answer has gone out in part nothing is begun: its own answer would have to wait in memory.
  const mayBegin = (): boolean => socket.destroyed || !(out.isBehind() || (out.isWithin && parts === 0))
  const place = turns.place(mayBegin)
  const later = (works: readonly Work[]): void => {
    parts += works.length
    const counted = works.map((work) => () => {
      parts--
      return work()
    })
    place.addFirst(counted)
  }
  const isFull = (): boolean => owed >= MAX_OWED || waiting > Math.max(LEAST_WAITING, MOST_WAITING_OF_ALL / clients())
  const goOn = (): void => {
    if (socket.isPaused() && !isFull()) socket.resume()
  }
  // `printf ... | socat - phd.sock` says at once that it will write no more, and still wants its answers.
  const leave = (): void => {
    if (owed === 0 && socket.readableEnded) socket.end()
  }
  const refuse = (refusal: PhError): void => {
    over = true
    out.send(JSON.stringify(errorResponse(null, refusal)))
    letGo(socket, clock)
  }
  const reader: Reader = { word: 'line', isHeard: () => !socket.isPaused(), refuse }

  const answer = async (line: Buffer): Promise<void> => {
    waiting -= line.length
    goOn()
    const text = await rpc.answer(line, caller, { later, list: out.list })
    if (text !== null) out.send(text)
    owed--
    place.wake() // a batch may have come to its end
    goOn()
    leave()
  }

  let ended = 0
  const lines = lineSplitter(
    maxMessage,
    (line) => {
      ended++
      if (over || line.length === 0) return
      owed++
      waiting += line.length
      place.add(() => answer(line))
    },
    () => {
      if (!over) refuse(new PhError('PH_LIMIT', `cannot take a call of more than ${maxMessage} bytes`))
    },
  )
  socket.on('data', (chunk: Buffer) => {
    if (over) return
    const before = ended
    lines.push(chunk)
    if (over || lines.pending === 0) halfRead.forget(reader)
    else halfRead.holds(reader, lines.pending, ended > before)
    if (!over && isFull()) socket.pause()
  })
  socket.on('end', () => {
    halfRead.forget(reader)
    if (owed > 0 && options.hungUp()) socket.destroy()
    else leave()
  })
  socket.on('drain', () => {
    session.drained()
    place.wake()
  })
  socket.on('close', () => {
    halfRead.forget(reader)
    session.end()
    place.wake() // what it asked to be changed is changed all the same
  })
  socket.resume()
}

/**
 * The end, after what has been written. What the client still sends is read first, for a while: a close over unread
 * bytes would take the answer with it.
 */
export function letGo(socket: Socket, clock: Clock): void {
  socket.resume()
  socket.on('end', () => socket.destroy())
  const cancel = clock.alarm(clock.now() + REFUSED_MS, () => socket.destroy())
  socket.on('close', cancel)
  socket.end()
}
