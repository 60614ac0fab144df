// The control socket: connections in, lines out. Each connection may have many calls in flight; each
// costs bounded memory whatever the other side does. Knows nothing of what a method means.

import type { Socket } from 'node:net'
import { lineSplitter } from '../api/framing.ts'
import { PhError } from '../errors.ts'
import type { Peer, Role } from './access.ts'
import { isHttp, refuseHttp } from './http.ts'
import { type ListenOptions, listenOnFile } from './listener.ts'
import { errorResponse, type Rpc } from './rpc.ts'
import { sender } from './sender.ts'
import { Session } from './session.ts'
import { type Turns, turnsOf } from './turns.ts'

export interface ServerOptions extends Omit<ListenOptions, 'connected'> {
  readonly maxClients: number
  /** Bytes of one call. */
  readonly maxMessage: number
  readonly rpc: Rpc
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
/** Calls of one connection that are being answered; beyond, nothing more is read from it for a while. */
const MAX_OWED = 256
/** Who was refused has so long to read why. */
const REFUSED_MS = 1_000
/** So many of them at once where descriptors run out. */
const REFUSED_WHEN_SCARCE = 8
/** Notifications wait for the client to read; beyond, they are left out and counted. */
const MAX_NOTICES = 1024 * 1024

export interface ControlServer {
  /** Of the listening socket. */
  readonly fd: number
  /** No new connections; removes the socket's file if it is still ours. Answers in hand still go out. */
  close(closed: () => void): void
}

/** Binds and listens at once. The caller holds the lock of run_path. */
export async function serveControl(options: ServerOptions): Promise<ControlServer> {
  const clients = new Set<Socket>()
  const turns = turnsOf(options.clock)
  const arrivals = turns.place()
  const refusing = { ...options, refused: new Set<Socket>() }
  const connected = (socket: Socket): void => {
    // 'close' follows; a client that goes away does not undo what it asked for.
    socket.on('error', () => undefined)
    // A thousand at once must not keep those waiting who are here.
    arrivals.add(async () => {
      if (!socket.destroyed) accept(socket, clients, turns, refusing)
    })
  }
  const listener = await listenOnFile({ ...options, connected })
  return {
    get fd() {
      return listener.fd
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
  /** Who has been refused, and may still read why. */
  readonly refused: Set<Socket>
}

function accept(socket: Socket, clients: Set<Socket>, turns: Turns, options: Refusing): void {
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
  const { send, behind } = sender(socket, options.clock)
  const session = new Session({
    notify: (method, params) => send(JSON.stringify({ jsonrpc: '2.0', method, params })),
    get full() {
      return socket.destroyed || socket.writableLength > MAX_NOTICES
    },
  })
  const caller = { ...peer, role, session }
  clients.add(socket)
  socket.on('drain', () => {
    session.drained()
    goOn()
  })
  socket.on('close', () => {
    clients.delete(socket)
    session.end()
  })
  const place = turns.place()
  /** Calls that are still to be answered. */
  let owed = 0
  let first = true
  let http = false
  const goOn = (): void => {
    if (owed < MAX_OWED && socket.isPaused()) socket.resume()
  }
  // `printf ... | socat - phd.sock` says at once that it will write no more, and still wants its answers.
  const leave = (): void => {
    if (owed === 0 && socket.readableEnded) socket.end()
  }
  const lines = lineSplitter(
    options.maxMessage,
    (line) => {
      if (http) return // headers and body of what was refused
      if (first && isHttp(line)) {
        http = true
        refuseHttp(socket)
        return
      }
      first = false
      if (line.length === 0) return
      owed++
      place.add(async () => {
        // Whatever it asks for, it shall take what it has got first. All that waited go on together then: one by one.
        for (let wait = behind(); wait; wait = behind()) await wait
        await options.rpc
          .answer(line, caller, place.addFirst)
          .then(
            (answer) => {
              if (answer !== null) send(answer)
            },
            (e: unknown) => {
              options.log({ err: String(e) }, 'a call could not be answered')
              send(JSON.stringify(errorResponse(null, e)))
            },
          )
          .finally(() => {
            owed--
            goOn()
            leave()
          })
      })
    },
    () => {
      const refusal = new PhError('PH_LIMIT', `cannot take a call of more than ${options.maxMessage} bytes`)
      send(JSON.stringify(errorResponse(null, refusal)))
      socket.end()
    },
  )
  socket.on('data', (chunk: Buffer) => {
    lines.push(chunk)
    if (owed >= MAX_OWED) socket.pause()
  })
  socket.on('end', () => {
    if (owed > 0 && options.hungUp(fdOf(socket))) socket.destroy()
    else leave()
  })
}

/** One answer, and the end. What the client has sent is read first: a close over unread bytes would take the answer with it. */
function refuse(socket: Socket, refusal: PhError, { clock, refused }: Refusing, scarce: boolean): void {
  const text = `${JSON.stringify(errorResponse(null, refusal))}\n`
  if (scarce && refused.size >= REFUSED_WHEN_SCARCE) {
    socket.end(text, () => socket.destroy())
    return
  }
  refused.add(socket)
  socket.on('close', () => refused.delete(socket))
  socket.resume()
  socket.on('end', () => socket.destroy())
  socket.on(
    'close',
    clock.alarm(clock.now() + REFUSED_MS, () => socket.destroy()),
  )
  socket.end(text)
}

/** Lets those go that waited for an answer with a closed mouth, and have gone meanwhile. */
function sweep(clients: Set<Socket>, { hungUp }: ServerOptions): void {
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
