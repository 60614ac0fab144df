// The file of a listening Unix socket: made with its mode and owner, never wider for an instant, in the place of a
// stale one; and taken away at the end, if it is still the same.

import { chmodSync, chownSync, lstatSync, type Stats, unlinkSync } from 'node:fs'
import { groupId, userId } from './accounts.ts'
import { boundUnix, isServed } from './libc-socket.ts'

export interface UnixPlace {
  readonly path: string
  readonly mode: number
  /** `name[:group]`; null = ours. */
  readonly owner: string | null
}

/** Inode and device: the same as long as nobody puts another file there. */
export interface Born {
  readonly ino: number
  readonly dev: number
}

/** `former`: the file that an earlier master made there, which may be replaced though its socket lives. */
export function bindPath(place: UnixPlace, former: Born | null): { readonly fd: number; readonly born: Born } {
  removeStale(place.path, former)
  const umask = process.umask(0o777)
  let fd: number
  try {
    fd = boundUnix(place.path, 'stream')
  } finally {
    process.umask(umask)
  }
  admit(place)
  const { ino, dev } = lstatSync(place.path)
  return { fd, born: { ino, dev } }
}

/** Gives it owner and mode, in this order: nobody may connect who is not meant. */
export function admit({ path, mode, owner }: UnixPlace): void {
  if (owner !== null) chownSync(path, ...idsOf(owner))
  chmodSync(path, mode)
}

export function removePath(path: string, born: Born): void {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there && isSame(there, born)) unlinkSync(path)
}

function removeStale(path: string, former: Born | null): void {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (!there) return
  if (!there.isSocket()) throw refusal('EEXIST', 'something else than a socket stands there')
  const uid = process.geteuid?.() ?? 0
  if (there.uid !== uid && uid !== 0) throw refusal('EACCES', `the socket there belongs to uid ${there.uid}`)
  if (!(former && isSame(there, former)) && isServed(path)) throw refusal('EADDRINUSE', 'another program does')
  unlinkSync(path)
}

function idsOf(owner: string): [number, number] {
  const [user = '', group] = owner.split(':')
  const uid = userId(user)
  if (uid === null) throw refusal('EINVAL', `there is no user "${user}"`)
  if (group === undefined) return [uid, -1]
  const gid = groupId(group)
  if (gid === null) throw refusal('EINVAL', `there is no group "${group}"`)
  return [uid, gid]
}

const isSame = (there: Stats, { ino, dev }: Born): boolean => there.ino === ino && there.dev === dev

const refusal = (code: string, words: string): Error => Object.assign(new Error(words), { code })
