// One client that speaks HTTP, and what it may cost: its requests are answered one after another, each has so long
// to come to its end, and what it takes nothing of is not kept for ever. Node's server reads and writes; the bytes
// are counted here.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errno, messageOf, PhError } from '../errors.ts'
import type { Peer, Role } from './access.ts'
import { letGo } from './connection.ts'
import type { HalfRead, Reader } from './half-read.ts'
import { answerCall, type CallParts } from './http-calls.ts'
import { answerPage, isPage, type Pages } from './http-pages.ts'
import { lastWords, type Refused } from './http-words.ts'

export interface HttpParts extends Omit<CallParts, 'who'> {
  readonly pages: Pages
  readonly halfRead: HalfRead
  log(facts: object, text: string): void
}

export interface LineParts extends HttpParts {
  readonly who: Peer & { readonly role: Role }
  /** Has the other end closed altogether, and not only said that it will write no more? */
  hungUp(): boolean
  /** Those who have nothing in hand. */
  readonly idle: Set<Socket>
}

export interface Line {
  /** From now on its bytes are read. The server has taken it already. */
  listen(): void
  asked(req: IncomingMessage, res: ServerResponse): void
  /** What comes is no HTTP, or too much of it. */
  failed(e: Error): void
  /** Says why, behind the answers that are still owed, and lets it go. */
  dismiss(status: Refused, why: PhError): void
}

interface Asked {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

/** Requests of one connection that wait for their turn; beyond, it is cut. */
const MOST_WAITING = 64

export function lineOn(socket: Socket, parts: LineParts): Line {
  const { clock, halfRead, idle } = parts
  const waiting: Asked[] = []
  let current: Asked | null = null
  /** The last request whose head has come, and how many heads came with the bytes that are being read. */
  let latest: IncomingMessage | null = null
  let heads = 0
  let wasOpen = false
  /** Where in the bytes that came the message begins that has no end yet. */
  let begun: number | null = null
  /** What is to be said when nothing is owed any more. */
  let farewell: (() => void) | null = null
  let over = false

  const forget = (): void => {
    begun = null
    halfRead.forget(reader)
  }
  const say = (status: Refused, why: PhError): void => {
    over = true
    forget()
    idle.delete(socket)
    if (socket.destroyed) return
    socket.removeAllListeners('data') // nothing of it is looked at any more
    socket.write(lastWords(status, why))
    letGo(socket, clock)
  }
  const dismiss = (status: Refused, why: PhError): void => {
    if (over) return
    // Of the one in hand the body is still awaited: it gets no other answer.
    if (current === null || !current.req.complete) say(status, why)
    else {
      socket.pause()
      farewell = () => say(status, why)
    }
  }
  const reader: Reader = {
    word: 'request',
    isHeard: () => waiting.length === 0 && !socket.isPaused(),
    refuse: (why) => dismiss(408, why),
  }

  const next = (): void => {
    if (current !== null || over) return
    current = waiting.shift() ?? null
    if (current === null) {
      if (farewell) farewell()
      else if (begun === null) idle.add(socket)
      return
    }
    const { req, res } = current
    res.once('close', () => {
      current = null
      next()
    })
    answer(req, res).catch((e: unknown) => {
      parts.log({ err: messageOf(e), url: req.url }, 'cannot answer a request of HTTP')
      if (res.headersSent) res.destroy()
      else res.writeHead(500).end()
    })
  }
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (isPage(req)) return answerPage(req, res, parts)
    const refusal = await answerCall(req, res, parts)
    if (refusal) say(413, refusal)
  }

  return {
    dismiss,
    asked(req, res) {
      latest = req
      heads++
      for (const one of [req, res]) one.on('error', () => undefined) // 'close' follows
      if (over || farewell) return
      if (waiting.length >= MOST_WAITING) {
        socket.destroy()
        return
      }
      waiting.push({ req, res })
      next()
    },
    failed(e) {
      const no = (e as { code?: string }).code
      if (errno(e) === 'EPIPE' || no === 'ECONNRESET') socket.destroy()
      else {
        const why = (e as { reason?: string }).reason ?? e.message
        dismiss(no === 'HPE_HEADER_OVERFLOW' ? 431 : 400, new PhError('PH_INVALID', `cannot read a request: ${why}`))
      }
    },
    listen() {
      // Added behind the server's own: what came has been read when this is called.
      socket.on('data', (chunk: Buffer) => {
        idle.delete(socket)
        if (over) return
        const isWhole = latest?.complete === true && (heads > 0 || wasOpen)
        if (isWhole) forget()
        else {
          const fresh = begun === null || heads > 1 || (heads > 0 && wasOpen)
          if (fresh) begun = socket.bytesRead - chunk.length
          halfRead.holds(reader, socket.bytesRead - (begun ?? 0), fresh)
        }
        wasOpen = latest?.complete === false
        heads = 0
      })
      socket.on('end', () => {
        forget()
        if (current !== null && parts.hungUp()) socket.destroy()
      })
      socket.on('close', () => {
        waiting.length = 0
        idle.delete(socket)
        forget()
      })
      socket.resume()
    },
  }
}
