// Rotation: x.log becomes x.log.1, the older ones move up, the oldest goes. Never overwrites: numbers
// move up only as far as the first gap, so that a rotation that a crash cut short is finished by the
// next one. Compression happens beside the master's work, and finds its file by inode afterwards,
// wherever rotations have moved it meanwhile.

import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  existsSync,
  fstatSync,
  openSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs'
import { unlink } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

export interface RotationPlan {
  /** Archives to keep; 0 = none. */
  readonly backups: number
  readonly compress: boolean
}

/**
 * Moves `path` away and puts the file at `fresh` in its place. Throws what the file system says; then what was
 * moved up stays there, and the next rotation finds the gap.
 */
export function rotate(path: string, fresh: string, { backups }: RotationPlan): void {
  if (backups === 0) {
    renameSync(fresh, path)
    return
  }
  let free = 1
  while (free <= backups && archiveAt(path, free) !== null) free++
  if (free > backups) {
    const oldest = archiveAt(path, backups)
    if (oldest !== null) unlinkSync(oldest)
    free = backups
  }
  for (let number = free - 1; number >= 1; number--) {
    const from = archiveAt(path, number)
    if (from === null) continue
    const to = `${path}.${number + 1}${from.endsWith('.gz') ? '.gz' : ''}`
    renameSync(from, to)
  }
  renameSync(path, `${path}.1`)
  renameSync(fresh, path)
}

/** Existing archives of a log, the newest first. */
export function archivesOf(path: string): string[] {
  const found: string[] = []
  for (let number = 1; ; number++) {
    const one = archiveAt(path, number)
    if (one === null) return found
    found.push(one)
  }
}

function archiveAt(path: string, number: number): string | null {
  const plain = `${path}.${number}`
  if (existsSync(plain)) return plain
  return existsSync(`${plain}.gz`) ? `${plain}.gz` : null
}

/**
 * Compresses the oldest archive that is not compressed yet. Resolves false when there is none. Rejects with what
 * went wrong; the plain file then stays. One at a time for a log.
 */
export async function compressOne(path: string): Promise<boolean> {
  const source = archivesOf(path).findLast((name) => !name.endsWith('.gz'))
  if (source === undefined) return false
  // Opened before anything is asked of it: a rotation may give its name to another file at any moment.
  const fd = openSync(source, constants.O_RDONLY | constants.O_NOFOLLOW)
  const inode = fstatSync(fd)
  const draft = `${path}.${process.pid}.${inode.ino}.gz.tmp`
  try {
    const target = createWriteStream(draft, { mode: inode.mode & 0o777, flags: 'wx' })
    await pipeline(createReadStream(source, { fd, autoClose: false }), createGzip(), target)
    // In one turn: a rotation in between would move the numbers under us.
    const now = findInode(path, inode)
    if (now === null) unlinkSync(draft)
    else {
      renameSync(draft, `${now}.gz`)
      unlinkSync(now)
    }
    return true
  } catch (e) {
    await unlink(draft).catch(() => undefined) // it may never have been made: the error above says why
    throw e
  } finally {
    closeSync(fd)
  }
}

/** Where rotations have moved it meanwhile; null = out of the row. */
function findInode(path: string, { ino, dev }: Stats): string | null {
  for (const name of archivesOf(path)) {
    const there = statSync(name, { throwIfNoEntry: false })
    if (there?.ino === ino && there.dev === dev) return name
  }
  return null
}
