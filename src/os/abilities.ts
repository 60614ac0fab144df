// What this machine lets phd do beyond what it cannot do without: looked at once, at the start. What is not here is
// said in the log, and the list of what is here stands in `info`.

import { accessSync, closeSync, constants } from 'node:fs'
import { join } from 'node:path'
import { PhError } from '../errors.ts'
import { openPidfd } from './libc-pidfd.ts'
import { bootId, statOf } from './proc.ts'

export type Feature = 'boot-id' | 'other-users' | 'pidfd' | 'setpriv'

/** What is not so where it is missing. */
export const without: Readonly<Record<Feature, string>> = {
  'boot-id': 'a record of an earlier boot is not known as such by itself',
  'other-users': 'what a program has left under another user is not seen (hidepid)',
  pidfd: 'the end of an adopted process is noticed by looking, four times a second',
  setpriv: 'orphans = stop, user and no_new_privileges cannot be carried out',
}

/**
 * Throws where processes cannot be told from each other: a next master could not know the living ones, and would
 * start them twice.
 */
export function abilities(path: string | undefined): readonly Feature[] {
  if (statOf(process.pid) === null) {
    throw new PhError('PH_INTERNAL', 'cannot start: /proc is not mounted here, and nothing else tells processes apart')
  }
  const here: Readonly<Record<Feature, boolean>> = {
    'boot-id': bootId() !== 'unknown',
    'other-users': statOf(1) !== null,
    pidfd: hasPidfd(),
    setpriv: isInPath('setpriv', path),
  }
  return (Object.keys(here) as Feature[]).filter((feature) => here[feature])
}

function hasPidfd(): boolean {
  try {
    const fd = openPidfd(process.pid)
    if (fd !== null) closeSync(fd)
    return fd !== null
  } catch {
    return false // an old kernel, or a sandbox that forbids it
  }
}

function isInPath(program: string, path = '/usr/local/bin:/usr/bin:/bin'): boolean {
  return path.split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false // not in this one
    }
  })
}
