// Whether this master can give a process the user and the limits that it shall have, and with which words before
// its command. What would be denied is found out before there is a process: a program of the prefix that fails
// says so only in the program's output. Must never answer with less than was asked for.

import { readFileSync } from 'node:fs'
import {
  type Account,
  coresIn,
  type Limit,
  type Resource,
  type SlotIdentity,
  type Stage,
  stagesOf,
  type User,
  writtenUser,
} from '../core/identity.ts'
import type { Accounts, SpawnFailure } from '../core/ports.ts'
import { accountOf } from './accounts.ts'
import { coresGranted } from './libc.ts'
import { fieldsOf } from './proc.ts'

export interface Standing {
  /** null = ours. */
  readonly become: Account | null
  readonly stages: readonly Stage[]
}

export interface Wanted {
  readonly identity: SlotIdentity | null
  readonly enters: string | null
  readonly diesWithUs: boolean
  readonly toldPid: boolean
}

/** Refused for good: the same would be refused again. */
const denied = (reason: string): SpawnFailure => ({ reason, permanent: true })

export const systemAccounts: Accounts = {
  of: (identity) => (identity?.user ? accountFor(identity.user, ownPowers()) : null),
}

function accountFor(user: User, own: Powers): Account | SpawnFailure {
  const account = accountOf(user)
  if (typeof account === 'string') return denied(`cannot run as ${writtenUser(user)}: ${account}`)
  const trouble = isOurs(account, own) ? null : cannotBecome(account, own)
  return trouble === null ? account : denied(trouble)
}

export function standingOf({ identity, ...more }: Wanted): Standing | SpawnFailure {
  if (!identity) return { become: null, stages: stagesOf({ ...more, identity: {}, cores: null, become: null }) }
  const own = ownPowers()
  const account = identity.user ? accountFor(identity.user, own) : null
  if (account && 'reason' in account) return account
  const become = account && !isOurs(account, own) ? account : null
  const cores = coresFor(identity, own.cores)
  const trouble =
    cannotRun(cores, own.cores) ??
    cannotBeNice(identity.nice ?? 0, own) ??
    cannotBeScored(identity.oomScoreAdj, own) ??
    cannotLimit(identity.rlimits ?? {}, own)
  return trouble === null ? { become, stages: stagesOf({ ...more, identity, cores, become }) } : denied(trouble)
}

/** What the master itself is and may. */
interface Powers {
  /** Effective capabilities (capabilities(7)). */
  readonly capabilities: bigint
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  /** On which it may run. */
  readonly cores: readonly number[]
}

const CAP_SETGID = 6n
const CAP_SETUID = 7n
const CAP_SYS_NICE = 23n
const CAP_SYS_RESOURCE = 24n

const may = ({ capabilities }: Powers, capability: bigint): boolean => ((capabilities >> capability) & 1n) === 1n

function ownPowers(): Powers {
  const status = readFileSync('/proc/self/status', 'latin1')
  const field = (name: string): readonly string[] =>
    (new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '').split(/\s+/).filter(Boolean)
  return {
    capabilities: BigInt(`0x${field('CapEff')[0] ?? '0'}`),
    uid: Number(field('Uid')[1]),
    gid: Number(field('Gid')[1]),
    groups: field('Groups').map(Number),
    cores: coresIn(field('Cpus_allowed_list')[0] ?? ''),
  }
}

// user --------------------------------------------------------------------------------------------

/** For an ordinary user its groups are as it got them at its login: it could not change them. */
function isOurs({ uid, gid, groups }: Account, own: Powers): boolean {
  if (uid !== own.uid || gid !== own.gid) return false
  return !may(own, CAP_SETGID) || sorted(groups) === sorted(own.groups)
}

const sorted = (groups: readonly number[]): string => [...new Set(groups)].sort((a, b) => a - b).join()

function cannotBecome({ name, uid, gid }: Account, own: Powers): string | null {
  if (may(own, CAP_SETUID) && may(own, CAP_SETGID)) return null
  const other = uid === own.uid ? `change to group ${gid}` : 'become another user'
  return `EPERM: cannot run as ${name}: the master runs as uid ${own.uid} and may not ${other}`
}

