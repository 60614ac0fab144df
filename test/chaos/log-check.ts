// Judges what stands in the logs of a chaos run: of each incarnation (one launch of one process) every line once,
// whole and in order. The excuses are the contract's own, and no wider: what nobody had read when a
// process died without a master may be missing at its end, up to what its pipe holds, and formatted lines may be
// doubled where a master was killed. A hole has no excuse. Pure.

import { bareText, type Format, type Line, lengthOf, lineOf, readLine } from './lines.ts'

export interface Incarnation {
  readonly token: string
  /** `web:0` */
  readonly name: string
  /** Lines that it has printed for sure. */
  readonly said: number
  /** It died while no master lived. */
  readonly excused: boolean
}

/** A time without a master, in Unix ms. */
export interface Outage {
  /** Just before SIGKILL was sent. */
  readonly killed: number
  /** The old one was seen to be gone. */
  readonly gone: number
}

export interface LogFacts {
  readonly format: Format
  readonly most: number
  readonly pipeBytes: number
  /** JSON lines of a worker's own logger stand between. */
  readonly workers: boolean
  /** Those that may print here. */
  readonly incarnations: ReadonlyMap<string, Incarnation>
  readonly outages: readonly Outage[]
}

/** How far a log was followed. */
export interface Progress {
  readonly byToken: Map<string, { last: number; time: number | null }>
  lines: number
  doubled: number
  /** Half lines that the kill of a master has left. */
  torn: number
}

export interface Fault {
  readonly kind: 'lost' | 'doubled' | 'torn' | 'stray'
  readonly text: string
}

export const newProgress = (): Progress => ({ byToken: new Map(), lines: 0, doubled: 0, torn: 0 })

/** Takes the next lines of a log into account; they must be whole. */
export function follow(progress: Progress, lines: readonly string[], facts: LogFacts): Fault[] {
  return lines.flatMap((text) => {
    const line = readLine(text, facts.format, facts.most)
    const fault = line ? placed(progress, line, facts) : odd(progress, text, facts)
    return fault ? [fault] : []
  })
}

function placed(progress: Progress, line: Line, { incarnations, outages }: LogFacts): Fault | null {
  const { token, number, time } = line
  const who = incarnations.get(token)
  if (!who) return { kind: 'stray', text: `line ${number} of ${token}, whom nobody has started for this log` }
  if (line.name !== null && line.name !== who.name) {
    return { kind: 'stray', text: `line ${number} of ${who.name} (${token}) stands there as one of ${line.name}` }
  }
  const before = progress.byToken.get(token) ?? { last: 0, time: null }
  const { last } = before
  progress.byToken.set(token, { last: number, time })
  progress.lines++
  if (number === last + 1) return null
  const of = `of ${who.name} (${token})`
  if (number > last) return { kind: 'lost', text: `lines ${last + 1} to ${number - 1} ${of} are missing` }
  progress.doubled++
  const excused = outages.some(({ killed, gone }) => (before.time ?? Infinity) <= gone && (time ?? 0) >= killed)
  return excused ? null : { kind: 'doubled', text: `line ${number} ${of} follows line ${last}` }
}

/** A line that no program has printed as it stands there. */
function odd(progress: Progress, text: string, facts: LogFacts): Fault | null {
  const { format, workers, incarnations, outages, most } = facts
  const excused = [...incarnations.values()].filter((one) => one.excused)
  if (workers && text.startsWith('{"level"') && (text.endsWith('}') || excused.length > 0)) return null
  const bare = bareText(text, format)
  const next = (token: string): number => (progress.byToken.get(token)?.last ?? 0) + 1
  const begun = bare !== '' && excused.some(({ token }) => lineOf(token, next(token), most).startsWith(bare))
  if (begun) return null
  // Formatted lines are written before they are taken: a kill in between leaves a part, and all of it comes again.
  if (format !== 'raw' && text !== '' && progress.torn < outages.length) {
    progress.torn++
    return null
  }
  return { kind: 'torn', text: `no line of anybody: ${JSON.stringify(text.slice(0, 200))}` }
}

/** What must stand there by now, and does not. */
export function missing(progress: Progress, facts: LogFacts): Fault[] {
  return [...facts.incarnations.values()].flatMap(({ token, name, said, excused }): Fault[] => {
    const last = progress.byToken.get(token)?.last ?? 0
    if (last >= said) return []
    const text = `lines ${last + 1} to ${said} of ${name} (${token}) are missing at its end`
    if (!excused) return [{ kind: 'lost', text }]
    const bytes = tailBytes(token, last, said, facts.most)
    const most = Math.max(65_536, facts.pipeBytes)
    return bytes <= most ? [] : [{ kind: 'lost', text: `${text}: ${bytes} bytes, and its pipe holds ${most}` }]
  })
}

/** Of the lines behind `last`; of the first one a part may have been read. */
function tailBytes(token: string, last: number, said: number, most: number): number {
  let bytes = 0
  for (let number = last + 2; number <= said; number++) bytes += lengthOf(token, number, most)
  return bytes
}
