// The web page: a second way to the methods, over TCP, for a browser. It may less than the socket: only the
// methods below, and those that change something only with web_control. Loaded only where `web` is set.

import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { Method } from '../api/contract.ts'
import { urlOf } from '../config/address.ts'
import type { TcpAddress } from '../config/config.ts'
import type { Clock } from '../core/ports.ts'
import { messageOf, PhError } from '../errors.ts'
import { refusal } from '../json-rpc.ts'
import type { Peer, Role } from './access.ts'
import { plain, send, TEXT } from './http-answer.ts'
import { answerCall } from './http-calls.ts'
import type { Rpc } from './rpc.ts'
import { type Turns, turnsOf } from './turns.ts'
import { type Refusal, strangerIn, unknownIn } from './web-guard.ts'
import { answerStream } from './web-stream.ts'

/** What may be asked here. Not `show`: it tells the environment of processes. */
export const webMethods: readonly Method[] = [
  'ping',
  'info',
  'status',
  'graph',
  'logs',
  'events',
  'start',
  'stop',
  'restart',
  'reload',
  'scale',
]

export interface PageFile {
  readonly type: string
  readonly body: string
}

export interface WebOptions {
  readonly address: TcpAddress
  readonly token: string
  readonly role: Role
  /** Whose rights the methods are carried out with: the master's own. */
  readonly owner: Peer
  readonly rpc: Rpc
  /** By path. */
  readonly files: ReadonlyMap<string, PageFile>
  readonly clock: Clock
  /** Bytes of one call. */
  readonly maxMessage: number
  log(facts: object, text: string): void
}

export interface WebServer {
  readonly url: string
  /** Ends every connection. */
  close(): void
}

/** A tab has two that stay, and some for calls. */
const MOST_CONNECTIONS = 64
const HEAD_MS = 10_000
const REQUEST_MS = 30_000
const IDLE_MS = 75_000
/** Between probes of the kernel: a laptop that was shut says no word. */
const KEEP_ALIVE_MS = 30_000
/** Wrong tokens are logged once in so long: whoever tries many shall not fill the log. */
const QUIET_MS = 60_000

/** Binds and listens. Rejects with why it cannot. */
export async function serveWeb(options: WebOptions): Promise<WebServer> {
  const { address, log } = options
  const turns = turnsOf(options.clock)
  const sockets = { count: 0 }
  const warn = quietly(options)
  const asked = (req: IncomingMessage, res: ServerResponse): void => {
    for (const one of [req, res]) one.on('error', () => undefined) // 'close' follows
    answer(req, res, { ...options, turns, clients: () => sockets.count, warn }).catch((e: unknown) => {
      log({ err: messageOf(e), path: req.url?.slice(0, 100) }, 'cannot answer a request of the web page')
      if (res.headersSent) res.destroy()
      else res.writeHead(500).end()
    })
  }
  const server = createServer({
    insecureHTTPParser: false, // whatever NODE_OPTIONS say
    maxHeaderSize: 16 * 1024,
    headersTimeout: HEAD_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: HEAD_MS,
    keepAliveTimeout: IDLE_MS,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  })
  server.on('request', asked)
  // It is told to go on when its body is to be read.
  server.on('checkContinue', asked)
  server.maxConnections = MOST_CONNECTIONS
  server.on('connection', (socket) => {
    sockets.count++
    socket.on('close', () => sockets.count--)
  })
  await new Promise<void>((resolve, reject) => {
    const failed = (e: Error): void =>
      reject(new PhError('PH_INTERNAL', `cannot listen on ${address.text} for web: ${e.message}`, {}, { cause: e }))
    server.once('error', failed)
    server.listen({ port: address.port, ...(address.host === null ? {} : { host: address.host }) }, () => {
      server.off('error', failed)
      server.on('error', (e) => log({ err: e.message }, 'web page'))
      resolve()
    })
  })
  return {
    url: urlOf(address),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

interface Answering extends WebOptions {
  readonly turns: Turns
  clients(): number
  warn(from: string): void
}

const calls: Readonly<Record<string, readonly string[]>> = { '/rpc': ['POST'], '/events': ['GET'], '/logs': ['GET'] }
const LOOKS = ['GET', 'HEAD']

async function answer(req: IncomingMessage, res: ServerResponse, parts: Answering): Promise<void> {
  const guarded = { host: parts.address.host, token: parts.token }
  const from = req.socket.remoteAddress ?? ''
  for (const [name, value] of Object.entries(fences)) res.setHeader(name, value)
  const say = (status: number, text: string, headers: OutgoingHttpHeaders = {}): Promise<void> =>
    // The body of what is refused is not read.
    send(res, parts, { status, type: TEXT, body: `${text}\n`, headers: { ...headers, Connection: 'close' } })
  const refuse = ({ status, why }: Refusal): Promise<void> =>
    say(status, why, status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {})

  const stranger = strangerIn(req.headers, guarded)
  if (stranger) return refuse(stranger)
  const { path, query } = placeOf(req)
  const file = parts.files.get(path)
  const allowed = file ? LOOKS : calls[path]
  if (!allowed) return say(404, `cannot ${req.method} ${path.slice(0, 100)}: no such path`)
  if (!allowed.includes(req.method ?? '')) {
    const Allow = allowed.join(', ')
    return say(405, `cannot ${req.method} ${path}: only ${Allow}`, { Allow })
  }
  if (file) return send(res, parts, { status: 200, ...file })
  const unknown = unknownIn(req.headers, guarded)
  if (unknown) {
    if (req.headers.authorization !== undefined) parts.warn(from)
    return refuse(unknown)
  }
  const who = { ...parts.owner, role: parts.role, from }
  if (path === '/events') return answerStream(res, { ...parts, who }, 'events', numbers(query, ['since']))
  if (path === '/logs') {
    const params = { target: query.get('target') ?? '', ...numbers(query, ['lines']), follow: true }
    return answerStream(res, { ...parts, who }, 'logs', params)
  }
  const tooLong = await answerCall(req, res, { ...parts, who })
  if (!tooLong) return
  const body = `${JSON.stringify(refusal(null, tooLong))}\n`
  await send(res, parts, { status: 413, type: 'application/json', body, headers: { Connection: 'close' } })
}

/** No foreign script, no frame around it, nothing kept; `plain` says the rest. */
const fences: Readonly<Record<string, string>> = {
  ...plain,
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
}

function placeOf({ url = '' }: IncomingMessage): { readonly path: string; readonly query: URLSearchParams } {
  const [, path = '/', query = ''] = /^([^?#]*)\??([^#]*)/.exec(url) ?? []
  return { path, query: new URLSearchParams(query) }
}

/** What is no number goes on as it is: the check of the parameters says so. */
function numbers(query: URLSearchParams, names: readonly string[]): object {
  const given = names.filter((name) => query.has(name))
  return Object.fromEntries(
    given.map((name) => {
      const text = query.get(name) ?? ''
      return [name, /^\d+$/.test(text) ? Number(text) : text]
    }),
  )
}

function quietly({ clock, log }: WebOptions): Answering['warn'] {
  let loggedAt: number | null = null
  let unsaid = 0
  return (from) => {
    unsaid++
    const now = clock.now()
    if (loggedAt !== null && now - loggedAt < QUIET_MS) return
    log({ audit: true, from, times: unsaid }, 'web page: a wrong token')
    loggedAt = now
    unsaid = 0
  }
}
