// `schedule` and `timezone`: when a program runs by itself, and what its other settings are then.

import type { Autorestart, Schedule, Spec } from '../core/spec.ts'
import { messageOf } from '../errors.ts'
import { nextRun } from '../schedule.ts'
import { BadValue } from './problems.ts'
import type { Reader } from './reader.ts'
import { quote, unfit } from './units.ts'

const FORM =
  'five fields, as "0 3 * * *" (minute hour day month weekday), six with seconds first, or @daily and the like'
/** Any moment will do to find out whether an expression can be. */
const SOME_DAY = Date.UTC(2026, 0, 1)

export function readSchedule(reader: Reader): { readonly schedule?: Schedule } {
  const timezone = reader.take<string | null>('timezone', parseZone, null)
  const cron = reader.take<string | null>('schedule', parseCron, null)
  if (cron === null) {
    if (reader.level('timezone') === 2 && reader.level('schedule') === 0)
      reader.refuse('timezone', 'cannot be used without schedule')
    return {}
  }
  return { schedule: { cron, timezone } }
}

function parseZone(text: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return text
  } catch {
    throw unfit(text, 'a time zone, as Europe/Berlin or UTC')
  }
}

function parseCron(text: string): string {
  const fields = text.split(/\s+/)
  const isNamed = fields.length === 1 && text.startsWith('@')
  // Seven fields have a year: what could be yesterday cannot be tomorrow, and no file is wrong by the passing of time.
  if (!isNamed && fields.length !== 5 && fields.length !== 6) throw unfit(text, FORM)
  let next: number | null
  try {
    next = nextRun({ cron: text, timezone: null }, SOME_DAY)
  } catch (e) {
    const why = messageOf(e).replace(/^Cron(?:Pattern|Date): /, '')
    throw new BadValue(`cannot be ${quote(text)}: wanted ${FORM} (${why})`)
  }
  if (next === null) throw new BadValue(`cannot be ${quote(text)}: no day is ever like that`)
  return text
}

/** What cannot be said of a program that has a schedule: refused in its own section, passed over where it is inherited. */
export function readAutorestart(reader: Reader, { schedule }: { readonly schedule?: Schedule }): Autorestart {
  const said = (reader.choice('autorestart') ?? 'always') as Autorestart // as are the choices of its row
  return only(reader, schedule, 'autorestart', said, 'never', 'a run that has ended is not restarted')
}

export function oneAtATime(reader: Reader, spec: Pick<Spec, 'schedule'>, workers: number): number {
  return only(reader, spec.schedule, 'number_workers', workers, 1, 'it runs in one process')
}

/** Nobody replaces a process in the midst of its run. */
export function neverReplaced(reader: Reader, spec: Pick<Spec, 'schedule'>, name: string, value: number): number {
  return only(reader, spec.schedule, name, value, 0, 'a run is not replaced before its end')
}

/** As the file has it, not as it is counted: 60000 ms were `60`. */
const written = (reader: Reader, name: string, said: unknown): string => reader.layer.value(name)?.text ?? String(said)

function only<T extends string | number>(
  reader: Reader,
  schedule: Schedule | undefined,
  name: string,
  said: T,
  wanted: T,
  why: string,
): T {
  if (!schedule || said === wanted) return said
  if (reader.level(name) === 2)
    reader.refuse(name, `cannot be ${quote(written(reader, name, said))} with schedule: ${why}; wanted ${wanted}`)
  reader.note({ key: name, value: String(wanted), origin: null, effective: JSON.stringify(wanted) })
  return wanted
}
