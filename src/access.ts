// From the names in `allow`, `observe` and `socket_group` to the numbers that the kernel speaks of.

import type { MasterConfig } from './config/config.ts'
import type { Access, People } from './control/access.ts'
import { PhError } from './errors.ts'
import { groupId, userId } from './os/accounts.ts'

export interface SocketAccess {
  readonly mode: number
  /** Group of the file; null = ours. */
  readonly gid: number | null
  /** null = the mode of the file decides. */
  readonly access: Access | null
}

/** Throws PH_CONFIG for a name that nobody has. */
export function accessOf({ allow, observe, socketMode, socketGroup }: MasterConfig): SocketAccess {
  const gid = socketGroup === null ? null : known(groupId(socketGroup), 'socket_group', socketGroup, 'group')
  if (allow.length === 0 && observe.length === 0) return { mode: socketMode, gid, access: null }
  const owner = process.geteuid?.() ?? 0
  // Everybody may knock; who is let in is decided at each connection.
  return { mode: 0o666, gid, access: { owner, allow: people('allow', allow), observe: people('observe', observe) } }
}

function people(key: string, names: readonly string[]): People {
  const users = names.filter((name) => !name.startsWith('@')).map((name) => known(userId(name), key, name, 'user'))
  const groups = names
    .filter((name) => name.startsWith('@'))
    .map((name) => known(groupId(name.slice(1)), key, name.slice(1), 'group'))
  return { users: new Set(users), groups: new Set(groups) }
}

function known(id: number | null, key: string, name: string, kind: 'user' | 'group'): number {
  if (id !== null) return id
  throw new PhError('PH_CONFIG', `[master] ${key}: cannot find the ${kind} "${name}"`)
}
