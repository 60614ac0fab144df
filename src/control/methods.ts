// The methods of the socket: from checked parameters to the operator and back. One entry per method
// of the contract; a missing one does not compile.

import os from 'node:os'
import type { Info, LogLevel, Method, Result, Saved, ScaleResult } from '../api/contract.ts'
import type { Clock } from '../core/ports.ts'
import type { Count } from '../core/record.ts'
import { PhError } from '../errors.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Configuration } from './configuration.ts'
import type { Events } from './events.ts'
import type { Logs } from './logs.ts'
import { openRpc } from './openrpc.ts'
import type { Operator } from './operator.ts'
import type { Caller } from './rpc.ts'
import { runProgram } from './runs.ts'
import type { Checked } from './schemas.ts'
import { parseSignal } from './signal-names.ts'
import { graphStatus, programStatus, type StatusFacts } from './status.ts'
import type { Waiting } from './submitting.ts'
import { chooseTargets } from './targets.ts'

/** What a method may reach. */
export interface Room {
  readonly supervisor: Supervisor
  readonly operator: Operator
  readonly configuration: Configuration
  readonly clock: Clock
  readonly facts: StatusFacts
  readonly events: Events
  readonly logs: Logs
  readonly version: string
  /** What the machine can do beyond the least. */
  readonly features: readonly string[]
  /** Once it is open. */
  web(): Info['web']
  /** Monotonic ms of the master's start. */
  readonly startedAt: number
  reopen(): void
  level(set?: LogLevel): LogLevel
  /** How often this master has been upgraded in place. */
  readonly upgrades: number
  /** Becomes the program that stands there now: resolves when that has been checked, right before. Rejects with why not. */
  upgrade(): Promise<void>
  /** Begins the orderly end; `stopped` is called when all processes have ended. */
  shutdown(stopped: () => void): void
}

type Handlers = { readonly [M in Method]: (params: Checked<M>, caller: Caller) => Result<M> | Promise<Result<M>> }

export function methodsOf(room: Room): Handlers {
  const { supervisor, operator, configuration } = room
  const changing = (verb: string): void => {
    if (supervisor.isStopping) throw new PhError('PH_STOPPING', `cannot ${verb}: the master is shutting down`)
  }
  let described: ReturnType<typeof openRpc> | null = null
  return {
    ping: () => 'pong',
    info: () => info(room),
    status: ({ target }) => {
      if (target === undefined) return [...supervisor.programs.values()].map((p) => programStatus(p, null, room.facts))
      return chooseTargets(supervisor.programs, target).flatMap(({ program, slots, whole }) => {
        const known = supervisor.programs.get(program)
        return known ? [programStatus(known, whole ? null : new Set(slots), room.facts)] : []
      })
    },
    graph: () => graphStatus(supervisor.programs),
    start: ({ target, ...waiting }) => operator.start(target, waiting),
    stop: ({ target, ...waiting }) => operator.stop(target, waiting),
    restart: ({ target, ...waiting }) => operator.restart(target, waiting),
    reload: ({ target, ...waiting }) => operator.reload(target, waiting),
    run: (params) => runProgram(room, params),
    scale: ({ program, workers, delta, save, ...waiting }) => {
      const count = (from: number): number => countOf(from, workers, delta)
      const as: Count = workers === undefined ? { by: delta ?? 0 } : { to: workers }
      return save ? scaleAndSave(room, program, count, waiting, as) : operator.scale(program, count, waiting, { as })
    },
    signal: ({ target, signal }) => operator.signal(target, parseSignal(signal)),
    wait: ({ target, state, timeout }, { session }) =>
      operator.wait(target, state, timeout, (gone) => session.onEnd(gone)),
    show: ({ target }) => configuration.show(target, configuration.current.master.socket),
    reread: () => configuration.reread(),
    update: (params) => {
      changing('update')
      return configuration.update(params)
    },
    logs: (params, { session }) => room.logs.read(params, session),
    clear: ({ target }) => room.logs.clear(target),
    events: ({ topics, since }, { session }) => room.events.subscribe(session, topics ?? null, since ?? null),
    unsubscribe: ({ subscription }, { session }) => {
      session.unsubscribe(subscription)
      return { ok: true }
    },
    reopen: () => {
      room.reopen()
      return { ok: true }
    },
    loglevel: ({ level }) => ({ level: room.level(level) }),
    upgrade: async () => {
      changing('upgrade')
      await room.upgrade()
      return { ok: true }
    },
    shutdown: ({ wait }) =>
      new Promise((answer) => {
        room.shutdown(() => {
          if (wait) answer({ ok: true })
        })
        if (!wait) answer({ ok: true })
      }),
    // Made once, when somebody asks: it is some milliseconds of work, and never changes.
    'rpc.discover': () => {
      described ??= openRpc(room.version)
      return described
    },
  }
}

/** Saved when the operation's turn has come, so that file and processes follow the same order; what cannot be saved is not scaled. */
async function scaleAndSave(
  { operator, configuration }: Room,
  program: string,
  count: (from: number) => number,
  waiting: Waiting,
  as: Count,
): Promise<ScaleResult> {
  const saved: Saved[] = []
  const save = (from: number): number => {
    const to = count(from)
    saved.push(configuration.saveCount(program, to))
    return to
  }
  const result = await operator.scale(program, save, waiting, { sure: true, as })
  return { ...result, ...(saved[0] ? { saved: saved[0] } : {}) }
}

function countOf(from: number, workers: number | undefined, delta: number | undefined): number {
  const count = workers ?? from + (delta ?? 0)
  if (count >= 0 && count <= 10_000) return count
  throw new PhError('PH_PARAMS', `cannot scale to ${count}: a count is from 0 to 10000`)
}

function info({ supervisor, configuration, clock, version, startedAt, upgrades, features, web }: Room): Info {
  const { file, instance, master } = configuration.current
  const uptime = clock.now() - startedAt
  const programs = [...supervisor.programs.values()]
  return {
    version,
    pid: process.pid,
    instance,
    config: file,
    socket: master.socket,
    startedAt: new Date(clock.wall() - uptime).toISOString(),
    uptime: Math.round(uptime) / 1000,
    upgrades,
    node: process.version,
    platform: `${process.platform} ${process.arch} ${os.release()}`,
    programs: programs.length,
    processes: programs.reduce((sum, p) => sum + p.instances.length, 0),
    features,
    web: web(),
  }
}
