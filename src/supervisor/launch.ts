// From an instance to its process: what it is started with, where its output goes, and the worker
// channel's promise to know it. The order matters: the output's pipes and the welcome stand before
// the process does, so that its first byte and its first word have a place to go.

import { accountEnvironment, identityFor } from '../core/identity.ts'
import { socketsOf, type Wanted } from '../core/listening.ts'
import type {
  Accounts,
  Cgroups,
  Herald,
  Heralds,
  Launcher,
  Listeners,
  Output,
  Probes,
  Spawned,
  Spawner,
  SpawnFailure,
  Workers,
} from '../core/ports.ts'
import { nameOf } from '../core/program.ts'
import type { KeptProcess } from '../core/record.ts'
import { forSlot, type OutputSpec, type Spec } from '../core/spec.ts'
import type { Event, Instance } from '../core/state.ts'
import { TOKEN_ENV } from '../worker/protocol.ts'
import { launchHook } from './hook-launch.ts'
import { readinessOf } from './readiness.ts'

export interface LaunchParts {
  readonly accounts: Accounts
  readonly cgroups: Cgroups
  readonly spawner: Spawner
  readonly output: Output
  readonly workers: Workers
  readonly listeners: Listeners
  readonly heralds: Heralds
  readonly probes: Probes
  /** A process says something of itself, or something was found out about it. */
  said(pid: number, event: Event): void
  /** The master's own environment. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly socket: string
  readonly masterPid: number
  /** What becomes of processes when the master dies hard. */
  readonly orphans: 'adopt' | 'stop'
  /** Told of each process that was made (by us, just now) or taken over, with the token in its environment. */
  born(process: KeptProcess, made: boolean): void
  /** Of the lease under which processes of the program are made; null = of none. */
  fence(program: string): string | null
  /** No two are ever the same. */
  token(): string
  /** Writes down what was put in the record: a process must not be born before its intent stands there. */
  recorded(): void
}

export function launcherOf(parts: LaunchParts): Launcher {
  const { accounts, cgroups, spawner, output, workers, listeners } = parts
  const base = inheritable(parts.environment)
  /** Tokens of living workers, by pid. */
  const tokens = new Map<number, string>()
  const environment = (i: Instance): Record<string, string> => environmentOf(base, i, parts)
  const readiness = readinessOf({ ...parts, environmentOf: environment })
  return {
    token: parts.token,
    launch(instance, token) {
      const { spec, slot } = instance
      const owner = accounts.of(spec.identity)
      if (owner && 'reason' in owner) return owner
      const limits = spec.identity?.cgroup
      const cgroup = limits ? cgroups.make(instance.program, token, limits) : null
      if (cgroup && 'reason' in cgroup) return cgroup
      const sockets = socketsOf(spec, slot)
      const command = commandOf(spec, slot)
      let worker: ReturnType<Workers['prepare']> | null = null
      let herald: Herald | null = null
      let streams: ReturnType<Output['open']>
      let fds: readonly number[]
      try {
        if (!command) worker = workers.prepare(instance, token, owner)
        fds = listeners.of(instance.program, sockets)
        herald = readiness.prepare(instance, token, owner)
        streams = output.open(nameOf(instance.program, slot), outputOf(spec, slot), token, owner)
      } catch (e) {
        if (worker) workers.forget(token)
        herald?.release()
        readiness.failed(token)
        cgroups.forget(token)
        return failureOf(e)
      }
      const env = {
        ...environment(instance),
        ...worker?.env,
        ...herald.env,
        ...listenEnvironment(sockets),
        [TOKEN_ENV]: token,
      }
      let made: Spawned | SpawnFailure
      parts.recorded()
      try {
        made = spawner.spawn({
          argv: command ?? worker?.argv ?? [],
          cwd: forSlot(spec.directory, slot),
          env,
          stdout: streams.stdout,
          stderr: streams.stderr,
          listeners: fds,
          // A worker knows its pid itself.
          toldPid: command !== null,
          extra: herald.fd,
          // A worker ends by itself: it finishes what it has in hand first.
          diesWithUs: parts.orphans === 'stop' && command !== null,
          identity: identityFor(spec, slot),
          ...cgroup,
        })
      } catch (e) {
        made = failureOf(e)
      } finally {
        streams.release()
        herald.release()
      }
      if ('pid' in made) {
        parts.born({ ...made, token }, true)
        readiness.born(token, made.pid)
        cgroups.born(token, made.pid)
      } else {
        readiness.failed(token)
        cgroups.forget(token)
      }
      if (worker) {
        if ('pid' in made) {
          tokens.set(made.pid, token)
          workers.bind(token, made.pid)
        } else workers.forget(token)
      }
      return made
    },
    adopt(instance, process) {
      const { pid, token } = process
      parts.born(process, false)
      const account = accounts.of(instance.spec.identity)
      // Of a user who is gone by now nothing is heard any more, and it is stopped like any other.
      const owner = account && 'reason' in account ? null : account
      readiness.adopted(instance, process, owner)
      if (instance.spec.identity?.cgroup) cgroups.adopt(instance.program, token, pid)
      if (instance.spec.run.kind !== 'worker') return
      workers.prepare(instance, token, owner)
      tokens.set(pid, token)
      workers.bind(token, pid)
    },
    watch: (instance, pid) => readiness.watch(instance, pid),
    unwatch: (pid) => readiness.unwatch(pid),
    check: (instance, pid) => readiness.check(instance, pid),
    endCheck: (pid) => readiness.endCheck(pid),
    launchHook(instance, token) {
      const outputOfSlot = (i: Instance): OutputSpec => outputOf(i.spec, i.slot)
      try {
        return launchHook(instance, token, { ...parts, outputOf: outputOfSlot, environmentOf: environment })
      } catch (e) {
        return failureOf(e)
      }
    },
    adoptHook: (process) => parts.born(process, false),
    ended(pid) {
      readiness.ended(pid)
      const token = tokens.get(pid)
      if (token === undefined) return
      tokens.delete(pid)
      workers.forget(token)
    },
  }
}

