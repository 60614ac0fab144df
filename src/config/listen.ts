// What a program listens on: `bind`, `unix_socket` and what belongs to them.

import { type User, writtenUser } from '../core/identity.ts'
import type { Address, Balance, Spec } from '../core/spec.ts'
import { parseAddress } from './address.ts'
import type { ProgramConfig } from './config.ts'
import type { View } from './master.ts'
import { limitBytes, parsePath } from './paths.ts'
import { BadValue, type Findings } from './problems.ts'
import type { Reader } from './reader.ts'
import { parseMode, quote, unfit } from './units.ts'

/** unix(7): sun_path with its NUL. */
const MAX_PATH_BYTES = 107
const BIND = 'addresses, comma separated, as 127.0.0.1:8000, [::1]:8000 or :8000'

export function readListeners(
  reader: Reader,
  basePath: string,
  user: User | undefined,
): Pick<Spec, 'listeners' | 'backlog' | 'balance'> {
  const mode = reader.take('unix_socket_mode', parseMode, 0o666)
  const owner = reader.text('unix_socket_owner') ?? (user ? writtenUser(user) : null)
  const tcp = reader.take<readonly Address[]>('bind', parseBind, [])
  const parseUnix = (text: string): readonly Address[] =>
    listed(text, 'paths, comma separated', (word) => {
      if (word.startsWith('@'))
        throw new BadValue(`cannot be ${quote(word)}: wanted a path; there are no abstract sockets`)
      const path = limitBytes(parsePath(word, basePath), MAX_PATH_BYTES)
      return { kind: 'unix', text: path, path, mode, owner }
    })
  const unix = reader.take<readonly Address[]>('unix_socket', parseUnix, [])
  return {
    listeners: [...tcp, ...unix],
    backlog: reader.integer('backlog'),
    balance: (reader.choice('balance') ?? 'shared') as Balance, // as are the choices of its row
  }
}

function parseBind(text: string): readonly Address[] {
  return listed(text, BIND, (word) => ({ kind: 'tcp', ...parseAddress(word, BIND) }))
}

function listed(text: string, wanted: string, address: (word: string) => Address): readonly Address[] {
  const words = text.split(/[,\n]/).map((word) => word.trim())
  if (words.at(-1) === '') words.pop() // a list may end with a comma
  if (words.includes('')) throw unfit(text, wanted)
  const all = words.map(address)
  const twice = all.find((one, at) => all.findIndex((other) => other.text === one.text) < at)
  if (twice) throw new BadValue(`cannot be: ${quote(twice.text)} stands twice`)
  return all
}

/** Two programs cannot have the same address: each would get half of what is meant for the other. */
export function refuseSharedAddresses(
  views: readonly View[],
  programs: ReadonlyMap<string, ProgramConfig>,
  findings: Findings,
): void {
  const users = new Map<string, string>()
  for (const { header, layer } of views) {
    for (const { kind, text } of programs.get(header.name)?.spec.listeners ?? []) {
      const key = kind === 'tcp' ? 'bind' : 'unix_socket'
      const at = layer.find(key) ?? header
      const user = users.get(text)
      if (user === undefined) users.set(text, `[${header.name}] (line ${at.line} of ${at.file})`)
      else findings.refuse(at, header.name, key, `cannot be ${quote(text)}: ${user} listens there already`)
    }
  }
}
