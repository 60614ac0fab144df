// Reads the files of a configuration: regular files of at most 16 MB in strict UTF-8. Never blocks
// (a FIFO without a writer is refused, not awaited) and never guesses what bytes might have meant.

import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, type Stats } from 'node:fs'
import path from 'node:path'
import picomatch from 'picomatch'
import { errno, messageOf } from '../errors.ts'
import { BadValue } from './problems.ts'

const LARGEST_BYTES = 16 * 1024 * 1024

/** `line` is where the fault stands in the file, 0 when the file as a whole is at fault. */
export type Reading = { readonly text: string } | { readonly line: number; readonly fault: string }

/** The text of a regular file; a fault is a sentence that begins with "cannot". */
export function readText(file: string): Reading {
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch (e) {
    return { line: 0, fault: `cannot read the file: ${explain(e)}` }
  }
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) return { line: 0, fault: `cannot read ${kindOf(stats)}: wanted a regular file` }
    const bytes = readAll(fd, stats.size)
    return bytes === null ? { line: 0, fault: 'cannot read more than 16 MB' } : decode(bytes)
  } catch (e) {
    return { line: 0, fault: `cannot read the file: ${explain(e)}` }
  } finally {
    closeSync(fd)
  }
}

/** The files a pattern means, sorted by name; each part of the path may hold `*`, `?`, `[a-z]`, `{a,b}`. */
export function expandGlob(pattern: string, folder: string): readonly string[] {
  if (pattern.split('/').includes('**')) throw new BadValue('cannot use **: a pattern goes one folder deep at a time')
  let found = [path.isAbsolute(pattern) ? '/' : folder]
  let matched = false
  for (const part of pattern.split('/').filter((each) => each !== '' && each !== '.')) {
    if (!picomatch.scan(part).isGlob) {
      found = found.map((each) => path.join(each, part))
      // A name that was written is wanted; one that a pattern led to must be there to count.
      if (matched) found = found.filter(isThere)
      continue
    }
    matched = true
    const matches = picomatch(part)
    found = found.flatMap((each) =>
      list(each)
        .filter((name) => matches(name))
        .map((name) => path.join(each, name)),
    )
  }
  return found.sort()
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (e) {
    // Nothing there to match, or a file where the pattern wants a folder.
    if (errno(e) === 'ENOENT' || errno(e) === 'ENOTDIR') return []
    throw new BadValue(`cannot read the folder ${folder}: ${explain(e)}`)
  }
}

function isThere(file: string): boolean {
  try {
    return lstatSync(file) !== undefined
  } catch (e) {
    if (errno(e) === 'ENOENT' || errno(e) === 'ENOTDIR') return false
    throw new BadValue(`cannot look at ${file}: ${explain(e)}`)
  }
}

/** null when there is more than allowed, also when the file grows while it is read. */
function readAll(fd: number, size: number): Buffer | null {
  if (size > LARGEST_BYTES) return null
  const buffer = Buffer.allocUnsafe(Math.min(size + 64 * 1024, LARGEST_BYTES + 1))
  let held = buffer
  let length = 0
  for (;;) {
    if (length === held.length) {
      if (length > LARGEST_BYTES) return null
      held = Buffer.concat([held], Math.min(length * 2, LARGEST_BYTES + 1))
    }
    const count = readSync(fd, held, length, held.length - length, null)
    if (count === 0) return length > LARGEST_BYTES ? null : held.subarray(0, length)
    length += count
  }
}

function decode(bytes: Buffer): Reading {
  const nul = bytes.indexOf(0)
  if (nul >= 0) return { line: lineAt(bytes, nul), fault: 'cannot read a NUL byte: wanted text in UTF-8' }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  } catch {
    // The decoder says only that something is wrong; where, the lines tell.
    return { line: firstBadLine(bytes), fault: 'cannot read bytes that are not UTF-8' }
  }
}

function firstBadLine(bytes: Buffer): number {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 1
  for (let from = 0; from < bytes.length; line += 1) {
    const end = bytes.indexOf(10, from)
    const to = end < 0 ? bytes.length : end
    try {
      decoder.decode(bytes.subarray(from, to)) // a newline byte is part of no other character
    } catch {
      return line
    }
    from = to + 1
  }
  return line
}

function lineAt(bytes: Buffer, offset: number): number {
  let line = 1
  for (let at = bytes.indexOf(10); at >= 0 && at < offset; at = bytes.indexOf(10, at + 1)) line += 1
  return line
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory'
  if (stats.isFIFO()) return 'a FIFO'
  if (stats.isSocket()) return 'a socket'
  return 'a device'
}

/** What the kernel said, in words. */
export function explain(e: unknown): string {
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file (ENOENT)',
    EACCES: 'permission denied (EACCES)',
    EPERM: 'not permitted (EPERM)',
    ELOOP: 'its symbolic links lead round in a circle (ELOOP)',
    ENOTDIR: 'a part of its path is not a folder (ENOTDIR)',
    EROFS: 'its file system is read-only (EROFS)',
    ENXIO: 'it is a socket, or a device that is not there (ENXIO)',
  }
  return words[errno(e) ?? ''] ?? messageOf(e)
}