/** argv of a command program in its slot; null for SDK workers. */
export function commandOf({ run }: Spec, slot: number): string[] | null {
  return run.kind === 'command' ? run.argv.map((word) => forSlot(word, slot)) : null
}

/** systemd's protocol (sd_listen_fds(3)), but for LISTEN_PID, which nobody knows yet. */
export function listenEnvironment(sockets: readonly Wanted[]): Record<string, string> {
  if (sockets.length === 0) return {}
  const names = sockets.map(({ address }) =>
    address.kind === 'tcp' ? `tcp-${address.port}` : `unix-${address.path.replaceAll(':', '_')}`,
  )
  return { LISTEN_FDS: String(sockets.length), LISTEN_FDNAMES: names.join(':') }
}

/** Where the output of the slot goes. */
export function outputOf({ output }: Spec, slot: number): OutputSpec {
  const { stdout, stderr } = output
  return { ...output, stdout: forSlot(stdout, slot), stderr: stderr === null ? null : forSlot(stderr, slot) }
}

/** The environment of the slot's process, but for what the worker channel adds. */
export function environmentOf(
  base: Readonly<Record<string, string>>,
  { spec, slot }: Pick<Instance, 'spec' | 'slot'>,
  { accounts, socket, masterPid, fence }: Pick<LaunchParts, 'accounts' | 'socket' | 'masterPid' | 'fence'>,
): Record<string, string> {
  const env: Record<string, string> = spec.envClear ? {} : { ...base }
  const account = accounts.of(spec.identity)
  if (account && !('reason' in account)) Object.assign(env, accountEnvironment(account))
  for (const [name, value] of Object.entries(spec.env)) env[name] = forSlot(value, slot)
  const fenced = spec.lease ? fence(spec.program) : null
  return {
    ...env,
    ...(fenced !== null && { PHD_FENCE: fenced }),
    PHD_PROGRAM: spec.program,
    PHD_NAME: nameOf(spec.program, slot),
    PHD_SLOT: String(slot),
    PHD_SOCKET: socket,
    PHD_MASTER_PID: String(masterPid),
  }
}

const OWN = /^(NOTIFY_SOCKET|WATCHDOG_.*|LISTEN_.*|PHD_.*|NODE_CHANNEL_FD)$/

/** The master's environment without what is meant for the master alone. */
export function inheritable(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) if (value !== undefined && !OWN.test(name)) env[name] = value
  return env
}

/** Whatever went wrong with one launch is that program's failure, not the master's. */
function failureOf(e: unknown): SpawnFailure {
  return { reason: e instanceof Error ? e.message : String(e), permanent: false }
}
