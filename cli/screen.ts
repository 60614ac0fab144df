// What needs a terminal: a picture that is redrawn in place, and one line of progress on stderr.
// The cursor that `watch` hides is shown again however it ends by a signal; on a pipe nothing of
// this is written.

import { cut, duration } from './format.ts'
import type { Out } from './output.ts'

const HOME = '\x1b[H'
const CLEAR_LINE = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'
const HIDE = '\x1b[?25l'
const SHOW = '\x1b[?25h'
const CLEAR = '\x1b[2J'

/** One picture over the last one, without a blank in between. `lines` must be narrower than the terminal. */
export function picture(lines: readonly string[], rows: number): string {
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`]
  return HOME + shown.map((line) => line + CLEAR_LINE).join('\r\n') + CLEAR_BELOW
}

/**
 * Calls `draw` now, once a second and when the window changes, until SIGINT or SIGTERM comes or `draw` rejects.
 * `draw` gives what is to be written.
 */
export async function watch(out: Out, draw: () => Promise<string>): Promise<void> {
  let ended = false
  let wake = (): void => {}
  const end = (): void => {
    ended = true
    wake()
  }
  process.once('SIGINT', end).once('SIGTERM', end)
  const resized = (): void => wake()
  if (out.tty) {
    process.stdout.on('resize', resized)
    out.raw(HIDE + CLEAR)
  }
  try {
    while (!ended) {
      const ready = await Promise.race([draw(), new Promise<null>((done) => (wake = () => done(null)))])
      if (ended) return
      if (ready === null) continue // the window changed: what was being drawn no longer fits
      out.raw(ready)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, 1000)
        wake = () => {
          clearTimeout(timer)
          done()
        }
      })
    }
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
    if (out.tty) {
      process.stdout.off('resize', resized)
      out.raw(`${CLEAR_LINE}${SHOW}\r\n`)
    }
  }
}

/** People look at stderr: there is a line of progress. */
export const showsProgress = (out: Out): boolean => process.stderr.isTTY === true && !out.json

/** Shows a line on stderr while `work` goes on, refreshed once a second; only on a terminal. */
export async function withProgress<T>(out: Out, look: () => Promise<string>, work: Promise<T>): Promise<T> {
  const { stderr } = process
  if (!showsProgress(out)) return work
  const began = Date.now()
  let over = false
  let drawn = false
  const tick = async (): Promise<void> => {
    let text: string
    try {
      text = await look()
    } catch {
      return // the operation itself tells what is wrong
    }
    if (over) return
    drawn = true
    const columns = stderr.columns || 80
    stderr.write(`\r${cut(`${text}  ${duration((Date.now() - began) / 1000)}`, columns - 1)}${CLEAR_LINE}`)
  }
  const timer = setInterval(() => void tick(), 1000)
  try {
    return await work
  } finally {
    over = true
    clearInterval(timer)
    if (drawn) stderr.write(`\r${CLEAR_LINE}`)
  }
}
