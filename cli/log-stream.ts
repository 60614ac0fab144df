// Following logs for as long as somebody looks, over the end of the master: the next one is told how far each file
// has been read, so that no line is missing or comes twice as long as the file is there. On a terminal the master is
// waited for until Ctrl-C; elsewhere one that died for a while, and one that was shut down ends it: a script must not
// hang on it.

import type { LogPlace, LogsResult, Params } from '../src/api/contract.ts'
import type { LogBatch, LogStream } from '../src/api/notices.ts'
import { PhError } from '../src/errors.ts'
import { type Context, master } from './commands/context.ts'
import type { Master } from './connect.ts'
import { follow } from './following.ts'

export interface Followed {
  readonly ctx: Context
  readonly master: Master
  readonly stream: LogStream
  readonly params: Params<'logs'>
}

/** How long a master that died is waited for, where nobody sits before a terminal. */
const PATIENCE_MS = 10_000
const PAUSE_MS = 200

/** Resolves when the stream is over or a signal has ended it; rejects when the master does not come back. */
export async function followLogs(followed: Followed, take: (batch: LogBatch) => void): Promise<void> {
  const { ctx, params } = followed
  const places = new Map<string, LogPlace>()
  const each = (batch: LogBatch): void => {
    take(batch)
    if (batch.place) places.set(batch.place.path, batch.place)
  }
  const begun = async (stream: LogStream): Promise<LogsResult> => {
    const answer = await stream.begun
    for (const place of answer.places ?? []) places.set(place.path, place)
    return answer
  }
  let { master: m, stream } = followed
  await begun(stream)
  for (;;) {
    if ((await follow(stream, each)) === 'interrupted' || params.follow !== true) return
    const next = await comeBack(ctx, m, { ...params, after: [...places.values()] })
    if (next === null) return
    ;({ m, stream } = next)
    const { lost = [] } = await begun(stream)
    for (const path of lost) ctx.out.remark(`-- lines may be missing: ${path} was replaced meanwhile --`)
  }
}

/** Null when a signal ended the waiting. */
async function comeBack(
  ctx: Context,
  { socket }: Master,
  params: Params<'logs'>,
): Promise<{ m: Master; stream: LogStream } | null> {
  const { out, globals } = ctx
  const usual = out.tty ? Number.POSITIVE_INFINITY : PATIENCE_MS
  const until = Date.now() + (globals.timeout === null ? usual : globals.timeout * 1000)
  /** A master that was shut down took its socket with it. */
  const ends = (e: PhError): boolean =>
    !out.tty && globals.timeout === null && e.data.reason === 'there is no such socket'
  let interrupted = false
  let wake = (): void => {}
  const stop = (): void => {
    interrupted = true
    wake()
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  let failures = 0
  try {
    while (!interrupted) {
      try {
        const m = await master(ctx)
        const { pid } = await m.call('info', {})
        const stream = await m.logs(params)
        out.remark(`-- the master is back: pid ${pid} --`)
        return { m, stream }
      } catch (e) {
        if (!(e instanceof PhError) || !awaitable.has(e.code)) throw e
        if (Date.now() >= until || ends(e)) throw gone(socket)
      }
      // The first may have come between its last word and its end.
      if (++failures === 2) out.remark(`-- the master at ${socket} is gone: waiting for it --`)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, PAUSE_MS)
        wake = () => {
          clearTimeout(timer)
          done()
        }
      })
    }
    return null
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

/** What a master that comes and goes may answer. */
const awaitable: ReadonlySet<string> = new Set(['PH_NO_MASTER', 'PH_STOPPING', 'PH_TIMEOUT'])

/** The failure that ends a stream with its master. */
export function gone(socket: string): PhError {
  return new PhError('PH_NO_MASTER', `cannot follow any longer: the master at ${socket} is gone`, { socket })
}
