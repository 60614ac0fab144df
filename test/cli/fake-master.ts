// A wire to be rude on: a real server on a Unix socket in a temporary folder that answers what the
// test says. Only for the client's own behaviour; what a master does is tested with a master.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Request {
  readonly id: number
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

export interface Fake {
  readonly folder: string
  readonly path: string
  /** Everything that was asked, in order. */
  readonly asked: Request[]
  /** Ends it: no connection, no socket, no folder stays. */
  close(): Promise<void>
  /** Stops listening and cuts all connections; the folder stays. */
  die(): Promise<void>
}

export type Reply = (request: Request, socket: Socket, fake: Fake) => void

/** `reply` is called for each request; `greet` for each connection. */
export async function fakeMaster(reply: Reply, greet: (socket: Socket) => void = () => {}): Promise<Fake> {
  const folder = mkdtempSync(join(tmpdir(), 'phctl-'))
  const path = join(folder, 'phd.sock')
  const sockets = new Set<Socket>()
  const asked: Request[] = []
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {}) // the client went away in the middle: what this server is for
    greet(socket)
    let rest = ''
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const request = JSON.parse(line) as Request
        asked.push(request)
        reply(request, socket, fake)
      }
    })
  })
  const die = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise<void>((done) => server.close(() => done()))
  }
  const fake: Fake = {
    folder,
    path,
    asked,
    die,
    async close() {
      await die()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(path, done)
  })
  return fake
}

export function ok(id: number, result: unknown): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`
}

export function bad(id: number | null, code: number, message: string, data?: unknown): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, data } })}\n`
}
