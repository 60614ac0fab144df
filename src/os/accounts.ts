// Users and groups by name, as the C library finds them: files, LDAP, whatever nsswitch.conf says.

import { groupByName, userByName } from './libc-accounts.ts'

/** The number of a user given by name or number; null = there is none. */
export const userId = (user: string): number | null => (/^\d+$/.test(user) ? Number(user) : userByName(user))

/** The number of a group given by name or number; null = there is none. */
export const groupId = (group: string): number | null => (/^\d+$/.test(group) ? Number(group) : groupByName(group))
