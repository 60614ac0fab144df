// What the state table owes the world, carried out once all is written down.

import { nameOf } from '../core/program.ts'
import type { Effect, Instance } from '../core/state.ts'
import { logHook } from './change-log.ts'
import { type Address, addressOf } from './entry.ts'
import type { Notice, Ports } from './ports.ts'

/** Effects that belong to the supervisor's loop and queues. */
export interface Later {
  /** A process is owed to the instance, or to its hook. */
  spawn(at: Address): void
  recycle(at: Address, why: string): void
  /** A check is owed to its process. */
  check(at: Address): void
}

export interface EffectParts {
  readonly ports: Pick<Ports, 'signals' | 'log'>
  readonly later: Later
  look(group: number): void
  notice(notice: Notice): void
  /** The signals that end this process have gone. */
  told(pid: number): void
}

export function carryOut(i: Instance, effect: Effect, parts: EffectParts): void {
  const { later, ports } = parts
  switch (effect.do) {
    case 'spawn':
      later.spawn(addressOf(i))
      break
    case 'recycle':
      later.recycle(addressOf(i), effect.why)
      break
    case 'check':
      later.check(addressOf(i))
      break
    case 'look':
      parts.look(effect.group)
      break
    case 'signal':
      send(ports, i, effect.pid, effect.signal, effect.group)
      parts.told(effect.pid)
      break
    case 'tell':
      send(ports, i, effect.pid, effect.signal, false)
      break
    case 'complain': {
      const { program, slot } = i
      logHook(ports.log, i, effect)
      parts.notice({ kind: 'hook', program, slot, hook: effect.hook, error: effect.why })
      break
    }
    default:
      effect satisfies never
  }
}

export function send({ signals, log }: EffectParts['ports'], i: Instance, pid: number, signal: string, group: boolean) {
  try {
    signals.send(pid, signal, group)
  } catch (e) {
    // EPERM: the process is another user's now. Its state stands, and the log says why nothing happens.
    const name = nameOf(i.program, i.slot)
    log.error({ program: i.program, name, pid, signal, err: String(e) }, 'cannot signal')
  }
}
