// What a cron expression means, and the only user of croner: config/ asks whether one can be, the supervisor when
// it is next. Pure: it looks at no clock, and sets no timer.

import { Cron } from 'croner'
import type { Schedule } from './core/spec.ts'

/** The first moment after `after` at which it runs, both Unix ms; null = never again. Throws an Error in croner's words. */
export function nextRun({ cron, timezone }: Schedule, after: number): number | null {
  const times = new Cron(cron, { paused: true, ...(timezone === null ? {} : { timezone }) })
  return times.nextRun(new Date(after))?.getTime() ?? null
}
