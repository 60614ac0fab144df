// Where words and results go. With --json the result is one document a line on stdout and words for
// people go to stderr; without, words go to stdout and trouble to stderr. Colour only on a terminal
// that wants it. Nobody else in phctl writes to a stream but through this.

import { codes, type PhError } from '../src/errors.ts'
import { type Paint, painter } from './format.ts'

export interface Out {
  readonly json: boolean
  /** stdout is a terminal. */
  readonly tty: boolean
  /** Columns to fit: the terminal's, else $COLUMNS, else there is no limit. */
  readonly columns: number
  readonly rows: number
  readonly paint: Paint
  /** `paint` paints. */
  readonly colour: boolean
  /** The result: as it is under --json, else in words. `words` is only asked for when needed. */
  result(value: unknown, words: () => string): void
  /** What is neither the result nor an error: warnings, remarks. Goes to stderr. */
  remark(text: string): void
  /** The failure that ends the command. */
  failure(e: PhError): void
  /** Text that goes to stdout as it is. */
  raw(text: string): void
}

/**
 * `broken` is told when a stream cannot be written any more.
 * The streams are touched on first need only: Node makes each of them when asked for it, which takes time
 * that is better spent while the master thinks.
 */
export function outputOf(json: boolean, broken: (e: Error) => void): Out {
  const stdout = once(() => process.stdout.on('error', broken))
  const stderr = once(() => process.stderr.on('error', broken))
  const mayPaint = !process.env.NO_COLOR && process.env.TERM !== 'dumb'
  const tty = (): boolean => stdout().isTTY === true
  const colour = (): boolean => mayPaint && tty()
  const paint = once(() => painter(colour()))
  return {
    json,
    get tty() {
      return tty()
    },
    get columns() {
      // Whoever reads a pipe wants all of it.
      return tty() ? process.stdout.columns || 80 : Number(process.env.COLUMNS) || Number.POSITIVE_INFINITY
    },
    get rows() {
      return (tty() ? process.stdout.rows : 0) || 24
    },
    get paint() {
      return paint()
    },
    get colour() {
      return colour()
    },
    result(value, words) {
      const text = json ? JSON.stringify(value) : words()
      if (text !== '') stdout().write(`${text}\n`)
    },
    remark(text) {
      stderr().write(`${text}\n`)
    },
    failure(e) {
      if (json) stdout().write(`${JSON.stringify({ error: wireOf(e) })}\n`)
      const red = painter(mayPaint && stderr().isTTY === true)
      const [first, ...rest] = e.message.split('\n')
      stderr().write([`${red('red', 'phctl:')} ${first}`, ...rest].map((line) => `${line}\n`).join(''))
    },
    raw(text) {
      if (text !== '') stdout().write(text)
    },
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** A failure as the socket would say it: the master's number where it gave one. */
export function wireOf(e: PhError): { code: number; message: string; data: Record<string, unknown> } {
  const { rpc, ...data } = e.data
  return {
    code: typeof rpc === 'number' ? rpc : codes[e.code].rpc,
    // Our own messages carry hints for people on further lines; the master's is given as it came.
    message: typeof rpc === 'number' ? e.message : (e.message.split('\n')[0] ?? ''),
    data: { code: e.code, ...data },
  }
}

/** Resolves when stdout has taken everything that was written to it. */
export function flushed(): Promise<void> {
  const { stdout } = process
  if (stdout.writableLength === 0) return Promise.resolve()
  return new Promise((done) => stdout.write('', () => done()))
}
