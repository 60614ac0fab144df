// The orderly end of a master: processes first, then what they wrote, then the pidfile, then the socket.

import type { Events } from './control/events.ts'
import type { ControlServer } from './control/server.ts'
import { type ExitWhen, exitVerdict } from './core/exit-when.ts'
import type { Clock } from './core/ports.ts'
import type { Ears } from './os/heralds.ts'
import type { SystemListeners } from './os/listeners.ts'
import type { MasterLog } from './os/master-log.ts'
import type { Capture } from './os/output.ts'
import { removePidfile } from './os/pidfile.ts'
import type { Journal } from './os/store.ts'
import type { WorkerChannel } from './os/workers.ts'
import type { Announcer } from './supervisor/announcing.ts'
import type { Leases } from './supervisor/leases.ts'
import type { Supervisor } from './supervisor/supervisor.ts'

export interface EndingParts {
  readonly supervisor: Supervisor
  readonly output: Capture
  readonly listeners: SystemListeners
  readonly channel: WorkerChannel
  readonly heralds: Pick<Ears, 'close'>
  readonly leases: Pick<Leases, 'settled'>
  readonly clock: Clock
  readonly events: Events
  readonly announcer: Announcer
  readonly log: MasterLog['log']
  readonly pidfile: string
  /** The web page, if there is one: it shows the end, and goes with the socket. */
  web(): { close(): void } | null
  readonly store: Journal
  stopReaping(): void
  /** When the master ends by itself. */
  readonly exitWhen: ExitWhen
  /** Called once, when everything has ended, with the exit code. */
  ended(code: number): void
}

export interface Ending {
  /** The socket that is closed at the end. */
  serving(server: ControlServer): void
  /** Begins the end, once; `stopped` is called when all processes have ended. */
  begin(why: string, stopped?: () => void): void
  /** From now on the master ends when exit_when says so. */
  watch(): void
}

/** How long clients may take to read their last answer. */
const FAREWELL_MS = 500

export function endingOf(parts: EndingParts): Ending {
  const { supervisor, output, channel, clock, events, log } = parts
  let server: ControlServer | null = null
  let begun = false
  let code = 0
  const finish = (): void => {
    output.finish()
    channel.close()
    parts.heralds.close()
    parts.stopReaping()
    parts.store.remove()
    removePidfile(parts.pidfile, process.pid)
    parts.web()?.close()
    let over = false
    const done = (): void => {
      if (over) return
      over = true
      log.info({}, 'stopped')
      parts.ended(code)
    }
    if (!server) {
      done()
      return
    }
    // After this turn, so that the answer to `shutdown` is on its way first.
    clock.soon(() => server?.close(done))
    clock.alarm(clock.now() + FAREWELL_MS, done)
  }
  const end: Ending = {
    serving(made) {
      server = made
    },
    begin(why, stopped = () => undefined) {
      if (begun) {
        supervisor.shutdown(stopped)
        return
      }
      begun = true
      log.info({ why }, 'stopping')
      events.emit('master.stopping', { reason: why })
      parts.announcer.stopping()
      // Who has a process to talk to goes on with it; others are refused, and do not wait for nobody.
      parts.listeners.close()
      supervisor.shutdown(() => {
        // Whoever stands by on another host need not wait for the end of the lease.
        parts.leases.settled(() => {
          stopped()
          finish()
        })
      })
    },
    watch() {
      if (parts.exitWhen === 'never') return
      let looks = false
      const look = (): void => {
        looks = false
        const verdict = begun ? null : exitVerdict(parts.exitWhen, supervisor.programs)
        if (!verdict) return
        code = verdict.code
        end.begin(verdict.why)
      }
      // After the turn, when all that follows from a change has followed.
      const lookSoon = (): void => {
        if (looks) return
        looks = true
        clock.soon(look)
      }
      supervisor.watch(lookSoon)
      lookSoon()
    },
  }
  return end
}
