// What the service manager that has started us is told of us: ready, reloading, stopping, how much of what is wanted
// runs, and a sign of life where it waits for one. Without a service manager nothing is armed and nothing is told.

import type { Clock, Notifier } from '../core/ports.ts'
import { type Program, slotsOf } from '../core/program.ts'
import { pidOf } from '../core/state.ts'
import type { Supervisor } from './supervisor.ts'

export interface Announcer {
  /** The socket answers, and what is to run has been begun. */
  ready(): void
  /** The file is about to be read again. */
  reloading(): void
  /** That is over; `trouble` says in a few words what did not go well. */
  reloaded(trouble: string | null): void
  stopping(): void
}

export interface AnnouncingParts {
  readonly notifier: Notifier | null
  readonly supervisor: Pick<Supervisor, 'programs' | 'watch'>
  readonly clock: Clock
  readonly pid: number
}

/** STATUS is for people: it need not follow each of a thousand starts. */
const STATUS_EVERY_MS = 1_000

const nobody: Announcer = {
  ready: () => undefined,
  reloading: () => undefined,
  reloaded: () => undefined,
  stopping: () => undefined,
}

export function announcerOf({ notifier, supervisor, clock, pid }: AnnouncingParts): Announcer {
  if (!notifier) return nobody
  let phase: 'starting' | 'ready' | 'reloading' | 'stopping' = 'starting'
  let trouble: string | null = null
  let told = ''
  let toldAt = Number.NEGATIVE_INFINITY
  let armed = false

  const status = (): string => {
    const { programs } = supervisor
    if (phase === 'stopping') return `STATUS=stopping: ${livingOf(programs)} left`
    return `STATUS=${countOf(programs)}${trouble === null ? '' : `; ${trouble}`}`
  }

  const tell = (...lines: readonly string[]): void => {
    told = status()
    toldAt = clock.now()
    notifier.tell(...lines, told)
  }

  const look = (): void => {
    armed = false
    if (status() !== told) tell()
  }

  supervisor.watch(() => {
    if (armed || phase === 'starting') return
    armed = true
    clock.alarm(Math.max(clock.now(), toldAt + STATUS_EVERY_MS), look)
  })

  const beat = (everyMs: number): void => {
    notifier.tell('WATCHDOG=1')
    clock.alarm(clock.now() + everyMs, () => beat(everyMs))
  }

  return {
    ready() {
      phase = 'ready'
      // In the background, or after an upgrade, it may think of another process.
      tell('READY=1', `MAINPID=${pid}`)
      if (notifier.watchdogMs !== null) beat(notifier.watchdogMs / 2)
    },
    reloading() {
      if (phase !== 'ready') return // not yet, or not any more
      phase = 'reloading'
      tell('RELOADING=1', `MONOTONIC_USEC=${Math.ceil(clock.now() * 1000)}`)
    },
    reloaded(why) {
      if (phase !== 'reloading') return
      phase = 'ready'
      trouble = why
      tell('READY=1')
    },
    stopping() {
      phase = 'stopping'
      tell('STOPPING=1')
    },
  }
}

type Programs = ReadonlyMap<string, Program>

/** `7 of 8 running`: of the processes wanted up, but for those that have ended as they should. */
function countOf(programs: Programs): string {
  const serving = [...programs.values()].flatMap(slotsOf).map((slot) => slot.serving)
  const wanted = serving.filter((i) => i.wanted === 'up' && !(i.state.at === 'exited' && i.exit?.expected === true))
  const running = wanted.filter((i) => i.state.at === 'running')
  return `${running.length} of ${wanted.length} running`
}

const livingOf = (programs: Programs): number =>
  [...programs.values()].flatMap(({ instances }) => instances).filter((i) => pidOf(i) !== null).length
