// C library calls on users and groups. Another part of libc.ts, by the same rules.

import { decodeStruct, lib, nameStruct } from './libc.ts'

// On every Linux alike; of a group, its first fields.
nameStruct('passwd', {
  name: 'char *',
  password: 'char *',
  id: 'uint32_t',
  group: 'uint32_t',
  comment: 'char *',
  home: 'char *',
})
nameStruct('group', { name: 'char *', password: 'char *', id: 'uint32_t' })

const c = {
  getpwnam: lib.func('passwd *getpwnam(const char *name)'),
  getpwuid: lib.func('passwd *getpwuid(uint32_t id)'),
  getgrnam: lib.func('group *getgrnam(const char *name)'),
  getgrouplist: lib.func('int getgrouplist(const char *user, uint32_t group, uint32_t *groups, int32_t *count)'),
} as const

export interface PasswdEntry {
  readonly name: string
  readonly id: number
  /** Its own. */
  readonly group: number
  readonly home: string
}

export const userEntry = (name: string): PasswdEntry | null => decoded<PasswdEntry>(c.getpwnam(name), 'passwd')
export const userEntryOf = (id: number): PasswdEntry | null => decoded<PasswdEntry>(c.getpwuid(id), 'passwd')
export const groupByName = (name: string): number | null =>
  decoded<{ readonly id: number }>(c.getgrnam(name), 'group')?.id ?? null

/** limits.h */
const NGROUPS_MAX = 65_536

/** All groups of a user, the given one among them. */
export function groupsOf(user: string, group: number): readonly number[] {
  for (let room = 64; ; room = NGROUPS_MAX) {
    const groups = new Uint32Array(room)
    const count = Int32Array.of(room)
    if (c.getgrouplist(user, group, groups, count) >= 0) return [...groups.subarray(0, count[0])]
    if (room === NGROUPS_MAX) return [group]
  }
}

const decoded = <T>(found: unknown, type: string): T | null =>
  found === null ? null : (decodeStruct(found, type) as T)
