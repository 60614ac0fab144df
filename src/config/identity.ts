// As whom and within which limits a program runs. Whether this machine allows it is seen when a process is
// started: `check` may run elsewhere. Of a user who is not known here it only warns.

import { readFileSync } from 'node:fs'
import { type CgroupLimits, coresIn, type Identity, type Limit, type Resource, type User } from '../core/identity.ts'
import type { Spec } from '../core/spec.ts'
import { BadValue } from './problems.ts'
import type { Reader } from './reader.ts'
import { parseInteger, parseSize, quote, unfit } from './units.ts'

/** Nothing when every key is at its default: then a process costs no more than without them. */
export function readIdentity(reader: Reader): Pick<Spec, 'identity'> {
  const user = reader.take('user', parseUser, null)
  if (user && isUnknown(user.name)) {
    reader.warn('user', `${quote(user.name)} is no user of this machine: where there is none, the start is refused`)
  }
  const umask = reader.take('umask', parseUmask, null)
  const nice = reader.integer('nice')
  const oomScoreAdj = reader.take('oom_score_adj', (text) => parseInteger(text, -1000, 1000), null)
  const rlimits = readLimits(reader)
  const cgroup = readCgroup(reader)
  const cpuAffinity = reader.take('cpu_affinity', parseCores, null)
  const noNewPrivileges = reader.boolean('no_new_privileges')
  const identity: Identity = {
    ...(user && { user }),
    ...(umask !== null && { umask }),
    ...(nice !== 0 && { nice }),
    ...(oomScoreAdj !== null && { oomScoreAdj }),
    ...(Object.keys(rlimits).length > 0 && { rlimits }),
    ...(Object.keys(cgroup).length > 0 && { cgroup }),
    ...(cpuAffinity && { cpuAffinity }),
    ...(noNewPrivileges && { noNewPrivileges }),
  }
  return Object.keys(identity).length > 0 ? { identity } : {}
}

function parseUser(text: string): User {
  const [, name, group] = /^([^\s:,]+)(?::([^\s:,]+))?$/.exec(text) ?? []
  if (name === undefined) throw unfit(text, 'name or name:group, by name or number')
  return { name, group: group ?? null }
}

/** Sources of users that are files: whoever is not there is not known elsewhere either. */
const FILES = new Set(['files', 'compat', 'systemd', 'altfiles'])

function isUnknown(name: string): boolean {
  if (/^\d+$/.test(name)) return false
  const source = /^passwd:\s*(.*)$/m.exec(read('/etc/nsswitch.conf'))?.[1] ?? 'files'
  const asks = source.replace(/\[[^\]]*\]/g, ' ').split(/\s+/)
  if (asks.some((each) => each !== '' && !FILES.has(each))) return false
  return !read('/etc/passwd')
    .split('\n')
    .some((line) => line.startsWith(`${name}:`))
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // a machine without it: there is nothing to warn of
  }
}

function parseUmask(text: string): number {
  if (!/^0?[0-7]{1,3}$/.test(text)) throw unfit(text, 'up to three octal digits, as 027')
  return Number.parseInt(text, 8)
}

/** By key: how a value is written. */
const counts: Readonly<Record<Resource, (text: string) => number>> = {
  nofile: (text) => parseInteger(text, 0, 1e9),
  core: (text) => parseSize(text, 0, 1e15),
  nproc: (text) => parseInteger(text, 0, 1e9),
  as: (text) => parseSize(text, 0, 1e15),
}

function readLimits(reader: Reader): Partial<Record<Resource, Limit>> {
  const limits: Partial<Record<Resource, Limit>> = {}
  for (const [name, count] of Object.entries(counts)) {
    const limit = reader.take(`rlimit_${name}`, (text) => parseLimit(text, count), null)
    if (limit) limits[name as Resource] = limit
  }
  return limits
}

/** One value is both: a soft limit alone could be raised by whom it shall hold. */
function parseLimit(text: string, count: (text: string) => number): Limit {
  const words = text.split(':').map((word) => word.trim())
  if (words.length > 2) throw unfit(text, 'a limit, or soft:hard')
  const [soft = null, hard = soft] = words.map((word) => (word.toLowerCase() === 'unlimited' ? null : count(word)))
  if (hard !== null && (soft === null || soft > hard)) {
    throw new BadValue(`cannot be ${quote(text)}: the soft limit, before the colon, is above the hard one`)
  }
  return { soft, hard }
}

/** Of the program as a whole. */
function readCgroup(reader: Reader): CgroupLimits {
  const memoryBytes = reader.take(
    'memory_max',
    (text, { range }) => parseSize(text, range?.[0] ?? 0, range?.[1] ?? 0),
    null,
  )
  const pids = reader.take('pids_max', (text, { range }) => parseInteger(text, range?.[0] ?? 0, range?.[1] ?? 0), null)
  const cores = reader.take('cpu_max', parseShare, null)
  return {
    ...(memoryBytes !== null && { memoryBytes }),
    ...(pids !== null && { pids }),
    ...(cores !== null && { cores }),
  }
}

/** The kernel takes no less than a millisecond in its period of a tenth of a second. */
const LEAST_SHARE = 0.01

function parseShare(text: string): number {
  const [, digits, percent] = /^(\d{1,5}(?:\.\d{1,4})?)(%?)$/.exec(text) ?? []
  const cores = Number(digits) / (percent === '%' ? 100 : 1)
  if (digits === undefined || cores < LEAST_SHARE)
    throw unfit(text, 'cores, as 1.5, or percent of one, as 50%, from 1% on')
  return cores
}

/** The kernel's largest number of cores, on any machine. */
const MOST_CORES = 8192

function parseCores(text: string): 'auto' | readonly number[] {
  if (text.toLowerCase() === 'auto') return 'auto'
  const wanted = 'auto, or cores by number, as 0,2-3'
  const list = text.replace(/\s+/g, '')
  if (!/^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/.test(list)) throw unfit(text, wanted)
  const backwards = list.split(',').some((part) => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return to < from || to >= MOST_CORES
  })
  if (backwards) throw unfit(text, wanted)
  return coresIn(list)
}
