// Lines of logs as people read them: whose they are, when, and the text. Pure but for what it remembers
// of one stream: how wide its names are. One plain file is printed as it is; where lines of several
// names can come, each says whose it is, on a pipe as well.

import type { LogLine, LogSource } from '../src/api/contract.ts'
import { clean, outputLine, type Paint, padEnd, type Style, timeOfDay, width } from './format.ts'
import { recordWords } from './record-words.ts'

export interface LogView {
  readonly tty: boolean
  readonly colour: boolean
  readonly paint: Paint
  /** Milliseconds since the epoch. */
  now(): number
}

/** Prints lines, and is told of the files that they come from: at the beginning, and when others join them. */
export interface LogPrinter {
  follows(files: readonly LogSource[]): void
  print(lines: readonly LogLine[]): string
}

export function logPrinter(files: readonly LogSource[], view: LogView): LogPrinter {
  const paths = new Set<string>()
  /** Once there were several, names stay: columns do not jump. */
  let named = false
  let widest = 0
  const follows = (more: readonly LogSource[]): void => {
    for (const file of more) {
      paths.add(file.path)
      named ||= paths.size > 1 || sharedByNames(file)
      widest = Math.max(widest, width(clean(file.name)) + (sharedByNames(file) ? 2 : 0))
    }
  }
  follows(files)
  const whose = ({ name, stream }: LogLine): string => {
    if (!named) return ''
    const shown = clean(name)
    widest = Math.max(widest, width(shown))
    const bar = stream === 'stderr' ? view.paint('red', '!') : view.paint('dim', '|')
    return `${view.paint(nameStyle(name), padEnd(shown, widest))} ${bar} `
  }
  const when = (time: string | null): string => {
    if (time === null) return ''
    return view.tty ? `${view.paint('dim', timeOfDay(time, view.now()))} ` : `${time} `
  }
  const text = (line: LogLine): string => {
    if (!view.tty) return line.text
    const words = line.name === 'master' ? recordWords(line.text, view.paint, view.now()) : null
    return words ?? outputLine(line.text, view.colour)
  }
  return {
    follows,
    print: (lines) => lines.map((line) => `${whose(line)}${when(line.time)}${text(line)}\n`).join(''),
  }
}

/** A line as `--json` gives it. */
export function asDocument({ time, name, stream, text }: LogLine): object {
  return { time, program: name.split(':')[0], name, stream, text }
}

/** The last `most` of each name. */
export function lastOfEach(lines: readonly LogLine[], most: number): readonly LogLine[] {
  const left = new Map<string, number>()
  const kept = lines.toReversed().filter(({ name }) => {
    const room = left.get(name) ?? most
    left.set(name, room - 1)
    return room > 0
  })
  return kept.reverse()
}

/** By time, where every line has one; else file by file, as they came. */
export function inOrder(lines: readonly LogLine[]): readonly LogLine[] {
  if (!lines.every((line) => line.time !== null)) return lines
  return lines.toSorted((a, b) => (a.time ?? '').localeCompare(b.time ?? ''))
}

/** A file in which each line tells whose it is, and several may write. */
function sharedByNames({ name, format }: LogSource): boolean {
  return format !== 'raw' && !name.includes(':')
}

const palette: readonly Style[] = ['cyan', 'yellow', 'green', 'magenta', 'blue']

/** The same name has the same colour, today and tomorrow; neighbouring slots have different ones. */
export function nameStyle(name: string): Style {
  const [program = '', slot = '0'] = name.split(':')
  let sum = 0
  for (const c of program) sum = (sum * 31 + c.charCodeAt(0)) % 65_521
  return palette[(sum + (Number(slot) || 0)) % palette.length] ?? 'cyan'
}
