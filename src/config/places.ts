// Where a configuration is looked for, and where its files land by default when it stands in a folder of the system
// or in the user's own (XDG) instead of a project's: there nobody wants sockets and logs beside it. Looks at folders,
// reads no file.

import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { errno } from '../errors.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface StandardPlace {
  readonly folder: string
  /** Defaults by key, in the place of those of the table. */
  readonly defaults: ReadonlyMap<string, string>
}

export const SYSTEM_FOLDER = '/etc/phd'
const SYSTEM_RUN = '/run/phd'
const NAME = 'config.ini'

/** The control socket of a master of the system. */
export const SYSTEM_SOCKET = `${SYSTEM_RUN}/phd.sock`

export interface Caller {
  /** null = it is gone. */
  readonly cwd: string | null
  readonly uid: number
}

/** Who calls this program, and from where. */
export function caller(): Caller {
  const uid = process.geteuid?.() ?? 0
  try {
    return { cwd: process.cwd(), uid }
  } catch (e) {
    if (errno(e) !== 'ENOENT') throw e
    return { cwd: null, uid }
  }
}

/**
 * The files that may be the configuration, the first that is there being it. root has no file of its own: a daemon of
 * the system must not depend on whose home it is called from.
 */
export function placesOf({ cwd, uid }: Caller, env: Env): readonly string[] {
  const folders = [cwd, uid === 0 ? null : userFolder(env), SYSTEM_FOLDER]
  return folders.flatMap((folder) => (folder === null ? [] : [path.join(folder, NAME)]))
}

export const findConfig = (places: readonly string[]): string | null => places.find((file) => existsSync(file)) ?? null

/** What the folder of a configuration makes of the defaults; null = nothing, as in any project. */
export function standardPlace(folder: string, env: Env): StandardPlace | null {
  if (isSameFolder(folder, SYSTEM_FOLDER)) return placeWith(SYSTEM_FOLDER, SYSTEM_RUN, '/var/log/phd')
  const own = userFolder(env)
  const state = xdg(env, 'XDG_STATE_HOME', '.local/state')
  if (own === null || state === null || !isSameFolder(folder, own)) return null
  // Not set where nobody has logged in, as under cron: files of a master must not be lost, so they go to the state.
  const run = xdg(env, 'XDG_RUNTIME_DIR', null) ?? path.join(state, 'run')
  return placeWith(own, run, state)
}

function placeWith(folder: string, run: string, logs: string): StandardPlace {
  const defaults = new Map([
    ['socket', path.join(run, 'phd.sock')],
    ['pidfile', path.join(run, 'master.pid')],
    ['run_path', run],
    ['log_path', logs],
  ])
  return { folder, defaults }
}

const userFolder = (env: Env): string | null => xdg(env, 'XDG_CONFIG_HOME', '.config')

/** Our folder in one of the XDG base directories; a relative path there is to be ignored, as their standard says. */
function xdg({ HOME, ...env }: Env, name: string, inHome: string | null): string | null {
  const base = env[name]
  if (base && path.isAbsolute(base)) return path.join(base, 'phd')
  return inHome !== null && HOME && path.isAbsolute(HOME) ? path.join(HOME, inHome, 'phd') : null
}

function isSameFolder(one: string, other: string): boolean {
  if (one === other) return true
  try {
    const [a, b] = [statSync(one), statSync(other)]
    return a.dev === b.dev && a.ino === b.ino
  } catch (e) {
    if (errno(e) === null) throw e
    return false // one of them is not there, or not for us
  }
}
