// As whom, and within which limits, a process runs: what the configuration asks for, and the words that stand
// before a command so that it comes true. Each of these programs sets one thing and becomes the next, so none costs
// a process. What needs the master's rights comes first, the change of user last. Pure.

export interface User {
  /** Name or number. */
  readonly name: string
  /** Name or number; null = the user's own. */
  readonly group: string | null
}

/** `name[:group]` */
export const writtenUser = ({ name, group }: User): string => (group === null ? name : `${name}:${group}`)

export type Resource = 'nofile' | 'core' | 'nproc' | 'as'

/** null = unlimited. */
export interface Limit {
  readonly soft: number | null
  readonly hard: number | null
}

/** Of a program with all its processes, by a cgroup. Absent = as the machine has it. */
export interface CgroupLimits {
  readonly memoryBytes?: number
  readonly pids?: number
  /** Of one core: 1.5 = one and a half. */
  readonly cores?: number
}

/** What is absent is as the master has it. */
export interface Identity {
  readonly user?: User
  readonly umask?: number
  /** Added to the master's own. */
  readonly nice?: number
  readonly oomScoreAdj?: number
  readonly rlimits?: Readonly<Partial<Record<Resource, Limit>>>
  /** Cores by number; `auto` = one each, slot modulo cores. */
  readonly cpuAffinity?: 'auto' | readonly number[]
  readonly noNewPrivileges?: true
  readonly cgroup?: CgroupLimits
}

/** Of one slot. */
export type SlotIdentity = Identity & { readonly slot: number }

/** `0,2-3` as numbers, in order, each once: as taskset, /proc and /sys write cores. */
export function coresIn(text: string): readonly number[] {
  const cores = text
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [from = 0, to = from] = part.split('-').map(Number)
      return Array.from({ length: Math.max(0, to - from + 1) }, (_none, at) => from + at)
    })
  return [...new Set(cores)].sort((a, b) => a - b)
}

/** Of a spec. */
interface Asking {
  readonly identity?: Identity | undefined
}

/** null = as the master is. */
export const identityFor = ({ identity }: Asking, slot: number): SlotIdentity | null =>
  identity ? { ...identity, slot } : null

/** For people: by key, as it is written. */
export function limitsShown(identity: Identity | undefined): Readonly<Record<string, string>> {
  const { user, umask, nice, oomScoreAdj, rlimits = {}, cgroup, cpuAffinity, noNewPrivileges } = identity ?? {}
  const all: readonly (readonly [string, string | undefined])[] = [
    ['user', user && writtenUser(user)],
    ['umask', umask?.toString(8).padStart(4, '0')],
    ['nice', nice?.toString()],
    ['oom_score_adj', oomScoreAdj?.toString()],
    ...Object.entries(rlimits).map(
      ([key, { soft, hard }]) => [`rlimit_${key}`, `${bound(soft)}:${bound(hard)}`] as const,
    ),
    ['memory_max', cgroup?.memoryBytes?.toString()],
    ['pids_max', cgroup?.pids?.toString()],
    ['cpu_max', cgroup?.cores?.toString()],
    ['cpu_affinity', typeof cpuAffinity === 'string' ? cpuAffinity : cpuAffinity?.join(',')],
    ['no_new_privileges', noNewPrivileges && 'true'],
  ]
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** A user as this machine knows it. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  readonly home: string
}

/** What follows the user into the environment. */
export const accountEnvironment = ({ name, home }: Account): Readonly<Record<string, string>> => ({
  HOME: home,
  USER: name,
  LOGNAME: name,
})

/** What shall be so when the program begins. */
export interface Wish {
  readonly identity: Omit<Identity, 'user' | 'cpuAffinity' | 'cgroup'>
  readonly cores: readonly number[] | null
  /** null = the master's user stays. */
  readonly become: Account | null
  /** `cgroup.procs` of the cgroup to enter. */
  readonly enters: string | null
  /** The kernel ends it when we die. */
  readonly diesWithUs: boolean
  /** It is told its own pid in LISTEN_PID. */
  readonly toldPid: boolean
}

/** One program of the prefix. */
export interface Stage {
  readonly tool: string
  readonly words: readonly string[]
  /** What of the configuration it is there for. */
  readonly wants: string
}

