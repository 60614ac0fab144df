// What a user of files may do, asked of the kernel itself: folders, ACLs and network file systems have their own
// rules. The file system's credentials are those of one thread (credentials(7)): the main thread takes another
// user's for a synchronous call and gives them back. Another part of libc.ts, by the same rules.

import { accessSync, constants } from 'node:fs'
import { constants as os } from 'node:os'
import { check, fail, lastError, lib } from './libc.ts'

const c = {
  setfsuid: lib.func('int setfsuid(uint32_t id)'),
  setfsgid: lib.func('int setfsgid(uint32_t id)'),
  // The library's own setgroups would change all threads.
  syscall: lib.func('long syscall(long number, ulong size, const uint32_t *list)'),
  faccessat: lib.func('int faccessat(int folder, const char *path, int mode, int flags)'),
} as const

/** The number of the call: the newer architectures share one. */
const SETGROUPS = { x64: 116, ppc64: 81, s390x: 206 }[process.arch as string] ?? 159
const AT_FDCWD = -100
const AT_EACCESS = 0x200
/** Is no user: the call changes nothing, and tells who is set. */
const NOBODY = 0xffffffff

export interface FileUser {
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
}

/** Calls `act` as that user of files; it must not wait for anything. Needs CAP_SETUID and CAP_SETGID. */
export function asUserOfFiles<T>(user: FileUser, act: () => T): T {
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, groups: process.getgroups?.() ?? [] }
  try {
    take(user)
    return act()
  } finally {
    take(own)
  }
}

/** The user last on the way there: root's rights over files go with it, and come back with it. */
function take({ uid, gid, groups }: FileUser): void {
  check('setgroups', c.syscall(SETGROUPS, groups.length, Uint32Array.from(groups)))
  c.setfsgid(gid)
  c.setfsuid(uid)
  if (c.setfsuid(NOBODY) !== uid) throw new Error(`cannot look at files as uid ${uid}`)
}

/** May the present user of files run the program, or enter the folder? Throws EACCES, ENOENT and the like. */
export function mayExecute(path: string): void {
  // access(2) itself asks for the real user.
  if (c.faccessat(AT_FDCWD, path, constants.X_OK, AT_EACCESS) === 0) return
  // Old container runtimes refuse faccessat2 so: then it is seen when it is run.
  if (lastError() === os.errno.EPERM) accessSync(path, constants.X_OK)
  else fail('access', lastError())
}
