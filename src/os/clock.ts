// Time, and the only file that reads it: monotonic for every decision, the wall clock to be shown.
// All alarms share one Node timer, armed for the earliest; without alarms there is none.

import { performance } from 'node:perf_hooks'
import type { Clock } from '../core/ports.ts'

/** Node fires timers over 2^31-1 ms at once; a later alarm is armed again on the way. */
const LONGEST_MS = 2 ** 31 - 1
/** A timer later than this means that we did not run (SIGSTOP, suspend): others may have spoken meanwhile. */
const STALL_MS = 1_000

interface Alarm {
  readonly at: number
  readonly fire: () => void
}

export function systemClock(): Clock {
  const alarms = new Set<Alarm>()
  let timer: NodeJS.Timeout | null = null
  let armedFor = Number.POSITIVE_INFINITY
  // Since the machine's boot, not since ours: a moment that was written down means the same to a later master.
  const sinceBoot = Number(process.hrtime.bigint()) / 1e6 - performance.now()
  const now = (): number => sinceBoot + performance.now()

  const arm = (): void => {
    let earliest = Number.POSITIVE_INFINITY
    for (const { at } of alarms) earliest = Math.min(earliest, at)
    if (earliest === armedFor) return
    if (timer) clearTimeout(timer)
    armedFor = earliest
    timer = earliest === Number.POSITIVE_INFINITY ? null : setTimeout(due, delayOf(earliest - now()))
  }

  const due = (): void => {
    const late = now() - armedFor
    timer = null
    armedFor = Number.POSITIVE_INFINITY
    // After a stall, what came in meanwhile (a heartbeat, an exit) is heard before anything counts as overdue.
    if (late > STALL_MS) setImmediate(() => setImmediate(fireDue))
    else fireDue()
  }

  const fireDue = (): void => {
    const time = now()
    for (const alarm of [...alarms].filter(({ at }) => at <= time).sort((a, b) => a.at - b.at)) {
      if (alarms.delete(alarm)) alarm.fire()
    }
    arm()
  }

  return {
    now,
    wall: () => Date.now(),
    alarm(at, fire) {
      const alarm = { at, fire }
      alarms.add(alarm)
      if (at < armedFor) arm()
      return () => {
        // The timer may stay armed for what was cancelled: it then finds nothing due.
        alarms.delete(alarm)
      }
    },
    soon: (fire) => {
      setImmediate(fire)
    },
  }
}

/** Seconds in which this process did not wait for anything to happen. Node counts them anyway. */
export const busySeconds = (): number => performance.eventLoopUtilization().active / 1000

/** Rounded up: Node fires up to 1 ms early otherwise, and the alarm would be armed again for nothing. */
const delayOf = (ms: number): number => Math.min(LONGEST_MS, Math.max(0, Math.ceil(ms)))