/** The stages before the program, the first one first; none for a wish of nothing. */
export function stagesOf(wish: Wish): Stage[] {
  const { identity, cores } = wish
  const { nice = 0, rlimits = {} } = identity
  const limits = Object.entries(rlimits)
  const stages = [
    shellOf(wish),
    cores && { tool: 'taskset', words: ['-c', cores.join(',')], wants: 'cpu_affinity' },
    nice !== 0 && { tool: 'nice', words: ['-n', String(nice)], wants: 'nice' },
    limits.length > 0 && {
      tool: 'prlimit',
      words: [...limits.map(([name, { soft, hard }]) => `--${name}=${bound(soft)}:${bound(hard)}`), '--'],
      wants: limits.map(([name]) => `rlimit_${name}`).join(', '),
    },
    privilegesOf(wish),
  ]
  return stages.filter((stage) => stage !== false && stage !== null)
}

const SHELL = '/bin/sh'

const bound = (value: number | null): string => (value === null ? 'unlimited' : String(value))

/** What a shell can do by itself, in one: it is the master's user still, and only itself knows its pid. */
function shellOf({ identity, enters, toldPid }: Wish): Stage | null {
  const { umask, oomScoreAdj } = identity
  const steps = [
    // 0: who writes it.
    enters !== null && `echo 0 >"$1" || exit ${CANNOT_EXECUTE}; shift`,
    oomScoreAdj !== undefined && `echo ${oomScoreAdj} >/proc/self/oom_score_adj || exit ${CANNOT_EXECUTE}`,
    umask !== undefined && `umask ${umask.toString(8).padStart(4, '0')}`,
  ].filter((step) => step !== false)
  if (steps.length === 0 && !toldPid) return null
  const script = [...steps, `${toldPid ? 'LISTEN_PID=$$ ' : ''}exec "$@"`].join('; ')
  const keys = [
    enters !== null && 'a cgroup',
    oomScoreAdj !== undefined && 'oom_score_adj',
    umask !== undefined && 'umask',
  ]
  const wants = keys.filter((key) => key !== false).join(', ') || 'bind'
  return { tool: SHELL, words: ['-c', script, 'sh', ...(enters === null ? [] : [enters])], wants }
}

function privilegesOf({ identity, become, diesWithUs }: Wish): Stage | null {
  const words: string[] = []
  const wants: string[] = []
  if (diesWithUs) {
    words.push('--pdeathsig', 'KILL')
    wants.push('orphans = stop')
  }
  if (identity.noNewPrivileges) {
    words.push('--no-new-privs')
    wants.push('no_new_privileges')
  }
  if (become) {
    const { uid, gid, groups } = become
    words.push('--reuid', String(uid), '--regid', String(gid))
    words.push(...(groups.length > 0 ? ['--groups', groups.join(',')] : ['--clear-groups']))
    wants.push('user')
  }
  return words.length > 0 ? { tool: 'setpriv', words: [...words, '--'], wants: wants.join(', ') } : null
}

/** With these the programs of a prefix, as shells, say that what follows them could not be run. */
const CANNOT_EXECUTE = 126
const NOT_FOUND = 127

/** What an exit may mean that is no word of the program's own; null = nothing else than it says. */
export function doubtOf({ identity }: Asking, code: number | null): string | null {
  if (!identity || (code !== CANNOT_EXECUTE && code !== NOT_FOUND)) return null
  return 'it, or what gives it its user and limits, could not be run: its output says which'
}

/**
 * Variables that a program of the prefix must not see while it is still the master's user: the loader and the
 * shell obey them, and what they name may belong to the program's user (ld.so(8), "secure-execution mode").
 */
const OBEYED =
  /^(LD_.*|GLIBC_.*|GCONV_PATH|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|LOCPATH|MALLOC_.*|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS|ENV|BASH_.*|SHELLOPTS|BASHOPTS|PS4|IFS|CDPATH)$/
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Is it to be kept from these stages, and given behind them? Names that a shell would lose are, too. */
export const isWithheld = (name: string, stages: readonly Stage[]): boolean =>
  stages.length > 0 && (OBEYED.test(name) || (stages.some(({ tool }) => tool === SHELL) && !NAME.test(name)))
