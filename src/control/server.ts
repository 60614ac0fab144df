// The control socket: who is let in, and who is refused in words. What is said on a connection is connection.ts.
// Knows nothing of what a method means.

import type { Socket } from 'node:net'
import { PhError } from '../errors.ts'
import type { Peer, Role } from './access.ts'
import { letGo, serve } from './connection.ts'
import { greet, type Speech } from './greeting.ts'
import { type HalfRead, halfReadOf } from './half-read.ts'
import { type HttpSpeaker, httpSpeaker } from './http.ts'
import type { Pages } from './http-pages.ts'
import { lastWords } from './http-words.ts'
import { type ListenOptions, listenOnFile } from './listener.ts'
import { errorResponse, type Rpc } from './rpc.ts'
import { type Turns, turnsOf } from './turns.ts'

export interface ServerOptions extends Omit<ListenOptions, 'connected'> {
  readonly maxClients: number
  /** Bytes of one call. */
  readonly maxMessage: number
  /** How long a line may take, where that is not the usual time. */
  readonly lineMs?: number
  /** How long a client may take nothing of an answer of HTTP, where that is not the usual time. */
  readonly unreadMs?: number
  readonly rpc: Rpc
  /** What clients of HTTP may look at. */
  readonly pages: Pages
  /** Who is at the other end. */
  peerOf(fd: number): Peer
  /** What it may do; null = nothing. */
  roleOf(peer: Peer): Role | null
  /** Has the other end closed altogether, and not only said that it will write no more? */
  hungUp(fd: number): boolean
  /** Are so few descriptors left, now that this one is open, that the rest belongs to processes and logs? */
  isScarce(fd: number): boolean
}

/** So many are served even when descriptors run out: somebody must be able to look and to stop things. */
const ALWAYS_SERVED = 8
/** So many of them at once where descriptors run out. */
const REFUSED_WHEN_SCARCE = 8
/** Who is refused says first whether it speaks HTTP; of one that does not say, we take it after so long that it does not. */
const SILENT_MS = 200

export interface ControlServer {
  /** Of the listening socket. */
  readonly fd: number
  /** How many are connected, and were not refused. */
  readonly clients: number
  /** No new connections; removes the socket's file if it is still ours. Answers in hand still go out. */
  close(closed: () => void): void
}

/** Binds and listens at once. The caller holds the lock of run_path. */
export async function serveControl(options: ServerOptions): Promise<ControlServer> {
  const clients = new Set<Socket>()
  const turns = turnsOf(options.clock)
  const arrivals = turns.place()
  const halfRead = halfReadOf(options.clock, options.maxMessage, options.lineMs)
  const parts = { ...options, turns, halfRead, clients: () => clients.size }
  const refusing = { ...options, parts, http: httpSpeaker(parts), refused: new Set<Socket>() }
  const connected = (socket: Socket): void => {
    // 'close' follows; a client that goes away does not undo what it asked for.
    socket.on('error', () => undefined)
    // A thousand at once must not keep those waiting who are here.
    arrivals.add(async () => {
      if (!socket.destroyed) accept(socket, clients, refusing)
    })
  }
  const listener = await listenOnFile({ ...options, connected })
  return {
    get fd() {
      return listener.fd
    },
    get clients() {
      return clients.size
    },
    close(closed) {
      listener.close()
      let open = clients.size
      if (open === 0) closed()
      for (const client of clients) {
        client.once('close', () => {
          if (--open === 0) closed()
        })
        client.end()
      }
    },
  }
}

interface Refusing extends ServerOptions {
  readonly parts: ServerOptions & { readonly turns: Turns; readonly halfRead: HalfRead; clients(): number }
  readonly http: HttpSpeaker
  /** Who has been refused, and may still read why. */
  readonly refused: Set<Socket>
}

function accept(socket: Socket, clients: Set<Socket>, options: Refusing): void {
  const scarce = options.isScarce(fdOf(socket))
  const most = scarce ? Math.min(ALWAYS_SERVED, options.maxClients) : options.maxClients
  if (clients.size >= most) sweep(clients, options)
  if (clients.size >= most) {
    const why = scarce
      ? `cannot take another client beside ${clients.size}: descriptors are running out`
      : `cannot take more than ${most} clients`
    refuse(socket, new PhError('PH_LIMIT', why), options, scarce)
    return
  }
  const peer = callerOf(socket, options)
  if (!peer) {
    socket.destroy()
    return
  }
  const role = options.roleOf(peer)
  if (role === null) {
    options.log({ audit: true, uid: peer.uid, pid: peer.pid }, 'refused: neither in allow nor in observe')
    const refusal = new PhError('PH_DENIED', `cannot speak here: user ${peer.uid} is neither in allow nor in observe`)
    refuse(socket, refusal, options, scarce)
    return
  }
  clients.add(socket)
  socket.on('close', () => clients.delete(socket))
  const connection = { ...options.parts, hungUp: () => options.hungUp(fdOf(socket)) }
  greet(socket, (speech) => {
    if (speech === 'http') options.http.take(socket, { ...peer, role }, connection.hungUp)
    else serve(socket, { ...peer, role }, connection)
  })
}

/** One answer, and the end. */
function refuse(socket: Socket, refusal: PhError, { clock, refused }: Refusing, scarce: boolean): void {
  const text = `${JSON.stringify(errorResponse(null, refusal))}\n`
  if (scarce && refused.size >= REFUSED_WHEN_SCARCE) {
    socket.end(text, () => socket.destroy())
    return
  }
  refused.add(socket)
  socket.on('close', () => refused.delete(socket))
  let said = false
  const say = (speech: Speech): void => {
    if (said || socket.destroyed) return
    said = true
    socket.write(speech === 'lines' ? text : lastWords(refusal.code === 'PH_DENIED' ? 403 : 503, refusal))
    letGo(socket, clock)
  }
  socket.on(
    'close',
    clock.alarm(clock.now() + SILENT_MS, () => say('lines')),
  )
  socket.on('end', () => say('lines'))
  greet(socket, say)
}

/** Lets those go that waited for an answer with a closed mouth, and have gone meanwhile; or one that may ask something later. */
function sweep(clients: Set<Socket>, { hungUp, http }: Refusing): void {
  const idle = http.letIdleGo()
  if (idle) clients.delete(idle)

  for (const client of clients) {
    if (!client.readableEnded || client.destroyed || !hungUp(fdOf(client))) continue
    clients.delete(client)
    client.destroy()
  }
}

const fdOf = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd

function callerOf(socket: Socket, { peerOf, log }: ServerOptions): Peer | null {
  try {
    return peerOf(fdOf(socket))
  } catch (e) {
    log({ err: String(e) }, 'cannot tell who connected')
    return null
  }
}
