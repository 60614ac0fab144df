// Users and groups by name, as the C library finds them: files, LDAP, whatever nsswitch.conf says.

import type { Account, User } from '../core/identity.ts'
import { groupByName, groupsOf, userEntry, userEntryOf } from './libc-accounts.ts'

const isNumber = (text: string): boolean => /^\d+$/.test(text)

/** The number of a user given by name or number; null = there is none. */
export const userId = (user: string): number | null => (isNumber(user) ? Number(user) : (userEntry(user)?.id ?? null))

/** The number of a group given by name or number; null = there is none. */
export const groupId = (group: string): number | null => (isNumber(group) ? Number(group) : groupByName(group))

/** A user with groups and home; in words why there is none. A number needs no entry where its group is given. */
export function accountOf({ name, group }: User): Account | string {
  const entry = isNumber(name) ? userEntryOf(Number(name)) : userEntry(name)
  const uid = entry?.id ?? (isNumber(name) ? Number(name) : null)
  if (uid === null) return `there is no user "${name}" on this machine`
  const gid = group === null ? (entry?.group ?? null) : groupId(group)
  if (gid === null) {
    return group === null
      ? `uid ${uid} has no entry, so its group is not known: wanted ${uid}:GROUP`
      : `there is no group "${group}" on this machine`
  }
  if (!entry) return { name, uid, gid, groups: [], home: '/' }
  return { name: entry.name, uid, gid, groups: groupsOf(entry.name, gid), home: entry.home || '/' }
}
