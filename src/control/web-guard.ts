// Who may ask the web page for something. A browser sends what any site tells it to send, so a token alone does not do:
// the Host must be a name of ours (a foreign name that was turned to our address is not), and an Origin must be
// that same place. Pure, but for the comparison of tokens, whose time tells nothing.

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { isAny } from '../config/address.ts'

export interface Guarded {
  /** What is listened on; null = all addresses. */
  readonly host: string | null
  readonly token: string
}

export interface Refusal {
  readonly status: 401 | 403
  readonly why: string
}

/** What holds for every request, the page itself included; null = well. */
export function strangerIn(headers: IncomingHttpHeaders, { host: bound }: Guarded): Refusal | null {
  const { host = '', origin } = headers
  if (!isOurs(host, bound)) {
    const wanted = bound === null || isAny(bound) ? 'an address or localhost' : isLoopback(bound) ? 'localhost' : bound
    return { status: 403, why: `cannot answer to the host ${JSON.stringify(host.slice(0, 100))}: wanted ${wanted}` }
  }
  // By scheme we do not ask: something before us may speak TLS.
  if (origin === undefined || /^https?:\/\/(.*)$/i.exec(origin)?.[1]?.toLowerCase() === host.toLowerCase()) return null
  return { status: 403, why: `cannot answer to the origin ${JSON.stringify(origin.slice(0, 100))}: it is another site` }
}

/** The same for what only the holder of the token may see. */
export function unknownIn({ authorization }: IncomingHttpHeaders, { token }: Guarded): Refusal | null {
  const said = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (said === undefined)
    return { status: 401, why: 'cannot answer without the token: wanted Authorization: Bearer TOKEN' }
  return isSame(said, token) ? null : { status: 401, why: 'cannot answer: this is not the token' }
}

/** Any port will do: `ssh -L` gives it another one, and a site cannot choose whose it is. */
function isOurs(header: string, bound: string | null): boolean {
  const [, inBrackets, bare] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(header) ?? []
  const name = (inBrackets ?? bare ?? '').toLowerCase()
  if (bound === null || isAny(bound)) return name === 'localhost' || isIP(name) !== 0
  if (name === bound) return true
  return isLoopback(bound) && (name === 'localhost' || isLoopback(name))
}

export const isLoopback = (host: string): boolean => host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/** Of digests: they are equally long, whatever was sent. */
const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
