// The token of the web page, in a file that only we may read: whoever has it may look, and with web_control more.
// It is made once and stays, so that a browser that knows it goes on after a restart; a new one comes where it is removed.

import { randomBytes } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { errno, PhError } from '../errors.ts'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants

/** The caller holds the lock of run_path. */
export function keptToken(path: string): string {
  try {
    return kept(path) ?? made(path)
  } catch (e) {
    if (e instanceof PhError) throw e
    throw new PhError('PH_INTERNAL', `cannot use ${path}: ${errno(e) ?? String(e)}`, {}, { cause: e })
  }
}

function kept(path: string): string | null {
  let fd: number
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW)
  } catch (e) {
    if (errno(e) === 'ENOENT') return null
    throw e
  }
  try {
    const { mode, uid } = fstatSync(fd)
    const ours = uid === (process.geteuid?.() ?? 0) || uid === 0
    if (!ours || (mode & 0o077) !== 0) {
      const what = ours ? `others may read it (mode 0${(mode & 0o777).toString(8)})` : `it belongs to uid ${uid}`
      throw new PhError('PH_INTERNAL', `cannot use ${path}: ${what}; remove it, and a new token is made`)
    }
    const token = readFileSync(fd, 'latin1').trim()
    if (/^[\w-]{32,}$/.test(token)) return token
    throw new PhError('PH_INTERNAL', `cannot use ${path}: there is no token in it; remove it, and a new one is made`)
  } finally {
    closeSync(fd)
  }
}

function made(path: string): string {
  const token = randomBytes(32).toString('base64url')
  const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  try {
    writeFileSync(fd, `${token}\n`)
  } finally {
    closeSync(fd)
  }
  return token
}
