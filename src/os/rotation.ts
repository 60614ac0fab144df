// Rotation: x.log becomes x.log.1, the older ones move up, the oldest goes. Never overwrites: numbers
// move up only as far as the first gap, so that a rotation that a crash cut short is finished by the
// next one. Compression happens beside the master's work, and finds its file by inode afterwards,
// wherever rotations have moved it meanwhile.

import { createReadStream, createWriteStream, existsSync, renameSync, type Stats, statSync, unlinkSync } from 'node:fs'
import { rename, unlink } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

export interface RotationPlan {
  /** Archives to keep; 0 = none. */
  readonly backups: number
  readonly compress: boolean
}

/** Moves `path` out of the way; the caller opens a new file there. Throws what the file system says. */
export function rotate(path: string, { backups }: RotationPlan): void {
  if (backups === 0) {
    unlinkSync(path)
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

/** Compresses the newest archive. Rejects with what went wrong; the plain file then stays. */
export async function compressNewest(path: string, backups: number): Promise<void> {
  const source = `${path}.1`
  const inode = statSync(source)
  const draft = `${path}.${process.pid}.${inode.ino}.gz.tmp`
  try {
    await pipeline(createReadStream(source), createGzip(), createWriteStream(draft, { mode: inode.mode & 0o777 }))
    const now = findInode(path, inode, backups)
    if (now === null) {
      await unlink(draft) // rotated out of the row meanwhile
      return
    }
    await rename(draft, `${now}.gz`)
    await unlink(now)
  } catch (e) {
    await unlink(draft).catch(() => undefined) // it may never have been made: the error above says why
    throw e
  }
}

function findInode(path: string, { ino, dev }: Stats, backups: number): string | null {
  for (let number = 1; number <= backups; number++) {
    const there = statSync(`${path}.${number}`, { throwIfNoEntry: false })
    if (there?.ino === ino && there.dev === dev) return `${path}.${number}`
  }
  return null
}
