// What an SDK worker's process is started with: node with the SDK's boot program and the channel's
// address; and the welcome that the channel gives to whoever shows the token.

import type { Account } from '../core/identity.ts'
import { hasOwnQueues } from '../core/listening.ts'
import type { Workers } from '../core/ports.ts'
import { nameOf } from '../core/program.ts'
import { forSlot, type Jitter } from '../core/spec.ts'
import type { Instance } from '../core/state.ts'
import { CHANNEL_ENV, type Welcome } from '../worker/protocol.ts'

/** The master's end of the channel, as far as a launch needs it. */
export interface Channel {
  /** Where a worker of that user finds us (null = of ours). */
  pathFor(owner: Account | null): string
  expect(token: string, welcome: Welcome): void
  bind(token: string, pid: number): void
  forget(token: string): void
}

export interface WorkerLaunchOptions {
  readonly channel: Channel
  /** `node` and the SDK's boot program. */
  readonly argv: readonly string[]
  /** What becomes of processes when the master dies hard. */
  readonly orphans: 'adopt' | 'stop'
  /** From 0 to 1. */
  random(): number
}

/** Beats a timeout: two may be lost. */
const BEATS_A_TIMEOUT = 3

export function workersOf({ channel, argv, orphans, random }: WorkerLaunchOptions): Workers {
  return {
    prepare(instance, token, owner) {
      const path = channel.pathFor(owner)
      channel.expect(token, welcomeOf(instance, orphans, random()))
      return { argv, env: { [CHANNEL_ENV]: path } }
    },
    bind: (token, pid) => channel.bind(token, pid),
    forget: (token) => channel.forget(token),
  }
}

function welcomeOf({ spec, slot, program }: Instance, orphans: 'adopt' | 'stop', random: number): Welcome {
  if (spec.run.kind !== 'worker') throw new Error(`${program} is no worker`)
  return {
    type: 'welcome',
    program,
    name: nameOf(program, slot),
    slot,
    procName: spec.procName,
    module: spec.run.module,
    className: spec.run.className,
    cfg: Object.fromEntries(Object.entries(spec.cfg).map(([key, value]) => [key, forSlot(value, slot)])),
    maxRequests:
      spec.maxRequests === 0 ? 0 : spec.maxRequests + jitterOf(spec.maxRequests, spec.maxRequestsJitter, random),
    concurrency: spec.maxConcurrency,
    graceMs: spec.stopMs,
    backlog: spec.backlog,
    ownQueues: hasOwnQueues(spec),
    endsWithMaster: orphans === 'stop',
    beatMs: Math.floor(spec.workerTimeoutMs / BEATS_A_TIMEOUT),
  }
}

/** Up to the jitter more, so that siblings are not recycled at the same moment. */
const jitterOf = (value: number, jitter: Jitter, random: number): number =>
  Math.floor(('share' in jitter ? value * jitter.share : jitter.amount) * random)
