// Rotation: x.log becomes x.log.1, the older ones move up, the oldest goes. Never overwrites: numbers
// move up only as far as the first gap, so that a rotation that a crash cut short is finished by the
// next one. Compression happens beside the master's work, and finds its file by inode afterwards,
// wherever rotations have moved it meanwhile.

import {
  close,
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
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
    if (oldest !== null) removeBeside(oldest)
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

/** The name goes at once. What the file holds is given back by another thread: for 50 MB a disk needs 20 ms and more. */
function removeBeside(path: string): void {
  let fd: number | null = null
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    // Not ours to read, or no descriptor is free: then it takes its time here.
  }
  try {
    unlinkSync(path)
  } finally {
    if (fd !== null) closeBeside(fd)
  }
}

/** What is closed last may be a whole file that has no name any more. */
export const closeBeside = (fd: number): void => close(fd, () => undefined)

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

/** Logs of which an archive is being compressed. */
const compressing = new Set<string>()

/**
 * Compresses the archives that are not compressed yet, the oldest first, one at a time for a log: a flood fills
 * files faster than they can be compressed. Rejects with what went wrong; the plain file then stays.
 */
export async function compressArchives(path: string): Promise<void> {
  if (compressing.has(path)) return
  compressing.add(path)
  try {
    while (await compressOne(path)) {
      // the next one
    }
  } finally {
    compressing.delete(path)
  }
}

/** False when there is none. */
async function compressOne(path: string): Promise<boolean> {
  const source = archivesOf(path).findLast((name) => !name.endsWith('.gz'))
  if (source === undefined) return false
  // Opened before anything is asked of it: a rotation may give its name to another file at any moment.
  const fd = openSync(source, constants.O_RDONLY | constants.O_NOFOLLOW)
  // From here on the stream closes it, also when something fails: closed twice, the number may be another file's.
  const plain = createReadStream(source, { fd })
  const draft = draftOf(path)
  try {
    const inode = fstatSync(fd)
    rmSync(draft, { force: true })
    const target = createWriteStream(draft, { mode: inode.mode & 0o777, flags: 'wx' })
    await pipeline(plain, createGzip(), target)
    // In one turn: a rotation in between would move the numbers under us.
    const now = findInode(path, inode)
    if (now === null) unlinkSync(draft)
    else takePlace(draft, now)
    return true
  } catch (e) {
    await unlink(draft).catch(() => undefined) // it may never have been made: the error above says why
    throw e
  } finally {
    plain.destroy()
  }
}

const draftOf = (path: string): string => `${path}.gz.tmp`

/** First in the place of the plain file, then under its own name: whenever we are killed, the lines stand there once. */
function takePlace(draft: string, plain: string): void {
  if (existsSync(`${plain}.gz`)) throw new Error(`${plain}.gz is there already`)
  renameSync(draft, plain)
  renameSync(plain, `${plain}.gz`)
}

/** Clears away what a master that was killed in a rotation or a compression left. The caller holds the lock of the log. */
export function tidyUp(path: string, { compress }: RotationPlan): void {
  if (compressing.has(path)) return
  rmSync(draftOf(path), { force: true })
  // Made for a rotation that did not come to its end; nothing is written to it under this name.
  const next = nextOf(path)
  if (lstatSync(next, { throwIfNoEntry: false })?.size === 0) rmSync(next, { force: true })
  if (!compress) return
  for (const name of archivesOf(path)) {
    if (!name.endsWith('.gz') && isGzip(name) && !existsSync(`${name}.gz`)) renameSync(name, `${name}.gz`)
  }
}

/** The file that takes the log's place when it is rotated. */
export const nextOf = (path: string): string => `${path}.next`

function isGzip(path: string): boolean {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    if (!fstatSync(fd).isFile()) return false
    const magic = Buffer.alloc(3)
    readSync(fd, magic, 0, 3, 0)
    return magic.equals(Buffer.from([0x1f, 0x8b, 0x08]))
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
