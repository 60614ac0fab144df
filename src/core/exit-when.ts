// exit_when: whether a master has nothing more to do, and with which exit code it then ends. Pure.

import { nameOf, type Program } from './program.ts'
import { deadlineOf, type Instance, leftGroupOf, pidOf } from './state.ts'

export type ExitWhen = 'never' | 'all_stopped' | 'any_fatal'

/** The exit code of any_fatal. */
export const EXIT_FATAL = 3

export interface Verdict {
  readonly code: 0 | 1 | typeof EXIT_FATAL
  readonly why: string
}

/** null = the master goes on. */
export function exitVerdict(when: ExitWhen, programs: ReadonlyMap<string, Program>): Verdict | null {
  const all = [...programs.values()].flatMap((p) => p.instances)
  switch (when) {
    case 'never':
      return null
    case 'any_fatal': {
      const fatal = all.find((i) => i.state.at === 'fatal')
      return fatal ? { code: EXIT_FATAL, why: `exit_when = any_fatal: ${describe(fatal)}` } : null
    }
    case 'all_stopped': {
      // Nothing that was never started has stopped.
      const begun = all.some((i) => i.exit !== null || i.state.at === 'fatal')
      // A next run comes by itself.
      const waits = [...programs.values()].some(({ timetable }) => (timetable?.waits?.next ?? null) !== null)
      if (!begun || waits || !all.every(isAtRest)) return null
      const bad = all.find((i) => i.state.at === 'fatal' || i.exit?.expected === false)
      return { code: bad ? 1 : 0, why: `exit_when = all_stopped${bad ? `: ${describe(bad)}` : ''}` }
    }
    default:
      return when satisfies never
  }
}

/** It has no process, and none will come by itself: who waits for a moment acts again then. */
function isAtRest(i: Instance): boolean {
  const { at } = i.state
  const rests = at === 'stopped' || at === 'exited' || at === 'fatal'
  return rests && pidOf(i) === null && leftGroupOf(i) === null && deadlineOf(i) === null
}

function describe({ program, slot, state, reason, exit }: Instance): string {
  const how = exit ? (exit.code === null ? `killed by ${exit.signal}` : `exit ${exit.code}`) : null
  return `${nameOf(program, slot)} ${state.at === 'fatal' ? 'is FATAL' : 'ended badly'} (${reason ?? how ?? 'unknown'})`
}
