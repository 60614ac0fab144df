// HTTP/1.1 on the control socket: clients whose first byte says so are handed to Node's own server, which is loaded
// for the first of them, and never listens itself. One client is http-line.ts, what it asks for http-pages.ts and
// http-calls.ts.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { messageOf, PhError } from '../errors.ts'
import type { Peer, Role } from './access.ts'
import { type HttpParts, type Line, lineOn } from './http-line.ts'

export interface HttpSpeaker {
  /** A client that begins with a request. The socket is paused, and what it has said so far is still in it. */
  take(socket: Socket, who: Peer & { readonly role: Role }, hungUp: () => boolean): void
  /** Room is needed: the client that has had nothing in hand for longest is let go, if there is one. */
  letIdleGo(): Socket | null
}

/** A connection that asks for nothing is kept so long: more than scrapers have between two looks. */
const IDLE_MS = 75_000
const MOST_HEAD_BYTES = 16 * 1024

export function httpSpeaker(parts: HttpParts): HttpSpeaker {
  const lines = new WeakMap<Socket, Line>()
  /** Who has nothing in hand; the first for longest. */
  const idle = new Set<Socket>()
  let server: Promise<Server> | null = null

  const makeServer = async (): Promise<Server> => {
    const { createServer } = await import('node:http')
    const made = createServer({
      // Whatever NODE_OPTIONS say.
      insecureHTTPParser: false,
      maxHeaderSize: MOST_HEAD_BYTES,
      keepAliveTimeout: IDLE_MS,
    })
    // A script that has asked and closes its sending half still wants its answer.
    Object.assign(made, { httpAllowHalfOpen: true })
    const asked = (req: IncomingMessage, res: ServerResponse): void => lines.get(req.socket)?.asked(req, res)
    made.on('request', asked)
    // It is told to go on when its body is to be read.
    made.on('checkContinue', asked)
    made.on('clientError', (e, socket) => lines.get(socket as Socket)?.failed(e))
    made.on('connect', (_req, socket) =>
      lines.get(socket as Socket)?.dismiss(405, new PhError('PH_INVALID', 'cannot CONNECT: this is no proxy')),
    )
    return made
  }

  return {
    take(socket, who, hungUp) {
      server ??= makeServer()
      const begin = async (made: Server): Promise<void> => {
        if (socket.destroyed) return
        const line = lineOn(socket, { ...parts, who, hungUp, idle })
        lines.set(socket, line)
        made.emit('connection', socket)
        line.listen()
      }
      server.then(begin).catch((e: unknown) => {
        parts.log({ err: messageOf(e) }, 'cannot speak HTTP')
        socket.destroy()
      })
    },
    letIdleGo() {
      const [first] = idle
      if (!first) return null
      idle.delete(first)
      first.destroy()
      return first
    },
  }
}