// limits ------------------------------------------------------------------------------------------

function coresFor({ cpuAffinity, slot }: SlotIdentity, own: readonly number[]): readonly number[] | null {
  if (cpuAffinity !== 'auto') return cpuAffinity ?? null
  return own.length > 0 ? own.slice(slot % own.length, (slot % own.length) + 1) : null
}

function cannotRun(cores: readonly number[] | null, own: readonly number[]): string | null {
  if (cores === null) return null
  // A container may have fewer than the machine, and what it lacks would be left out without a word.
  const granted = coresGranted(cores)
  const missing = cores.filter((core) => !granted.includes(core))
  if (missing.length === 0) return null
  return `EINVAL: cannot set cpu_affinity: there is no core ${missing.join(', ')} for us (the master runs on ${own.join(', ')})`
}

const LOWEST_NICE = -20

function cannotBeNice(nice: number, own: Powers): string | null {
  if (nice >= 0 || may(own, CAP_SYS_NICE)) return null
  const { nice: now, limit } = niceness()
  if (Math.max(LOWEST_NICE, now + nice) >= 20 - limit) return null
  return `EPERM: cannot set nice = ${nice}: the master may not raise a priority (no CAP_SYS_NICE, RLIMIT_NICE is ${limit})`
}

function niceness(): { readonly nice: number; readonly limit: number } {
  const nice = Number(fieldsOf(process.pid)?.[16])
  return { nice, limit: ownLimits().get('Max nice priority')?.soft ?? 0 }
}

function cannotBeScored(score: number | undefined, own: Powers): string | null {
  if (score === undefined || may(own, CAP_SYS_RESOURCE)) return null
  const now = Number(readFileSync('/proc/self/oom_score_adj', 'latin1'))
  // 0, or lower where somebody with the right to do so has lowered it.
  if (score >= Math.min(0, now)) return null
  return `EACCES: cannot set oom_score_adj = ${score}: the master may not lower it below ${Math.min(0, now)} (no CAP_SYS_RESOURCE)`
}

/** As /proc/PID/limits calls them. */
const LIMITS: Readonly<Record<Resource, string>> = {
  nofile: 'Max open files',
  core: 'Max core file size',
  nproc: 'Max processes',
  as: 'Max address space',
}

const above = (value: number | null, most: number | null): boolean => most !== null && (value === null || value > most)
const shown = (value: number | null): string => (value === null ? 'unlimited' : String(value))

function cannotLimit(limits: Readonly<Partial<Record<Resource, Limit>>>, own: Powers): string | null {
  const now = ownLimits()
  for (const [name, { hard }] of Object.entries(limits)) {
    const most = now.get(LIMITS[name as Resource])?.hard ?? null
    if (above(hard, most) && !may(own, CAP_SYS_RESOURCE)) {
      return `EPERM: cannot set rlimit_${name} to ${shown(hard)}: the master's own is ${shown(most)}, and it may not raise it (no CAP_SYS_RESOURCE)`
    }
    const ceiling = name === 'nofile' ? mostFiles() : null
    if (above(hard, ceiling)) {
      return `EPERM: cannot set rlimit_${name} to ${shown(hard)}: this machine allows ${shown(ceiling)} (fs.nr_open)`
    }
  }
  return null
}

/** null = a /proc that hides it: then the kernel refuses, behind the prefix. */
function mostFiles(): number | null {
  try {
    return Number(readFileSync('/proc/sys/fs/nr_open', 'latin1'))
  } catch {
    return null
  }
}

function ownLimits(): ReadonlyMap<string, Limit> {
  const value = (text: string | undefined): number | null => (text === 'unlimited' ? null : Number(text))
  const rows = readFileSync('/proc/self/limits', 'latin1').split('\n').slice(1)
  return new Map(
    rows.map((row) => {
      const [, name = '', soft, hard] = /^(.*?)\s{2,}(\S+)\s+(\S+)/.exec(row) ?? []
      return [name, { soft: value(soft), hard: value(hard) }]
    }),
  )
}
