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

/** Facts as a small master would give them; the pid is nobody's. */
export const info = { version: '0.1.0', pid: 2 ** 30, config: '/srv/config.ini', uptime: 5 }
const row = { slot: 0, wanted: 'up', ready: true, restarts: 0, reason: null, exit: null, nextAttemptAt: null }
const rest = { statusText: null, health: null, leftovers: null, replacement: null, standbyOf: null }
export const up = { ...row, ...rest, name: 'web:0', state: 'RUNNING', pid: 7, uptime: 5, cpu: 0, memory: 1024 }
export const failed = {
  ...row,
  ...rest,
  name: 'web:1',
  state: 'FATAL',
  pid: null,
  uptime: null,
  cpu: null,
  memory: null,
}
export const web = (processes: readonly object[]) => ({
  program: 'web',
  state: 'RUNNING',
  desired: 1,
  running: 1,
  processes,
})

/** Answers info by itself, the rest as the table says: a result, or an error `[code, name, data]`. */
export function answering(results: Readonly<Record<string, unknown>>): Reply {
  return ({ id, method }, socket) => {
    const found = method === 'info' ? (results.info ?? info) : results[method]
    if (!Array.isArray(found) || typeof found[0] !== 'number') return void socket.write(ok(id, found ?? null))
    const [code, name, data] = found as [number, string, object | undefined]
    socket.write(bad(id, code, `cannot do it: ${name}`, { code: name, ...data }))
  }
}

/** A fake for as long as the work takes, and the environment that leads to it. */
export async function against(
  reply: Reply,
  work: (fake: Fake, env: { PHD_SOCKET: string }) => Promise<void>,
): Promise<void> {
  const fake = await fakeMaster(reply)
  try {
    await work(fake, { PHD_SOCKET: fake.path })
  } finally {
    await fake.close()
  }
}
