// Lines of log files, read back as their file's format tells them. Pure.

import type { LogLine } from '../api/contract.ts'
import type { LogFormat } from '../core/spec.ts'

/** What a line is called where it does not tell itself, and which lines are wanted. */
export interface LineSource {
  readonly name: string
  readonly format: LogFormat
  /** Of a formatted file, only the lines of these; null = all. */
  readonly names: ReadonlySet<string> | null
  readonly stream: 'stdout' | 'stderr' | null
}

/** Do its lines say when they were written? The master's own log does, in JSON. */
export const tellsTime = ({ format, name }: LineSource): boolean => format !== 'raw' || name === 'master'

/** When a line of such a file was written, Unix ms; null where it does not say. Looks at its beginning only: this is asked of many. */
export function timeOf(bytes: Buffer): number | null {
  const [, prefix, inJson] = TIME.exec(bytes.toString('latin1', 0, 120)) ?? []
  const time = Date.parse(prefix ?? inJson ?? '')
  return Number.isNaN(time) ? null : time
}

const TIME = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) |^\{.*?"time":"([^"]+)"/

const PREFIXED = /^(\S+) (\S+) (stdout|stderr)\+? (.*)$/s

/** A line as its file's format tells it; one that does not fit the format is shown as it is. */
export function parseLine(bytes: Buffer, { name, format, names, stream }: LineSource): LogLine[] {
  const text = bytes.toString('utf8')
  const line = (format === 'prefix' ? parsePrefixed(text) : format === 'json' ? parseJson(text) : null) ?? {
    name,
    stream,
    time: null,
    text,
  }
  return names === null || format === 'raw' || names.has(line.name) ? [line] : []
}

function parsePrefixed(text: string): LogLine | null {
  const [, time, name, stream, rest] = PREFIXED.exec(text) ?? []
  if (time === undefined || name === undefined || rest === undefined) return null
  return { name, stream: stream as 'stdout' | 'stderr', time, text: rest }
}

function parseJson(text: string): LogLine | null {
  try {
    const { time, name, stream, text: inner } = JSON.parse(text) as Record<string, unknown>
    if (typeof name !== 'string' || typeof inner !== 'string' || typeof time !== 'string') return null
    return { name, stream: stream === 'stderr' ? 'stderr' : 'stdout', time, text: inner }
  } catch {
    return null // a line from before the format was chosen: shown as it is
  }
}
