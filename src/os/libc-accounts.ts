// C library calls on users and groups. Another part of libc.ts, by the same rules.

import { decodeStruct, lib, nameStruct } from './libc.ts'

// The first fields of both are alike on every Linux: name, password, number.
nameStruct('passwd', { name: 'char *', password: 'char *', id: 'uint32_t' })
nameStruct('group', { name: 'char *', password: 'char *', id: 'uint32_t' })

const c = {
  getpwnam: lib.func('passwd *getpwnam(const char *name)'),
  getgrnam: lib.func('group *getgrnam(const char *name)'),
} as const

export const userByName = (name: string): number | null => idIn(c.getpwnam(name), 'passwd')
export const groupByName = (name: string): number | null => idIn(c.getgrnam(name), 'group')

const idIn = (found: unknown, type: string): number | null =>
  found === null ? null : (decodeStruct(found, type) as { readonly id: number }).id
