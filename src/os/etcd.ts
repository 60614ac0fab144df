// etcd by its JSON gateway (/v3, etcd 3.4 and later): the few calls that a lease needs. One member is asked at a
// time, first the one that has answered last; the time there is, is shared among them. Who asks is shown by a token
// where the cluster wants that; it is fetched anew when it is refused.

import { readFileSync } from 'node:fs'
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { hostname } from 'node:os'
import type { LeaseServer } from '../core/lease-ports.ts'
import type { LeaseCall, LeaseReply } from '../core/lease-state.ts'
import type { LeaseSpec } from '../core/spec.ts'
import { errno, messageOf } from '../errors.ts'

type Body = Readonly<Record<string, unknown>>
type Answer = { readonly body: Body } | { readonly status: number; readonly message: string }

const REVOKE_MS = 1_000
/** The header's length limit aside, nothing that is meant for us is that long. */
const MOST_BYTES = 1_000_000
const NOT_FOUND = 404
const UNAUTHORIZED = 401

export function etcd(instance: string | null): LeaseServer {
  // Stands at the key, for those who wait.
  const self = `${hostname()}${instance === null ? '' : `, instance ${instance}`} (pid ${process.pid})`
  const clusters = new Map<string, Cluster>()
  const clusterOf = (at: LeaseSpec): Cluster => {
    const name = JSON.stringify([at.endpoints, at.user, at.tls])
    const cluster = clusters.get(name) ?? new Cluster(at)
    clusters.set(name, cluster)
    return cluster
  }
  return {
    ask(at, call, ms, answer) {
      const due = performance.now() + ms
      const post = (path: string, body: Body): Promise<Answer> => clusterOf(at).post(path, body, due)
      replyTo(call, at, self, post).then(answer, (e: unknown) => answer({ type: 'failed', why: messageOf(e) }))
    },
    revoke(at, lease, done) {
      clusterOf(at)
        .post('/v3/lease/revoke', { ID: lease }, performance.now() + REVOKE_MS)
        .then(done, done) // without an answer the lease ends by itself
    },
  }
}

