// Paths of a configuration: relative ones resolve against a folder of the file, never against the
// caller's; and an instance has its own. Only text: nothing here looks at the disk.

import path from 'node:path'
import { BadValue } from './problems.ts'
import { quote } from './units.ts'

/** sun_path holds 108 bytes with its end; longer names are cut by the kernel without a word. */
export const SOCKET_BYTES = 107
/** Leaves room for the short names of pipes and sockets in it. */
export const RUN_PATH_BYTES = 67

/** `master.pid` -> `master.NAME.pid`, `phd` -> `phd.NAME`. */
export function instanceFile(file: string, instance: string): string {
  const { dir, name, ext } = path.parse(file)
  return path.join(dir, `${name}.${instance}${ext}`)
}

/** `.phd` -> `.phd/NAME`. */
export const instanceFolder = (folder: string, instance: string): string => path.join(folder, instance)

/** Where an output goes: `none`, `inherit`, `merged`, `auto` or an absolute path. */
export function parseOutput(text: string, base: string): string {
  const word = text.toLowerCase()
  if (word === 'none' || word === 'inherit' || word === 'merged' || word === 'auto') return word
  if (/^(?:\/dev\/std(?:out|err)|(?:\/dev|\/proc\/self)\/fd\/[12])$/.test(text)) return 'inherit'
  if (text === '/dev/null') return 'none'
  return parsePath(text, base)
}

export function parsePath(text: string, base: string): string {
  if (text.includes('\n')) throw new BadValue(`cannot be ${quote(text)}: wanted a path on one line`)
  return path.resolve(base, text)
}

export function limitBytes(file: string, limit: number): string {
  const length = Buffer.byteLength(file)
  if (length <= limit) return file
  throw new BadValue(`cannot be longer than ${limit} bytes: ${quote(file)} has ${length}`)
}
