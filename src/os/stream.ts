// How the bytes of one stream get from its pipe into its log file.
//
// raw, alone in its file: spliced inside the kernel as they come; there is no instant at which bytes are
//   only in our memory.
// raw, several streams in one file: duplicated (tee) into a scratch pipe and read there to find the last
//   newline; just that many are spliced, so lines are never torn, and an unfinished one stays in its pipe.
// prefix, json: duplicated, formatted, written, and only then taken out of the pipe: a crash in between may
//   double the last lines, never lose one.
// A line longer than its pipe is passed on in parts as it comes.

import { constants, openSync, readSync } from 'node:fs'
import type { Clock } from '../core/ports.ts'
import type { LogFormat } from '../core/spec.ts'
import { growPipe, makePipe, pageBytes, pipeBytes, pipeSize, spliceTo, teeTo } from './libc-io.ts'
import { formatLines } from './line-format.ts'
import type { LogFile } from './log-file.ts'
import { QUOTA_BYTES, type Taken } from './pump.ts'

/** Shared by all streams: a scratch pipe, the buffer it is read into, and a place to throw bytes away. */
export interface StreamTools {
  readonly scratch: { readonly read: number; readonly write: number }
  readonly buffer: Buffer
  readonly nowhere: number
}

export function streamTools(): StreamTools {
  const scratch = makePipe()
  growPipe(scratch.write, 1024 * 1024)
  // What the scratch pipe cannot hold is not looked at: a user's pipe pages may be used up.
  const buffer = Buffer.allocUnsafe(pipeSize(scratch.write))
  return { scratch, buffer, nowhere: openSync('/dev/null', constants.O_WRONLY) }
}

export interface StreamOptions {
  readonly fd: number
  readonly file: LogFile
  /** `web:0` */
  readonly name: string
  readonly label: 'stdout' | 'stderr'
  readonly format: LogFormat
  readonly clock: Clock
  /** An earlier master had taken from it, and was the last to write to the file: its last line may go on. */
  readonly resumes: boolean
  /** Called before bytes of this stream are written. */
  readonly mark: () => void
}

/** What the pump calls to have bytes taken. */
export function takeStream(options: StreamOptions, tools: StreamTools): (hup: boolean) => Taken {
  const { file, format } = options
  const whole = wholeLines(options, tools)
  // Raw bytes that stand in the file have left the pipe: their line goes on. A formatted line that was being
  // written is whole in the pipe still, so what stands of it is ended, and it comes again.
  const resumes = options.resumes && format === 'raw'
  /** The file may end in the middle of a line of ours. */
  let spliced = resumes
  let begun = resumes
  const goOn = (): void => void take(false)
  const take = (hup: boolean): Taken => {
    if (file.stuck || !file.begun.mayPass(goOn)) return { bytes: 0, state: 'stuck' }
    // What stands there may be half a line of a process that ended while no master lived.
    if (!begun && pipeBytes(options.fd) > 0) {
      if (!finishLine(file)) return { bytes: 0, state: 'stuck' }
      begun = true
    }
    const alone = format === 'raw' && file.users === 1 && file.splices && file.room() > QUOTA_BYTES
    if (alone) {
      spliced = true
      file.begun.begin(goOn)
      const taken = takeAll(options, hup)
      if (taken.state === 'ended') file.begun.wrote(goOn, true)
      return taken
    }
    const goesOn = spliced && !file.endsWhole()
    spliced = false
    const taken = whole(hup, goesOn)
    file.begun.wrote(goOn, taken.state === 'ended')
    return taken
  }
  if (resumes) file.begun.begin(goOn)
  return take
}

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
function wholeLines(options: StreamOptions, tools: StreamTools): (hup: boolean, goesOn: boolean) => Taken {
  const { fd, file } = options
  // A pipe is full when its pages are, and two neighbours hold more than one page's worth together (else the kernel
  // would have merged them): so a full one holds at least half its size, but for a page at either end.
  const fullBytes = Math.max(1, Math.min(pipeSize(fd), tools.buffer.length) / 2 - 2 * pageBytes())
  /** Bytes of an unfinished line that we have looked at already. */
  let seen = 0
  /** We are in a line of which parts have been passed on. */
  let within = false

  const some = (hup: boolean): Taken => {
    const waiting = pipeBytes(fd)
    if (waiting === 0) {
      // All was passed on before it was known to be the last: an unfinished line is finished now.
      if (hup && within && !finishLine(file)) return { bytes: 0, state: 'stuck' }
      return { bytes: 0, state: hup ? 'ended' : 'open' }
    }
    if (waiting === seen && !hup) return { bytes: 0, state: 'open' }
    const chunk = duplicate(fd, tools)
    let length = chunk.lastIndexOf(0x0a) + 1
    // Full without a newline, and the writer waits: pass on what there is. The last of all is a line as well.
    const full = length === 0 && chunk.length >= fullBytes
    if (length === 0 && (hup || full || within)) length = chunk.length
    length = fit(file, chunk, length, within)
    if (length === 0) {
      seen = waiting
      return { bytes: 0, state: 'open' }
    }
    const last = hup && length === waiting
    const moved = pass(options, tools, chunk.subarray(0, length), { within, last })
    seen = 0
    if (moved > 0) within = !(last && moved === length) && chunk[moved - 1] !== 0x0a
    return { bytes: moved, state: moved < length || file.stuck ? 'stuck' : 'open' }
  }

  return (hup, goesOn) => {
    if (goesOn) {
      within = true
      seen = 0
    } else if (within && file.splices && file.endsWhole()) within = false // somebody else has ended it
    let bytes = 0
    while (bytes < QUOTA_BYTES) {
      const taken = some(hup)
      bytes += taken.bytes
      if (taken.state !== 'open' || taken.bytes === 0) return { bytes, state: taken.state }
    }
    return { bytes, state: 'more' }
  }
}

/** A copy of what the pipe holds; the bytes stay there. */
function duplicate(fd: number, { scratch, buffer }: StreamTools): Buffer {
  const copied = teeTo(fd, scratch.write, buffer.length) ?? 0
  let at = 0
  while (at < copied) at += readSync(scratch.read, buffer, at, copied - at, null)
  return buffer.subarray(0, copied)
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
}

/** Into the file, and out of the pipe. How many bytes went: fewer than all when the file cannot be written now. */
function pass(options: StreamOptions, tools: StreamTools, lines: Buffer, { within, last }: Part): number {
  const { fd, file, name, label, format, clock } = options
  options.mark()
  const unfinished = last && lines.at(-1) !== 0x0a
  if (format === 'raw' && file.splices) {
    if (!within && !file.endsWhole() && !file.write(NEWLINE)) return 0
    let moved = 0
    while (moved < lines.length) {
      const more = file.splice(fd, lines.length - moved)
      if (more === null || more === 0) return moved
      moved += more
    }
    // A newline that does not fit now is written before the next line of anybody.
    if (unfinished) file.write(NEWLINE)
    return moved
  }
  const whole = unfinished ? Buffer.concat([lines, NEWLINE]) : lines
  const text = format === 'raw' ? whole : formatLines(whole, { format, name, label, time: clock.wall() })
  if (!file.write(text)) return 0
  let left = lines.length
  while (left > 0) left -= spliceTo(fd, tools.nowhere, null, left) ?? left
  return lines.length
}

const NEWLINE = Buffer.from('\n')