async function replyTo(
  call: LeaseCall,
  { key, ms }: LeaseSpec,
  self: string,
  post: (path: string, body: Body) => Promise<Answer>,
): Promise<LeaseReply> {
  const name = base64(key)
  switch (call.do) {
    case 'look': {
      const kv = firstOf(bodyOf(await post('/v3/kv/range', { key: name })))
      return kv === null ? { type: 'free' } : takenBy(holderOf(kv), self)
    }
    case 'grant': {
      const { ID, TTL } = bodyOf(await post('/v3/lease/grant', { TTL: String(Math.ceil(ms / 1000)) }))
      if (typeof ID !== 'string' || !(Number(TTL) > 0)) throw new Error('etcd has granted no lease, and says not why')
      return { type: 'granted', lease: ID, ttlMs: Number(TTL) * 1000 }
    }
    case 'create': {
      const body = bodyOf(
        await post('/v3/kv/txn', {
          compare: [{ key: name, target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
          success: [{ request_put: { key: name, value: base64(self), lease: call.lease } }],
          failure: [{ request_range: { key: name } }],
        }),
      )
      const { revision } = body.header as { revision?: unknown }
      if (body.succeeded === true && typeof revision === 'string') return { type: 'created', fence: revision }
      const [first] = (body.responses ?? []) as { response_range?: Body }[]
      const kv = firstOf(first?.response_range ?? {})
      return takenBy(kv === null ? 'another master' : holderOf(kv), self)
    }
    case 'renew': {
      const answer = await post('/v3/lease/keepalive', { ID: call.lease })
      if ('status' in answer && answer.status === NOT_FOUND) return gone
      const { result } = bodyOf(answer) as { result?: { TTL?: unknown } }
      if (!(Number(result?.TTL) > 0)) return gone
      // The lease lives; and the key is still the one that hangs on it.
      const kv = firstOf(bodyOf(await post('/v3/kv/range', { key: name })))
      if (kv?.create_revision === call.fence) return { type: 'renewed' }
      return { type: 'gone', why: kv === null ? 'its key was deleted in etcd' : `${holderOf(kv)} has its key` }
    }
    default:
      return call satisfies never
  }
}

/** What we could not let go, because etcd was away, stands there until its time is over. */
const takenBy = (by: string, self: string): LeaseReply =>
  by === self ? { type: 'failed', why: 'an earlier lease of ours has not ended in etcd yet' } : { type: 'taken', by }

const gone: LeaseReply = { type: 'gone', why: 'its lease has ended in etcd' }

const base64 = (text: string): string => Buffer.from(text).toString('base64')

function bodyOf(answer: Answer): Body {
  if ('body' in answer) return answer.body
  throw new Error(`etcd refuses: ${answer.message}`)
}

function firstOf({ kvs }: Body): Body | null {
  return Array.isArray(kvs) && kvs.length > 0 ? (kvs[0] as Body) : null
}

/** What another has written there may be anything. */
function holderOf({ value }: Body): string {
  const text = Buffer.from(typeof value === 'string' ? value : '', 'base64').toString()
  return /^[\x20-\x7e]{1,200}$/.test(text) ? text : 'somebody else'
}

type Send = (options: RequestOptions, answer: (response: IncomingMessage) => void) => ClientRequest

class Cluster {
  readonly #at: LeaseSpec
  readonly #agent = new Agent({ keepAlive: true })
  #secure: { readonly send: Send; readonly options: RequestOptions } | null = null
  /** The last to answer is asked first. */
  #endpoints: readonly string[]
  #token: string | null = null

  constructor(at: LeaseSpec) {
    this.#at = at
    this.#endpoints = at.endpoints
  }

  /** The first answer of any member that can give one. Throws where none has by `due`. */
  async post(path: string, body: Body, due: number): Promise<Answer> {
    const faults: string[] = []
    for (const [at, endpoint] of this.#endpoints.entries()) {
      try {
        const answer = await this.#asUser(endpoint, path, body, due, this.#endpoints.length - at)
        // A member without a leader, or on its way out, is none that can tell.
        if ('status' in answer && answer.status >= 500) throw new Error(answer.message)
        this.#endpoints = [endpoint, ...this.#endpoints.filter((other) => other !== endpoint)]
        return answer
      } catch (e) {
        faults.push(`${endpoint}: ${wordsOf(e)}`)
      }
    }
    throw new Error(`cannot reach etcd (${faults.join('; ')})`)
  }

  async #asUser(endpoint: string, path: string, body: Body, due: number, shares: number): Promise<Answer> {
    const { user } = this.#at
    const within = (): number => Math.max(1, due - performance.now()) / shares
    if (!user) return this.#send(endpoint, path, body, within())
    for (let tries = 0; ; tries++) {
      if (this.#token === null) {
        const answer = await this.#send(endpoint, '/v3/auth/authenticate', user, within())
        if (!('body' in answer)) return answer
        this.#token = String(answer.body.token)
      }
      const answer = await this.#send(endpoint, path, body, within())
      const refused = 'status' in answer && (answer.status === UNAUTHORIZED || /auth token/.test(answer.message))
      if (!refused || tries > 0) return answer
      this.#token = null
    }
  }

  async #send(endpoint: string, path: string, body: Body, ms: number): Promise<Answer> {
    const { send, options } = this.#transport()
    const url = new URL(`http://${endpoint}`)
    const text = JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
        ...(this.#token !== null && path !== '/v3/auth/authenticate' && { authorization: this.#token }),
      }
      const host = url.hostname.replace(/^\[|\]$/g, '')
      const one = send({ ...options, host, port: url.port, path, method: 'POST', headers }, (response) => {
        let got = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          got += chunk
          if (got.length > MOST_BYTES) one.destroy(new Error('its answer is too long'))
        })
        response.on('end', () => resolve(answerIn(response.statusCode ?? 0, got)))
        response.on('error', reject)
      })
      // Of the whole, not of a pause: a member that trickles keeps nobody waiting.
      const timer = setTimeout(() => one.destroy(new Error(`no answer within ${Math.round(ms)} ms`)), ms)
      one.on('close', () => clearTimeout(timer))
      one.on('error', reject)
      one.end(text)
    })
  }

  #transport(): { readonly send: Send; readonly options: RequestOptions } {
    const { tls } = this.#at
    if (!tls) return { send: request, options: { agent: this.#agent } }
    if (this.#secure) return this.#secure
    const https = process.getBuiltinModule('node:https') // TLS is not loaded for those who do without
    const read = (file: string | null): Buffer | undefined => (file === null ? undefined : readFileSync(file))
    const agent = new https.Agent({ keepAlive: true, ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key) })
    this.#secure = { send: https.request, options: { agent } }
    return this.#secure
  }
}

function answerIn(status: number, text: string): Answer {
  let body: Body = {}
  try {
    // Streams answer with a line for each message; ours have one.
    body = JSON.parse(text.split('\n')[0] ?? '') as Body
  } catch {
    return { status: status < 400 ? 502 : status, message: text.trim().slice(0, 200) || `no answer (status ${status})` }
  }
  const error = body.error as { message?: unknown; grpc_code?: unknown } | string | undefined
  const message = String(typeof error === 'object' ? error.message : (body.message ?? error ?? ''))
  if (status < 400 && error === undefined) return { body }
  const isGone = /lease not found/.test(message)
  return { status: isGone ? NOT_FOUND : Math.max(status, 400), message: message || `status ${status}` }
}

const known: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'its name could not be looked up',
  EHOSTUNREACH: 'no way to the host',
  ENETUNREACH: 'no way to its net',
}

const wordsOf = (e: unknown): string => known[errno(e) ?? ''] ?? messageOf(e)
