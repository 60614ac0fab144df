// Limits of a program as a whole, by cgroups of our own below the one that we are in, where that is ours to divide
// (root, or a unit with Delegate=yes). One cgroup has the limits of the program, and in it each process has its own:
// whatever it makes stays there, so nothing of it is missed at its end, and the kernel counts there whom it
// killed for want of memory. Named by run_path, program and token: the next master finds them again.
//
//   phd-1a2b3c4d/  master/  p.web/  0123456789abcdef/
//
// A cgroup that hands controllers down may hold no processes itself, so the master moves into `master` first. Made
// only for programs that have such limits.

import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { CgroupLimits } from '../core/identity.ts'
import type { Cgroups, Signals, SpawnFailure } from '../core/ports.ts'
import { errno, messageOf } from '../errors.ts'
import { TOKEN_ENV } from '../worker/protocol.ts'
import { countIn, enter, handDown, killAll, livingIn, removeEmpty, sweep, wordsIn } from './cgroup-files.ts'
import { hierarchy } from './cgroup-place.ts'
import { statOf, variableOf } from './proc.ts'

export interface SystemCgroups extends Cgroups {
  /** Processes in the cgroup of this one; 0 where it has none. */
  count(pid: number): number
  /** The same signals, which also reach what only a cgroup knows of. */
  around(signals: Signals): Signals
}

export interface CgroupsOptions {
  readonly runPath: string
  /** The folder of the cgroup to divide; left out = our own. Throws in words. */
  readonly base?: () => string
}

/** A period of the processor's time, in microseconds: the kernel's usual one. */
const PERIOD_US = 100_000
const NAME_LENGTH = 16
/**
 * As in DelegateSubgroup=phd: systemd starts us there, and the cgroup to divide is the one above. Without that it
 * could not put a next master where an earlier one has handed controllers down and processes of it live on.
 */
const SUBGROUP = 'phd'

export function cgroupsOf({ runPath, base = hierarchy.ours }: CgroupsOptions): SystemCgroups {
  const ours = `phd-${createHash('sha256').update(runPath).digest('hex').slice(0, 8)}`
  /** By pid: the cgroups of processes. */
  const leaves = new Map<number, string>()
  const made = new Map<string, string>()

  const leafOf = (root: string, program: string, token: string): string =>
    join(root, ours, `p.${program}`, token.slice(0, NAME_LENGTH))

  /** Without our own part, where we have moved into it, or were put into one beside it. */
  const root = (): string => {
    const [outer = ''] = base().split(`/${ours}/`)
    return basename(outer) === SUBGROUP ? dirname(outer) : outer
  }

  return {
    make(program, token, limits) {
      const keys = keysOf(limits)
      try {
        const top = root()
        divide(
          top,
          join(top, ours),
          keys.map(({ controller }) => controller),
        )
        const leaf = leafOf(top, program, token)
        const folder = dirname(leaf)
        mkdirSync(folder, { recursive: true })
        // Who was just born may not have entered his yet.
        const known = new Set([...made.values(), ...leaves.values()])
        sweep(folder, (one) => known.has(one))
        for (const { file, value } of keys) writeFileSync(join(folder, file), value)
        // What the file does not name any more.
        const former = LIMITS.filter((file) => !keys.some((one) => one.file === file) && existsSync(join(folder, file)))
        for (const file of former) writeFileSync(join(folder, file), 'max')
        // Where memory is counted for each, it is known who was killed for it.
        if (limits.memoryBytes !== undefined) handDown(folder, ['memory'])
        mkdirSync(leaf)
        made.set(token, leaf)
        return { enters: join(leaf, 'cgroup.procs') }
      } catch (e) {
        const names = keys.map(({ key }) => key).join(', ')
        return { reason: `cannot set ${names}: ${messageOf(e)}`, permanent: true } satisfies SpawnFailure
      }
    },
    born(token, pid) {
      const leaf = made.get(token)
      made.delete(token)
      if (leaf !== undefined) leaves.set(pid, leaf)
    },
    forget(token) {
      const leaf = made.get(token)
      made.delete(token)
      if (leaf !== undefined) removeEmpty(leaf)
    },
    adopt(program, token, pid) {
      try {
        // It may have been made below another cgroup than the one that we are in.
        const own = hierarchy.of(pid)
        const leaf = own?.endsWith(leafOf('/', program, token)) ? own : leafOf(root(), program, token)
        if (existsSync(leaf)) leaves.set(pid, leaf)
      } catch {
        // No cgroups here, so it has none.
      }
    },
    count(pid) {
      const leaf = leaves.get(pid)
      return leaf === undefined ? 0 : livingIn(leaf)
    },
    around: (signals) => ({
      send(pid, signal, group) {
        const leaf = leaves.get(pid)
        const heard = signals.send(pid, signal, group)
        if (leaf === undefined || !group || signal !== 'SIGKILL') return heard
        return killAll(leaf) || heard
      },
      hasLeft(pid) {
        const leaf = leaves.get(pid)
        const left = signals.hasLeft(pid)
        if (leaf === undefined) return left
        if (left || livingIn(leaf) > 0) return true
        leaves.delete(pid)
        removeEmpty(leaf)
        return false
      },
      oomKilled(pid) {
        const leaf = leaves.get(pid)
        if (leaf === undefined) return signals.oomKilled(pid)
        const killed = countIn(leaf, 'memory.events', 'oom_kill')
        return killed === null ? null : killed > 0
      },
    }),
  }
}

