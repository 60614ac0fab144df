// `events`: what happens, a line an event. Ends with Ctrl-C (exit 0) or with the master (exit 4): events are
// numbered anew by the next one.

import { type EventTopic, eventTopics } from '../../src/api/contract.ts'
import { meant, PhError } from '../../src/errors.ts'
import { eventLine } from '../event-lines.ts'
import { follow } from '../following.ts'
import { gone } from '../log-stream.ts'
import { type Context, master, OK, wholeNumber } from './context.ts'
import { sayMissed } from './logs.ts'
import { nearest } from './nearest.ts'

export async function events(ctx: Context): Promise<number> {
  const { out, options } = ctx
  const topics = [...new Set((await Promise.all(ctx.args.map(topicsOf))).flat())]
  const params = {
    ...(topics.length === 0 ? {} : { topics }),
    ...(options.since === undefined ? {} : { since: wholeNumber('--since', options.since) }),
  }
  const m = await master(ctx)
  const stream = await m.events(params)
  const end = await follow(stream, (event) => {
    if ('topic' in event) out.result(event, () => eventLine(event, out.paint, Date.now()))
    else sayMissed(out, event.missed, 'event')
  })
  if (end === 'interrupted') return OK
  throw gone(m.socket)
}

/** A topic, or a family of them: `process` is `process.state`, `process.ready` ... */
async function topicsOf(word: string): Promise<readonly EventTopic[]> {
  const family = word.replace(/\.?\*?$/, '')
  const found = eventTopics.filter((topic) => topic === word || topic.startsWith(`${family}.`))
  if (found.length > 0) return found
  const families = [...new Set(eventTopics.map((topic) => topic.split('.')[0] ?? ''))]
  const near = await nearest(word, [...families, ...eventTopics])
  throw new PhError(
    'PH_USAGE',
    `cannot follow "${word}": wanted ${families.join(', ')}, or one like process.state${meant(near)}`,
    { known: eventTopics, nearest: near },
  )
}
