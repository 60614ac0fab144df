// With log_full = drop: what becomes of the bytes of a stream while its file cannot be written. They wait in the pipe
// as long as it has room; when it may be full, the older half is thrown away, in whole lines, and counted, so the process
// never waits. When the file can be written again, a line there says what is missing.
// The rest of a line of which a part stands in the file already is kept in memory meanwhile, so that this line is whole, too:
// that, and the count, is all that is lost if we are killed; at an upgrade both go over. A line longer than its pipe is
// thrown away in parts.

import type { Clock } from '../core/ports.ts'
import type { Missing, Unsaid } from '../core/record.ts'
import type { LogFormat } from '../core/spec.ts'
import { pipeBytes } from './libc-io.ts'
import { formatLines, noteLine } from './line-format.ts'
import type { LogFile } from './log-file.ts'
import { QUOTA_BYTES, type Taken } from './pump.ts'
import type { StreamTools } from './stream-tools.ts'

export interface OverflowOptions {
  readonly fd: number
  readonly file: LogFile
  readonly name: string
  readonly label: 'stdout' | 'stderr'
  readonly format: LogFormat
  readonly clock: Clock
  /** From the program that we were before. */
  readonly unsaid: Unsaid | null
}

const LF = 0x0a

export class Overflow {
  readonly #options: OverflowOptions
  readonly #tools: StreamTools
  readonly #roomFor: number
  /** The rest of the line that stands unfinished in the file. */
  #rest: Buffer | null = null
  /** What was thrown away since the file was last written. */
  #missing: Changeable<Missing> | null = null

  constructor(options: OverflowOptions, tools: StreamTools) {
    this.#options = options
    this.#tools = tools
    this.#roomFor = tools.fullBytes(options.fd)
    const { unsaid, file } = options
    if (!unsaid) return
    const { rest, missing } = unsaid
    this.#rest = rest === null ? null : Buffer.from(rest, 'base64')
    this.#missing = missing && { ...missing }
    if (missing) file.trouble.goesOn(missing.error, missing)
  }

  /** For the program that comes after us. */
  get unsaid(): Unsaid | null {
    if (this.isEmpty) return null
    return { rest: this.#rest?.toString('base64') ?? null, missing: this.#missing && { ...this.#missing } }
  }

  /** Makes room in the pipe. `begun`: a part of the line with which it begins stands in the file. */
  relieve(begun: boolean): Taken {
    const { fd } = this.#options
    let bytes = 0
    while (bytes < QUOTA_BYTES) {
      if (pipeBytes(fd) < this.#roomFor) return { bytes, state: 'open' }
      const gone = this.#throwAway(begun && this.isEmpty)
      if (gone === 0) return { bytes, state: 'open' }
      bytes += gone
    }
    return { bytes, state: 'more' }
  }

  /** Nothing has to be said in the file before more is written there. */
  get isEmpty(): boolean {
    return this.#rest === null && this.#missing === null
  }

  /** Writes what has to be said. False = it cannot be written yet. `goesOn`: the file ends with the line of which we have the rest. */
  settle(goesOn: boolean): boolean {
    const { file } = this.#options
    if (this.isEmpty) return true
    if (!(this.#rest !== null && goesOn) && !file.endsWhole() && !file.write(NEWLINE)) return false
    const text = this.text()
    if (this.#rest === null && file.room() < text.length) file.rotate()
    if (!file.write(text)) return false
    this.said()
    return true
  }

  /** What has to be said, as it stands in the file. */
  text(): Buffer {
    const { name, label, format, clock } = this.#options
    const facts = { name, label, time: clock.wall() }
    const rest = this.#rest ?? NOTHING
    const head = format === 'raw' || rest.length === 0 ? rest : Buffer.from(formatLines(rest, { format, ...facts }))
    return this.#missing === null ? head : Buffer.concat([head, noteLine(this.#missing, { format, ...facts })])
  }

  /** That is in the file now. */
  said(): void {
    this.#rest = null
    this.#missing = null
  }

  /** The older half of what the pipe holds; how many bytes left it. */
  #throwAway(begun: boolean): number {
    const { fd, file, clock } = this.#options
    const chunk = this.#tools.duplicate(fd)
    const rest = begun ? chunk.indexOf(LF) + 1 : 0
    if (chunk.length === 0) return 0
    if (rest > 0) this.#rest = Buffer.from(chunk.subarray(0, rest))
    const to = chunk.indexOf(LF, Math.max(rest, chunk.length >> 1)) + 1 || chunk.lastIndexOf(LF) + 1 || chunk.length
    this.#tools.discard(fd, to)
    const bytes = to - rest
    if (bytes === 0) return to
    const now = clock.wall()
    const error = file.trouble.error ?? 'unknown'
    const missing = this.#missing ?? { from: now, to: now, error, lines: 0, bytes: 0, cut: false }
    this.#missing = missing
    const lines = countLines(chunk.subarray(rest, to), missing)
    missing.to = now
    missing.lines += lines
    missing.bytes += bytes
    file.trouble.dropped({ lines, bytes })
    return to
  }
}

/** A line that is thrown away in parts counts with its first. */
function countLines(bytes: Buffer, missing: Changeable<Missing>): number {
  let count = missing.cut ? -1 : 0
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++
  missing.cut = bytes.at(-1) !== LF
  return missing.cut ? count + 1 : count
}

type Changeable<T> = { -readonly [K in keyof T]: T[K] }

const NOTHING = Buffer.alloc(0)
const NEWLINE = Buffer.from('\n')
