// Answers of HTTP as they go out: whole, or in parts as the client takes them. A client that takes nothing for a
// while is let go: its answer would stay in memory, and its place taken.

import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Clock } from '../core/ports.ts'
import { UNREAD_MS } from './sender.ts'

const PART_BYTES = 64 * 1024

/** How long it is waited for a client to take some of it. */
export interface Patience {
  readonly clock: Clock
  /** Where that is not the usual time. */
  readonly unreadMs?: number
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: OutgoingHttpHeaders
}

/** Resolves when it has been taken, or nobody is there to take it. */
export function send(
  res: ServerResponse,
  patience: Patience,
  { status, type, body, headers = {} }: Answer,
): Promise<void> {
  const bytes = Buffer.from(body)
  res.writeHead(status, { ...plain, 'Content-Type': type, 'Content-Length': bytes.length, ...headers })
  return pour(res, patience, slices(bytes))
}

/** The body of an answer whose head has been written. */
export async function pour(
  res: ServerResponse,
  patience: Patience,
  parts: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
): Promise<void> {
  for await (const part of parts) {
    if (res.destroyed) return
    if (!res.write(part)) await taken(res, patience, 'drain')
  }
  res.end()
  await taken(res, patience, 'close')
}

/** What stands in the head of every answer. */
export const plain: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
}

export const TEXT = 'text/plain; charset=utf-8'

function taken(
  res: ServerResponse,
  { clock, unreadMs = UNREAD_MS }: Patience,
  event: 'drain' | 'close',
): Promise<void> {
  if (res.destroyed) return Promise.resolve()
  return new Promise((done) => {
    const cancel = clock.alarm(clock.now() + unreadMs, () => res.destroy())
    const go = (): void => {
      cancel()
      res.off(event, go)
      res.off('close', go)
      done()
    }
    res.on(event, go)
    res.on('close', go)
  })
}

function* slices(bytes: Buffer): Iterable<Uint8Array> {
  for (let from = 0; from < bytes.length; from += PART_BYTES) yield bytes.subarray(from, from + PART_BYTES)
}
