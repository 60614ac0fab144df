// Lines that were typed at the prompt, in a file of their user's own: a line a line, the newest last. A history that
// cannot be kept is no reason to say anything.

import { closeSync, constants, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { errno } from '../src/errors.ts'

export interface History {
  /** The newest first. */
  readonly lines: readonly string[]
  readonly most: number
  /** One that begins with a blank is not kept: the way of shells to say something once. */
  add(line: string): void
}

const MOST = 1000
/** Longer ones are hardly typed again. */
const LONGEST = 4096

export function historyIn(env: Readonly<Record<string, string | undefined>>): History {
  const folder = folderOf(env)
  if (folder === null) return { lines: [], most: MOST, add: () => {} }
  const file = join(folder, 'phctl_history')
  const all = read(file)
  if (all.length > MOST * 2) quietly(() => replace(file, all.slice(-MOST)))
  return {
    lines: [...new Set(all.toReversed())].slice(0, MOST),
    most: MOST,
    add(line) {
      if (/^\s|[\n\r]/.test(line) || line.length > LONGEST) return
      quietly(() => {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
        const fd = openSync(file, flags, 0o600)
        writeSync(fd, `${line}\n`)
        closeSync(fd)
      })
    },
  }
}

function folderOf({ XDG_STATE_HOME, HOME }: Readonly<Record<string, string | undefined>>): string | null {
  if (XDG_STATE_HOME && isAbsolute(XDG_STATE_HOME)) return join(XDG_STATE_HOME, 'phd')
  return HOME && isAbsolute(HOME) ? join(HOME, '.local/state/phd') : null
}

function read(file: string): string[] {
  let text = ''
  quietly(() => {
    text = readFileSync(file, 'utf8')
  })
  return text.split('\n').filter((line) => line !== '')
}

/** Beside it first: two prompts may end at once. */
function replace(file: string, lines: readonly string[]): void {
  const fresh = `${file}.${process.pid}`
  writeFileSync(fresh, `${lines.join('\n')}\n`, { mode: 0o600 })
  renameSync(fresh, file)
}

function quietly(act: () => void): void {
  try {
    act()
  } catch (e) {
    if (errno(e) === null) throw e
  }
}
