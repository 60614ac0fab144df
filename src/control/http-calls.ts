// JSON-RPC over HTTP: the body of a POST is one text of JSON-RPC, a call or a batch, and the answer is its answer.
// What the call came to stands in the answer and not in the status: that is 200, or 204 where nothing is owed.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { PhError } from '../errors.ts'
import type { Peer, Role } from './access.ts'
import { type Patience, plain, pour, send, TEXT } from './http-answer.ts'
import type { Rpc } from './rpc.ts'
import { sender } from './sender.ts'
import { Session } from './session.ts'
import type { Turns } from './turns.ts'

export interface CallParts extends Patience {
  readonly who: Peer & { readonly role: Role }
  readonly turns: Turns
  readonly rpc: Rpc
  /** Bytes of one body. */
  readonly maxMessage: number
  /** How many clients there are. */
  clients(): number
}

/** What a body may be said to be: JSON, nothing, or what curl says of anything. */
const TYPES =
  /^(?:application\/(?:json|json-rpc|jsonrequest|x-www-form-urlencoded|[\w.-]+\+json)|text\/(?:json|plain))$/
const JSON_TYPE = 'application/json'

/** Resolves when the answer has been taken; with why none was given, where the body is too long. */
export async function answerCall(req: IncomingMessage, res: ServerResponse, parts: CallParts): Promise<PhError | null> {
  const { who, turns, rpc, maxMessage, clients } = parts
  const fault = bodyFault(req)
  if (fault !== null) {
    await send(res, parts, { status: 415, type: TEXT, body: `${fault}\n`, headers: { 'Accept-Post': JSON_TYPE } })
    return null
  }
  const body = await bodyOf(req, res, maxMessage)
  if (body === 'gone') return null
  if (body === 'too long') return new PhError('PH_LIMIT', `cannot take a call of more than ${maxMessage} bytes`)
  const out = sender(res, parts.clock, clients, parts.unreadMs)
  const session = new Session(null)
  const place = turns.place(() => res.destroyed || !out.isBehind())
  res.on('drain', () => place.wake())
  res.on('close', () => {
    session.end()
    place.wake()
  })
  for (const [name, value] of Object.entries({ ...plain, 'Content-Type': JSON_TYPE })) res.setHeader(name, value)
  const text = await new Promise<string | null>((done) => {
    place.add(async () => {
      const lane = { later: place.addFirst, list: out.list }
      const answer = rpc.answer(body, { ...who, session }, lane)
      answer.then(done, () => done(null)) // it never rejects
      await answer
    })
  })
  if (text !== null) await send(res, parts, { status: 200, type: JSON_TYPE, body: `${text}\n` })
  else if (res.headersSent) await pour(res, parts, [])
  else {
    res.removeHeader('Content-Type')
    res.statusCode = 204
    await pour(res, parts, [])
  }
  return null
}

function bodyFault({ headers }: IncomingMessage): string | null {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') return `cannot read a body with Content-Encoding ${encoding}: only plain ones`
  const [type = '', ...facts] = (headers['content-type'] ?? JSON_TYPE).split(';').map((one) => one.trim().toLowerCase())
  if (!TYPES.test(type)) return `cannot read a body of type ${type}: only ${JSON_TYPE}`
  const charset =
    facts
      .find((one) => one.startsWith('charset='))
      ?.slice(8)
      .replaceAll('"', '') ?? 'utf-8'
  return /^(?:utf-?8|us-ascii)$/.test(charset) ? null : `cannot read a body in ${charset}: only UTF-8`
}

function bodyOf(req: IncomingMessage, res: ServerResponse, most: number): Promise<Buffer | 'too long' | 'gone'> {
  if (Number(req.headers['content-length'] ?? 0) > most) return Promise.resolve('too long')
  if (req.headers.expect !== undefined) res.writeContinue()
  const chunks: Buffer[] = []
  let size = 0
  return new Promise((done) => {
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= most) chunks.push(chunk)
      else {
        chunks.length = 0
        done('too long')
      }
    })
    req.on('end', () => done(Buffer.concat(chunks)))
    req.on('close', () => done('gone'))
  })
}
