// A TCP address as it is written: `127.0.0.1:8000`, `[::1]:8000` or `:8000`. Names are not looked up.

import { isIP } from 'node:net'
import type { TcpAddress } from './config.ts'
import { unfit } from './units.ts'

/** @param wanted what the key takes, for the complaint */
export function parseAddress(word: string, wanted: string): TcpAddress {
  const [, bracketed, bare, digits = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(word) ?? []
  const port = Number(digits)
  if (digits === '' || port < 1 || port > 65_535) throw unfit(word, `${wanted}; ports go from 1 to 65535`)
  if (bracketed !== undefined) {
    if (isIP(bracketed) !== 6 || bracketed.includes('%')) throw unfit(word, `an IPv6 address in the brackets`)
    const host = new URL(`http://[${bracketed}]/`).hostname.slice(1, -1) // its shortest text
    return { text: `[${host}]:${port}`, host, port }
  }
  const host = bare === 'localhost' ? '127.0.0.1' : bare
  if (host === '' || host === '*') return { text: `:${port}`, host: null, port }
  if (host === undefined || isIP(host) !== 4) throw unfit(word, `${wanted}; names are not looked up, but for localhost`)
  return { text: `${host}:${port}`, host, port }
}

/** All addresses of this machine, or of its IPv4. */
export const isAny = (host: string | null): boolean => host === null || host === '0.0.0.0' || host === '::'

/** What is served there by HTTP, as it can be typed on this machine. */
export function urlOf({ host, port }: TcpAddress): string {
  const name = host === null || isAny(host) ? '127.0.0.1' : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}/`
}
