// A subscription over HTTP, as server-sent events: `answer` is the answer of the call, then its notifications follow,
// each under its own name. What a client does not read costs a bounded queue, as on the socket.

import type { ServerResponse } from 'node:http'
import type { Peer, Role } from './access.ts'
import { MAX_NOTICES } from './connection.ts'
import { type Patience, plain, send } from './http-answer.ts'
import type { Rpc } from './rpc.ts'
import { sender } from './sender.ts'
import { Session } from './session.ts'
import type { Turns } from './turns.ts'

export interface StreamParts extends Patience {
  readonly who: Peer & { readonly role: Role }
  readonly turns: Turns
  readonly rpc: Rpc
  clients(): number
}

/** Resolves when it has begun, or been refused. */
export async function answerStream(
  res: ServerResponse,
  parts: StreamParts,
  method: 'events' | 'logs',
  params: object,
): Promise<void> {
  const { who, turns, rpc, clock, clients, unreadMs } = parts
  const out = sender(res, clock, clients, unreadMs)
  const frame = (name: string, data: string): void => out.send(`event: ${name}\ndata: ${data}\n`)
  const session = new Session({
    notify: (name, facts) => frame(name, JSON.stringify(facts)),
    get full() {
      return res.destroyed || out.unread > MAX_NOTICES
    },
  })
  const place = turns.place()
  res.on('drain', () => session.drained())
  res.on('close', () => session.end())
  const call = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))
  const text = await new Promise<string | null>((done) => {
    place.add(async () => done(await rpc.answer(call, { ...who, session }, { later: place.addFirst, list: out.list })))
  })
  if (res.destroyed || text === null) return
  const { error, result } = JSON.parse(text) as { error?: unknown; result?: unknown }
  if (error !== undefined) {
    await send(res, parts, { status: 400, type: 'application/json', body: `${text}\n` })
    return
  }
  // Somebody before us may keep what comes until it is much: not this.
  res.writeHead(200, { ...plain, 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
  frame('answer', JSON.stringify(result))
}
