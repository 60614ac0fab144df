// What the signals to the master do, in terms of its parts.

import type { Configuration } from './control/configuration.ts'
import type { Operator } from './control/operator.ts'
import { messageOf } from './errors.ts'
import type { MasterLog } from './os/master-log.ts'
import type { Announcer } from './supervisor/announcing.ts'
import type { SignalActions } from './supervisor/signals.ts'
import type { Supervisor } from './supervisor/supervisor.ts'

export interface SignalParts {
  readonly supervisor: Supervisor
  readonly operator: Operator
  readonly configuration: Configuration
  readonly log: MasterLog['log']
  readonly foreground: boolean
  readonly announcer: Announcer
  /** Begins the orderly end. */
  stop(why: string): void
  reopen(): void
  upgrade(): Promise<void>
}

export function signalActions({ supervisor, operator, configuration, log, ...parts }: SignalParts): SignalActions {
  /** Programs that WINCH has stopped. */
  const rested = new Set<string>()
  return {
    stop: (signal) => parts.stop(`got ${signal}`),
    kill: () => supervisor.killAll(),
    async hup() {
      parts.announcer.reloading()
      const trouble = await hup(configuration, log)
      // What WINCH has sent to rest comes back.
      const back = [...rested].filter((program) => supervisor.programs.has(program))
      rested.clear()
      try {
        if (back.length > 0 && !supervisor.isStopping) await operator.start(back, { wait: true })
      } finally {
        parts.announcer.reloaded(trouble)
      }
    },
    reopen: () => parts.reopen(),
    upgrade() {
      parts.upgrade().catch(() => undefined) // it has logged why not
    },
    scale: (by) => scaleAll(supervisor, operator, by),
    rest() {
      if (parts.foreground) return
      log.info({}, 'WINCH: all processes stop, the master stays')
      for (const { name, instances } of supervisor.programs.values()) {
        if (instances.some((i) => i.wanted === 'up')) rested.add(name)
      }
      operator.stop('all', { wait: false }).catch((e: unknown) => log.warn({ err: messageOf(e) }, 'cannot stop all'))
    },
  }
}

/** What did not go well, in a few words. */
async function hup(configuration: Configuration, log: SignalParts['log']): Promise<string | null> {
  try {
    const { diff, ok, results } = await configuration.hup()
    const failed = results.filter((r) => !r.ok)
    if (ok) log.info({ diff }, 'HUP: updated and reloaded')
    else log.error({ diff, failed }, 'HUP: updated; not everything could be reloaded')
    return ok ? null : 'not everything could be reloaded (see the log)'
  } catch (e) {
    log.error({ err: messageOf(e) }, 'HUP: nothing was changed')
    return 'the last reload changed nothing (see the log)'
  }
}

function scaleAll(supervisor: Supervisor, operator: Operator, by: 1 | -1): void {
  for (const program of supervisor.programs.values()) {
    if (program.removed) continue
    // A refusal (the master is stopping) is no more than what was asked for.
    const count = (from: number): number => (by === 1 ? from + 1 : Math.min(from, Math.max(1, from - 1)))
    operator.scale(program.name, count, { wait: false }, { as: { by, least: 1 } }).catch(() => undefined)
  }
}
