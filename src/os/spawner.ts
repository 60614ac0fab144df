// Makes processes: finds the program as the program's own environment would, then posix_spawn. All
// failures are told in words that say which of the many ENOENTs it was.

import { closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isWithheld, type Stage } from '../core/identity.ts'
import type { Launch, Spawner, SpawnFailure } from '../core/ports.ts'
import { errno, messageOf } from '../errors.ts'
import { standingOf } from './identity.ts'
import { posixSpawn } from './libc.ts'
import { asUserOfFiles, mayExecute } from './libc-credentials.ts'
import { statOf } from './proc.ts'

/** POSIX leaves it to us where to look without PATH; sh and glibc take these. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin'

export function systemSpawner(): Spawner {
  return {
    spawn(launch) {
      const { cwd, diesWithUs, listeners, identity } = launch
      const toldPid = launch.toldPid && listeners.length > 0
      const standing = standingOf({ identity, enters: launch.enters ?? null, diesWithUs, toldPid })
      if ('reason' in standing) return standing
      const { become, stages } = standing
      const unfit = unfitWords(launch)
      if (unfit) return unfit
      // Where the kernel itself says what fails, it is asked first: it nearly always works.
      const isDirect = stages.length === 0 && become === null && launch.argv[0]?.includes('/')
      // As the one who will run it: what only the master may enter or execute would fail behind the prefix.
      const find = (): string | SpawnFailure => runnable(findProgram(launch), stages)
      const path = isDirect ? programPath(launch) : become ? asUserOfFiles(become, find) : find()
      if (typeof path !== 'string') return become ? { ...path, reason: `${path.reason}, for ${become.name}` } : path
      const before = prefixOf(stages, launch.env)
      if ('reason' in before) return before
      const { wrap, env } = before
      const argv = wrap.length > 0 ? [...wrap, path, ...launch.argv.slice(1)] : launch.argv
      try {
        const pid = posixSpawn({ path: wrap[0] ?? path, argv, env, cwd, fds: descriptorsOf(launch) })
        return { pid, start: statOf(pid)?.start ?? 0 }
      } catch (e) {
        // One ENOENT stands for the program, its folder, its interpreter and its directory.
        const found = isDirect ? findProgram(launch) : path
        return typeof found === 'string' ? spawnFailure(e, found) : found
      }
    },
  }
}

/** The stages as words, and the environment: of what they must not see, a last one tells the program alone. */
function prefixOf(
  stages: readonly Stage[],
  env: Launch['env'],
): { readonly wrap: readonly string[]; readonly env: readonly string[] } | SpawnFailure {
  const all = Object.entries(env)
  const kept = all.filter(([name]) => isWithheld(name, stages))
  const last =
    kept.length > 0 ? [{ tool: 'env', words: kept.map(pair), wants: kept.map(([name]) => name).join(', ') }] : []
  const wrap: string[] = []
  for (const { tool, words, wants } of [...stages, ...last]) {
    const found = findProgram({ argv: [tool], cwd: '/', env: { PATH: process.env.PATH ?? DEFAULT_PATH } })
    if (typeof found !== 'string') {
      return { reason: `ENOENT: ${tool} (${packageOf(tool)}) is not in the PATH: ${wants} needs it`, permanent: false }
    }
    wrap.push(found, ...words)
  }
  return { wrap, env: all.filter((each) => !kept.includes(each)).map(pair) }
}

const pair = ([name, value]: readonly [string, string]): string => `${name}=${value}`

const packageOf = (tool: string): string => (tool === 'nice' || tool === 'env' ? 'coreutils' : 'util-linux')

/** The child's descriptors from 0 on; a hole below the extra one is /dev/null. */
function descriptorsOf({ stdout, stderr, listeners, extra }: Launch): (number | string)[] {
  const fds: (number | string)[] = ['/dev/null', stdout, stderr, ...listeners]
  while (extra && fds.length < extra.at) fds.push('/dev/null')
  return extra ? [...fds, extra.from] : fds
}

/** What no call of the system could be told. */
function unfitWords({ argv, env }: Launch): SpawnFailure | null {
  if (!argv[0]) return { reason: 'the command is an empty word', permanent: true }
  if (![...argv, ...Object.values(env)].some((text) => text.includes('\0'))) return null
  return { reason: 'an argument or an environment value holds a NUL byte', permanent: true }
}

