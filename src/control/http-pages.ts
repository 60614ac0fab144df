// What is asked for by its path, and which methods a path takes.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Patience, plain, pour, send, TEXT } from './http-answer.ts'
import type { Turns } from './turns.ts'

/** What may be looked at; whoever may connect may do so. */
export interface Pages {
  isStopping(): boolean
  /** The OpenRPC document. */
  openRpc(): unknown
  /** In the form that the client understands. The parts are made as they are taken. */
  metrics(accept: string | undefined): Promise<MetricsText>
}

export interface MetricsText {
  readonly type: string
  readonly parts: AsyncIterable<string>
}

export interface PageParts extends Patience {
  readonly turns: Turns
  readonly pages: Pages
}

const LOOKS = ['GET', 'HEAD'] as const
export const paths: Readonly<Record<string, readonly string[]>> = {
  '/': ['POST'],
  '/rpc': ['POST'],
  '/healthz': LOOKS,
  '/metrics': LOOKS,
  '/openrpc.json': LOOKS,
}

/** Everything but a call. */
export const isPage = (req: IncomingMessage): boolean => !(req.method === 'POST' && paths[pathOf(req)]?.[0] === 'POST')

export async function answerPage(req: IncomingMessage, res: ServerResponse, parts: PageParts): Promise<void> {
  const { turns, pages } = parts
  const path = pathOf(req)
  const allowed = paths[path]
  const text = (status: number, body: string, headers = {}): Promise<void> =>
    send(res, parts, { status, type: TEXT, body: `${body}\n`, headers })
  if (!allowed) return text(404, `cannot ${req.method} ${path.slice(0, 100)}: no such path (have: ${known()})`)
  if (!allowed.includes(req.method ?? '')) {
    const Allow = allowed.join(', ')
    return text(405, `cannot ${req.method} ${path}: only ${Allow}`, { Allow })
  }
  await new Promise<void>((begin) => turns.place().add(async () => begin()))
  switch (path) {
    case '/healthz':
      return pages.isStopping() ? text(503, 'stopping') : text(200, 'ok')
    case '/openrpc.json': {
      const body = `${JSON.stringify(pages.openRpc())}\n`
      return send(res, parts, { status: 200, type: 'application/json', body })
    }
    default: {
      const { type, parts: all } = await pages.metrics(req.headers.accept)
      res.writeHead(200, { ...plain, 'Content-Type': type })
      return pour(res, parts, req.method === 'HEAD' ? [] : all)
    }
  }
}

const known = (): string => Object.keys(paths).join(', ')

/** Without its query; a proxy may have put scheme and host before it. */
const pathOf = ({ url = '' }: IncomingMessage): string => /^(?:https?:\/\/[^/?#]*)?([^?#]*)/i.exec(url)?.[1] || '/'