const LIMITS = ['memory.max', 'pids.max', 'cpu.max']

interface Key {
  readonly key: string
  readonly controller: string
  readonly file: string
  readonly value: string
}

function keysOf({ memoryBytes, pids, cores }: CgroupLimits): Key[] {
  const keys: Key[] = []
  if (memoryBytes !== undefined)
    keys.push({ key: 'memory_max', controller: 'memory', file: 'memory.max', value: String(memoryBytes) })
  if (pids !== undefined) keys.push({ key: 'pids_max', controller: 'pids', file: 'pids.max', value: String(pids) })
  if (cores !== undefined) {
    const value = `${Math.round(cores * PERIOD_US)} ${PERIOD_US}`
    keys.push({ key: 'cpu_max', controller: 'cpu', file: 'cpu.max', value })
  }
  return keys
}

/** Hands the controllers down to our part of the cgroup. Throws in words why not. */
function divide(top: string, ours: string, controllers: readonly string[]): void {
  const here = wordsIn(join(top, 'cgroup.controllers'))
  const missing = controllers.filter((one) => !here.includes(one))
  if (missing.length > 0) {
    const have = here.length > 0 ? `it has ${here.join(', ')}` : 'it has none'
    throw new Error(`the cgroup ${top} has no controller ${missing.join(', ')} (${have})`)
  }
  try {
    for (const name of ['', 'cgroup.procs', 'cgroup.subtree_control']) accessSync(join(top, name), constants.W_OK)
  } catch (e) {
    const why = errno(e) === 'EROFS' ? 'it is mounted read-only' : 'it is not delegated to us'
    throw new Error(`the cgroup ${top} may not be divided: ${why}`, { cause: e })
  }
  const master = join(ours, 'master')
  mkdirSync(master, { recursive: true })
  // The root of all has no type, and may hold processes as well.
  if (existsSync(join(top, 'cgroup.type'))) {
    for (const pid of wordsIn(join(top, 'cgroup.procs')).map(Number)) {
      if (isOfUs(pid)) enter(master, pid)
    }
  }
  try {
    for (const folder of [top, ours]) handDown(folder, controllers)
  } catch (e) {
    if (errno(e) !== 'EBUSY') throw e
    throw new Error(`the cgroup ${top} holds other processes than ours: phd needs one of its own (Delegate=yes)`, {
      cause: e,
    })
  }
}

/** The master, below it, or a process that an earlier one has made. */
function isOfUs(pid: number): boolean {
  if (typeof variableOf(pid, TOKEN_ENV) === 'string') return true
  for (let at = pid; at > 1; at = statOf(at)?.parent ?? 0) if (at === process.pid) return true
  return pid === process.pid
}