/** Of a command whose first word is a path. */
const programPath = ({ argv, cwd }: Pick<Launch, 'argv' | 'cwd'>): string => resolve(cwd, argv[0] ?? '')

function findProgram({ argv, cwd, env }: Pick<Launch, 'argv' | 'cwd' | 'env'>): string | SpawnFailure {
  const word = argv[0] ?? ''
  const folder = folderFailure(cwd)
  if (folder) return folder
  if (word.includes('/')) {
    const path = programPath({ argv, cwd })
    return programFailure(path) ?? path
  }
  let denied: SpawnFailure | null = null
  for (const entry of (env.PATH ?? DEFAULT_PATH).split(':')) {
    const path = join(resolve(cwd, entry), word)
    // Most folders of a PATH do not have it, and an error costs twenty times what the question does.
    if (isMissing(path)) continue
    const failure = programFailure(path)
    if (!failure) return path
    // In a folder that may not be entered nothing is known to be there.
    if (failure.reason.startsWith('EACCES') && exists(path)) denied ??= failure
  }
  return denied ?? { reason: `ENOENT: no program "${word}" in its PATH`, permanent: false }
}

function folderFailure(cwd: string): SpawnFailure | null {
  try {
    if (!statSync(cwd).isDirectory()) return { reason: `ENOTDIR: its directory ${cwd} is no folder`, permanent: false }
    mayExecute(cwd)
    return null
  } catch (e) {
    const words = errno(e) === 'ENOENT' ? 'does not exist' : errno(e) === 'EACCES' ? 'may not be entered' : messageOf(e)
    return { reason: `${errno(e) ?? 'error'}: its directory ${cwd} ${words}`, permanent: false }
  }
}

function programFailure(path: string): SpawnFailure | null {
  try {
    if (statSync(path).isDirectory()) return { reason: `EACCES: ${path} is a folder`, permanent: false }
    mayExecute(path)
    return null
  } catch (e) {
    const code = errno(e)
    const words =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EACCES'
          ? exists(path)
            ? 'is not executable'
            : 'cannot be reached: a folder on the way may not be entered'
          : code === 'ELOOP'
            ? 'is a loop of links'
            : messageOf(e)
    return { reason: `${code ?? 'error'}: ${path} ${words}`, permanent: false }
  }
}

/** Behind a prefix nobody hears that a script names an interpreter that is not there. */
function runnable(path: string | SpawnFailure, stages: readonly Stage[]): string | SpawnFailure {
  if (typeof path !== 'string' || stages.length === 0) return path
  const interpreter = /^#!\s*(\S+)/.exec(beginningOf(path))?.[1]
  if (interpreter === undefined || exists(interpreter)) return path
  return { reason: `ENOENT: ${path} ${words.ENOENT}`, permanent: false }
}

/** As the kernel looks at it (execve(2)); nothing of what may be run but not read. */
function beginningOf(path: string): string {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const bytes = Buffer.alloc(256)
      return bytes.toString('latin1', 0, readSync(fd, bytes))
    } finally {
      closeSync(fd)
    }
  } catch {
    return ''
  }
}

/** For certain: whatever else is wrong with it is another matter. */
function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined
  } catch {
    return false
  }
}

/** As far as the present user of files can see. */
function exists(path: string): boolean {
  try {
    statSync(path)
    return true
  } catch {
    return false // not there, or on no way that is open
  }
}

const words: Readonly<Record<string, string>> = {
  ENOENT: 'the interpreter that it names does not exist',
  ENOEXEC: 'is no program this machine can run (no #! line?)',
  EACCES: 'may not be executed',
  E2BIG: 'its arguments and environment are too long',
  EAGAIN: 'no more processes allowed for this user now',
  ENOMEM: 'not enough memory now',
  EMFILE: 'the master has no free descriptors now',
  ENFILE: 'the system has no free descriptors now',
  ETXTBSY: 'is being written',
}

function spawnFailure(e: unknown, path: string): SpawnFailure {
  const code = errno(e)
  if (!code) throw e
  return { reason: `${code}: ${path} ${words[code] ?? 'could not be started'}`, permanent: code === 'E2BIG' }
}
