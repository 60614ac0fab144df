// Makes processes: finds the program as the program's own environment would, then posix_spawn. All
// failures are told in words that say which of the many ENOENTs it was.

import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Launch, Spawner, SpawnFailure } from '../core/ports.ts'
import { errno, messageOf } from '../errors.ts'
import { posixSpawn } from './libc.ts'
import { statOf } from './proc.ts'

/** POSIX leaves it to us where to look without PATH; sh and glibc take these. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin'

export function systemSpawner(): Spawner {
  return {
    spawn(launch) {
      const path = findProgram(launch)
      if (typeof path !== 'string') return path
      const { cwd, diesWithUs, listeners, toldPid } = launch
      const prefix = diesWithUs ? dyingPrefix() : []
      if (!prefix)
        return { reason: 'ENOENT: setpriv (util-linux) is not in the PATH: orphans = stop needs it', permanent: false }
      const told = toldPid && listeners.length > 0 ? TELL_PID : []
      const wrap = [...prefix, ...told]
      const argv = wrap.length > 0 ? [...wrap, path, ...launch.argv.slice(1)] : launch.argv
      const env = Object.entries(launch.env).map(([name, value]) => `${name}=${value}`)
      try {
        const pid = posixSpawn({ path: wrap[0] ?? path, argv, env, cwd, fds: descriptorsOf(launch) })
        return { pid, start: statOf(pid)?.start ?? 0 }
      } catch (e) {
        return spawnFailure(e, path)
      }
    },
  }
}

/** Only the process itself knows its pid before it is the program; `exec` keeps it. */
const TELL_PID = ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh']

/** The child's descriptors from 0 on; a hole below the extra one is /dev/null. */
function descriptorsOf({ stdout, stderr, listeners, extra }: Launch): (number | string)[] {
  const fds: (number | string)[] = ['/dev/null', stdout, stderr, ...listeners]
  while (extra && fds.length < extra.at) fds.push('/dev/null')
  return extra ? [...fds, extra.from] : fds
}

/** The kernel sends SIGKILL at our death to a process that has asked for it; setpriv asks, then becomes the program. */
function dyingPrefix(): readonly string[] | null {
  const setpriv = findProgram({ argv: ['setpriv'], cwd: '/', env: { PATH: process.env.PATH ?? DEFAULT_PATH } })
  return typeof setpriv === 'string' ? [setpriv, '--pdeathsig', 'KILL', '--'] : null
}

function findProgram({ argv, cwd, env }: Pick<Launch, 'argv' | 'cwd' | 'env'>): string | SpawnFailure {
  const word = argv[0] ?? ''
  const folder = folderFailure(cwd)
  if (folder) return folder
  if (word === '') return { reason: 'the command is an empty word', permanent: true }
  if ([...argv, ...Object.values(env)].some((text) => text.includes('\0'))) {
    return { reason: 'an argument or an environment value holds a NUL byte', permanent: true }
  }
  if (word.includes('/')) {
    const path = resolve(cwd, word)
    return programFailure(path) ?? path
  }
  let denied: SpawnFailure | null = null
  for (const entry of (env.PATH ?? DEFAULT_PATH).split(':')) {
    const path = join(resolve(cwd, entry), word)
    const failure = programFailure(path)
    if (!failure) return path
    // In a folder that may not be entered nothing is known to be there.
    if (failure.reason.startsWith('EACCES') && existsSync(path)) denied ??= failure
  }
  return denied ?? { reason: `ENOENT: no program "${word}" in its PATH`, permanent: false }
}

function folderFailure(cwd: string): SpawnFailure | null {
  try {
    if (!statSync(cwd).isDirectory()) return { reason: `ENOTDIR: its directory ${cwd} is no folder`, permanent: false }
    accessSync(cwd, constants.X_OK)
    return null
  } catch (e) {
    const words = errno(e) === 'ENOENT' ? 'does not exist' : errno(e) === 'EACCES' ? 'may not be entered' : messageOf(e)
    return { reason: `${errno(e) ?? 'error'}: its directory ${cwd} ${words}`, permanent: false }
  }
}

function programFailure(path: string): SpawnFailure | null {
  try {
    if (statSync(path).isDirectory()) return { reason: `EACCES: ${path} is a folder`, permanent: false }
    accessSync(path, constants.X_OK)
    return null
  } catch (e) {
    const code = errno(e)
    const words =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EACCES'
          ? existsSync(path)
            ? 'is not executable'
            : 'cannot be reached: a folder on the way may not be entered'
          : code === 'ELOOP'
            ? 'is a loop of links'
            : messageOf(e)
    return { reason: `${code ?? 'error'}: ${path} ${words}`, permanent: false }
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
