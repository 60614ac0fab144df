// How the bytes of one stream get from its pipe into its log file.
//
// raw, alone in its file: spliced inside the kernel as they come; there is no instant at which bytes are
//   only in our memory.
// raw, several streams in one file: duplicated (tee) into a scratch pipe and read there to find the last
//   newline; just that many are spliced, so lines are never torn, and an unfinished one stays in its pipe.
// prefix, json: duplicated, formatted, written, and only then taken out of the pipe: a crash in between may
//   double the last lines, never lose one.
// A line longer than its pipe is passed on in parts as it comes. What happens while the file cannot be written is
// the file's (log-trouble.ts), and with log_full = drop also overflow.ts.

import type { Clock } from '../core/ports.ts'
import type { Unsaid } from '../core/record.ts'
import type { LogFormat, LogFull } from '../core/spec.ts'
import { pipeBytes } from './libc-io.ts'
import { formatLines } from './line-format.ts'
import type { LogFile } from './log-file.ts'
import { Overflow } from './overflow.ts'
import { QUOTA_BYTES, type Taken } from './pump.ts'
import type { StreamTools } from './stream-tools.ts'

export interface StreamOptions {
  readonly fd: number
  readonly file: LogFile
  /** `web:0` */
  readonly name: string
  readonly label: 'stdout' | 'stderr'
  readonly format: LogFormat
  /** undefined: an older record does not say it. */
  readonly full: LogFull | undefined
  readonly clock: Clock
  /** From the program that we were before. */
  readonly unsaid: Unsaid | null
  /** An earlier master had taken from it, and was the last to write to the file: its last line may go on. */
  readonly resumes: boolean
  /** Called before bytes of this stream are written. */
  readonly mark: () => void
  /** Called when the rest of a line that it has begun there is in its pipe no more. */
  readonly unmark: () => void
  /** Who looks at its lines now; null = nobody, so they may pass unread. */
  readonly onLine: () => ((text: string) => void) | null
}

export interface TakenStream {
  /** What the pump calls to have bytes taken. */
  take(hup: boolean): Taken
  /** For the program that comes after us. */
  unsaid(): Unsaid | null
}

export function takeStream(options: StreamOptions, tools: StreamTools): TakenStream {
  const { fd, file, format } = options
  const overflow = new Overflow(options, tools)
  const whole = wholeLines(options, tools, overflow)
  // Raw bytes that stand in the file have left the pipe: their line goes on. A formatted line that was being
  // written is whole in the pipe still, so what stands of it is ended, and it comes again.
  const resumes = (options.resumes || (options.unsaid?.rest ?? null) !== null) && format === 'raw'
  /** The file may end in the middle of a line of ours. */
  let spliced = resumes
  let begun = resumes
  const goOn = (): void => void take(false)
  const some = (hup: boolean): Taken => {
    // Who has said nothing has nothing to wait for, and takes no place among the ended ones who have.
    if (hup && !begun && overflow.unsaid === null && pipeBytes(fd) === 0) return { bytes: 0, state: 'ended' }
    if (file.stuck || !file.begun.mayPass(goOn)) return STUCK
    if (format === 'raw' && !overflow.settle(file.begun.isOf(goOn))) return STUCK
    // What stands there may be half a line of a process that ended while no master lived.
    if (!begun && pipeBytes(fd) > 0) {
      if (!finishLine(file)) return STUCK
      begun = true
    }
    const alone =
      format === 'raw' && file.users === 1 && options.onLine() === null && file.splices && file.room() > QUOTA_BYTES
    if (alone) {
      spliced = true
      file.begun.begin(goOn)
      const taken = takeAll(options, hup)
      if (taken.state === 'ended') file.begun.wrote(goOn, true)
      return taken
    }
    const goesOn = spliced && !file.endsWhole()
    spliced = false
    const taken = whole.take(hup, goesOn)
    // The file was full in the middle of a line of ours: when it can be written again, nobody may come in between.
    if (format === 'raw' && file.stuck && whole.within) file.begun.begin(goOn)
    file.begun.wrote(goOn, taken.state === 'ended')
    return taken
  }
  const take = (hup: boolean): Taken => {
    const taken = some(hup)
    if (options.full !== 'drop' || taken.state !== 'stuck' || file.trouble.error === null) return taken
    const inLine = format === 'raw' ? file.begun.isOf(goOn) : whole.within
    const { bytes, state } = overflow.relieve(inLine)
    if (bytes > 0) {
      whole.skipped()
      if (inLine) options.unmark()
    }
    // After a hangup nothing comes that could make it full again.
    return { bytes: taken.bytes + bytes, state: hup && state === 'open' ? 'stuck' : state, holds: true }
  }
  if (resumes) file.begun.begin(goOn)
  return { take, unsaid: () => overflow.unsaid }
}

const STUCK: Taken = { bytes: 0, state: 'stuck' }

function takeAll({ fd, file, mark }: StreamOptions, hup: boolean): Taken {
  let bytes = 0
  mark()
  while (bytes < QUOTA_BYTES) {
    const moved = file.splice(fd, QUOTA_BYTES - bytes)
    if (file.stuck) return { bytes, state: 'stuck' }
    if (moved === 0 || (moved === null && hup)) return { bytes, state: finishLine(file) ? 'ended' : 'stuck' }
    if (moved === null) return { bytes, state: 'open' }
    bytes += moved
  }
  return { bytes, state: 'more' }
}

