// systemd as the one who has started us (sd_notify(3)): where it listens stands in NOTIFY_SOCKET, whether it waits
// for signs of life in WATCHDOG_USEC. The variables stay in our environment for the program that an upgrade makes of
// us; no process gets them. Must not decide what is told, or when.

import type { Clock, Notifier } from '../core/ports.ts'
import { errno, messageOf } from '../errors.ts'
import { sendDatagram } from './libc-socket.ts'

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly pid: number
  readonly clock: Clock
  /** Something that is worth a line of the log. */
  noted(facts: object, text: string): void
}

/** Its queue is full while it is busy with itself (daemon-reexec takes a second). */
const AGAIN_MS = 100

/** null = nobody has started us so. */
export function notifierOf({ env, pid, clock, noted }: Surroundings): Notifier | null {
  const name = env.NOTIFY_SOCKET
  if (!name) return null
  if (!/^[/@]/.test(name)) {
    noted({ socket: name }, 'cannot use NOTIFY_SOCKET: wanted a path, or a name behind an @')
    return null
  }
  const waiting: string[] = []
  let silent = false

  const send = (): void => {
    for (let text = waiting[0]; text !== undefined; text = waiting[0]) {
      try {
        sendDatagram(name, text)
        silent = false
      } catch (e) {
        if (errno(e) === 'EAGAIN') {
          clock.alarm(clock.now() + AGAIN_MS, send)
          return
        }
        if (!silent) noted({ socket: name, err: messageOf(e) }, 'cannot tell the service manager')
        silent = true
      }
      waiting.shift()
    }
  }

  return {
    tell(...lines) {
      waiting.push(lines.join('\n'))
      if (waiting.length === 1) send()
    },
    watchdogMs: watchdogOf(env, pid),
  }
}

/** As sd_watchdog_enabled(3): not where another process is meant. */
function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: Surroundings['env'], pid: number): number | null {
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(pid)) return null
  const ms = Number(WATCHDOG_USEC) / 1000
  return ms > 0 && Number.isFinite(ms) ? ms : null
}
