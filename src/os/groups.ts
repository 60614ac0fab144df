// Users' and groups' names, looked up in the system's files.

import { readFileSync } from 'node:fs'
import { PhError } from '../errors.ts'

/** The number of a group given by name or number; throws PH_CONFIG for one that is not there. */
export function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group)
  for (const line of readFileSync('/etc/group', 'utf8').split('\n')) {
    const [name, , gid] = line.split(':')
    if (name === group && gid !== undefined) return Number(gid)
  }
  throw new PhError('PH_CONFIG', `cannot give the socket to group "${group}": no such group in /etc/group`)
}