/** The next process of the slot begins on a line of its own. */
const finishLine = (file: LogFile): boolean => file.endsWhole() || file.write(NEWLINE)

/** Takes whole lines, until only an unfinished one is left or the quota is used up. */
function wholeLines(options: StreamOptions, tools: StreamTools, overflow: Overflow) {
  const { fd, file } = options
  const fullBytes = tools.fullBytes(fd)
  /** Bytes of an unfinished line that we have looked at already. */
  let seen = 0
  /** We are in a line of which parts have been passed on. */
  let within = false

  const some = (hup: boolean): Taken => {
    const waiting = pipeBytes(fd)
    if (waiting === 0) {
      // All was passed on before it was known to be the last: an unfinished line is finished now.
      if (!overflow.settle(false) || (hup && within && !finishLine(file))) return STUCK
      return { bytes: 0, state: hup ? 'ended' : 'open' }
    }
    if (waiting === seen && !hup) return { bytes: 0, state: 'open', holds: true }
    const chunk = tools.duplicate(fd)
    let length = chunk.lastIndexOf(0x0a) + 1
    // Full without a newline, and the writer waits: pass on what there is. The last of all is a line as well.
    const full = length === 0 && chunk.length >= fullBytes
    if (length === 0 && (hup || full || within)) length = chunk.length
    length = fit(file, chunk, length, within)
    if (length === 0) {
      if (!overflow.settle(false)) return STUCK
      seen = waiting
      return { bytes: 0, state: 'open', holds: true }
    }
    const last = hup && length === waiting
    const moved = pass(options, tools, chunk.subarray(0, length), { within, last, overflow })
    seen = 0
    if (moved > 0) within = !(last && moved === length) && chunk[moved - 1] !== 0x0a
    return { bytes: moved, state: moved < length || file.stuck ? 'stuck' : 'open' }
  }

  return {
    get within(): boolean {
      return within
    },
    /** What came next was thrown away. */
    skipped(): void {
      seen = 0
      within = false
    },
    take(hup: boolean, goesOn: boolean): Taken {
      if (goesOn) {
        within = true
        seen = 0
      } else if (within && file.splices && file.endsWhole()) within = false // somebody else has ended it
      let bytes = 0
      while (bytes < QUOTA_BYTES) {
        const taken = some(hup)
        bytes += taken.bytes
        if (taken.state !== 'open' || taken.bytes === 0) return { ...taken, bytes }
      }
      return { bytes, state: 'more' }
    },
  }
}

/**
 * How many of `length` bytes go into the file as it is: rotated first where not even one line fits, unless its
 * last line is still to be finished.
 */
function fit(file: LogFile, chunk: Buffer, length: number, within: boolean): number {
  let room = file.room()
  if (length <= room) return length
  let fitting = room > 0 ? chunk.lastIndexOf(0x0a, room - 1) + 1 : 0
  if (fitting > 0) return Math.min(fitting, length)
  if (within || !file.rotate()) return firstLine(chunk, length)
  room = file.room()
  if (length <= room) return length
  fitting = chunk.lastIndexOf(0x0a, room - 1) + 1
  return fitting > 0 ? fitting : firstLine(chunk, length)
}

/** A line longer than the limit of its file stands in it alone. */
function firstLine(chunk: Buffer, length: number): number {
  const end = chunk.indexOf(0x0a) + 1
  return end > 0 && end < length ? end : length
}

interface Part {
  /** It goes on a line of which parts have been passed on. */
  readonly within: boolean
  /** Nothing will follow: an unfinished line is finished. */
  readonly last: boolean
  readonly overflow: Overflow
}

/** Into the file, and out of the pipe. How many bytes went: fewer than all when the file cannot be written now. */
function pass(options: StreamOptions, tools: StreamTools, lines: Buffer, { within, last, overflow }: Part): number {
  const { fd, file, name, label, format, clock } = options
  options.mark()
  const unfinished = last && lines.at(-1) !== 0x0a
  if (format === 'raw' && file.splices) {
    if (!within && !file.endsWhole() && !file.write(NEWLINE)) return 0
    let moved = 0
    while (moved < lines.length) {
      const more = file.splice(fd, lines.length - moved)
      if (more === null || more === 0) break
      moved += more
    }
    show(lines.subarray(0, moved), options)
    if (moved < lines.length) return moved
    // A newline that does not fit now is written before the next line of anybody.
    if (unfinished) file.write(NEWLINE)
    return moved
  }
  const whole = unfinished ? Buffer.concat([lines, NEWLINE]) : lines
  // In one write with them: where only this fits, it would be said again and again.
  const before = overflow.isEmpty ? null : overflow.text()
  const text = format === 'raw' ? whole : formatLines(whole, { format, name, label, time: clock.wall() })
  if (!file.write(before === null ? text : Buffer.concat([before, text]))) return 0
  overflow.said()
  tools.discard(fd, lines.length)
  show(lines, options)
  return lines.length
}

/** To whoever looks at them, until he has seen enough. */
function show(lines: Buffer, { onLine }: StreamOptions): void {
  if (!onLine()) return
  for (const line of lines.toString().replace(/\n$/, '').split('\n')) onLine()?.(line.replace(/\r$/, ''))
}

const NEWLINE = Buffer.from('\n')
