// Command lines of a unit as commands of ours: prefixes, variables that are looked up when it runs, several in a row.

import { splitWords } from '../../src/config/words.ts'
import type { Specifiers } from './systemd-specifiers.ts'
import { piecesOf, unitWords } from './unit-reader.ts'
import { quoted } from './words.ts'

export interface Line {
  /** A value of ours. */
  readonly written: string
  /** The words as they stand, before specifiers and variables. */
  readonly words: readonly string[]
  /** A failure of it counts for nothing (-). */
  readonly mayFail: boolean
  /** What its prefixes ask for that cannot be. */
  readonly lost: readonly string[]
}

const SHELL = ['sh', '-c']

export function commandLine(raw: string, ini: Specifiers): Line {
  const [, prefixes = '', rest = ''] = /^([@\-:+!|]*)\s*(.*)$/s.exec(raw) ?? []
  const all = unitWords(rest)
  const words = prefixes.includes('@') ? [all[0] ?? '', ...all.slice(2)] : all
  const lost = [
    ...(prefixes.includes('@') ? ['@: its name is that of the program'] : []),
    ...(/[+!]/.test(prefixes) ? ['+ and !: it runs as the user of the program'] : []),
  ]
  const expands = !prefixes.includes(':')
  const plain = words.map((word) => ini.plain(word))
  const pieces = plain.map((word) => (expands ? piecesOf(word) : [word]))
  const usesVariables = pieces.some((list) => list.some((piece) => typeof piece !== 'string'))
  const splits = pieces.some((list) => list.some((piece) => typeof piece !== 'string' && piece.whole))
  const mayFail = prefixes.includes('-')
  const joined = usesVariables
    ? pieces
        .map(
          (list) => list.map((piece) => (typeof piece === 'string' ? quoted(piece) : variable(piece))).join('') || "''",
        )
        .join(' ')
    : null
  const argv =
    joined === null
      ? pieces.map((list) => list.filter((piece) => typeof piece === 'string').join(''))
      : [...SHELL, `${splits ? 'set -f; ' : ''}exec ${joined}`]
  return { written: ini.written(argv.map(quoted).join(' ')), words: plain, mayFail, lost }
}

/** As a word of its own it is split at blanks, and at nothing else. */
function variable({ variable: name, whole }: { readonly variable: string; readonly whole: boolean }): string {
  const own = name === 'MAINPID' ? 'PHD_PID' : name
  return whole ? `$${own}` : `"\${${own}}"`
}

/** Several in a row, each when the one before has not failed. */
export function inOrder(lines: readonly Line[]): string {
  const [only, ...more] = lines
  if (only === undefined) return ''
  if (more.length === 0 && !only.mayFail) return only.written
  const script = lines.map(({ written, mayFail }) => (mayFail ? `{ ${unescaped(written)} || :; }` : unescaped(written)))
  return escaped([...SHELL, script.join(' && ')].map(quoted).join(' '))
}

/** Percent signs of our dialect, away and back: references to the slot stay as they are. */
const unescaped = (text: string): string => text.replaceAll('%(slot)s', '\uE000').replaceAll('%%', '%')
const escaped = (text: string): string => text.replaceAll('%', '%%').replaceAll('\uE000', '%(slot)s')

/** The signal of `/bin/kill -HUP $MAINPID`; null = it is another command. */
export function killSignal(words: readonly string[]): string | null {
  const list =
    words.length === 3 && /(?:^|\/)sh$/.test(words[0] ?? '') && words[1] === '-c' ? split(words[2] ?? '') : words
  if (!/(?:^|\/)kill$/.test(list[0] ?? '')) return null
  const [, ...rest] = list
  const target = rest.at(-1)
  if (!/^\$(?:MAINPID|\{MAINPID\})$/.test(target ?? '')) return null
  const said = rest.slice(0, -1).join(' ')
  return said === ''
    ? 'TERM'
    : (/^(?:-s |-n |--signal[ =]|-)(?:SIG)?([A-Z0-9+-]+)$/i.exec(said)?.[1]?.toUpperCase() ?? null)
}

function split(line: string): readonly string[] {
  try {
    return splitWords(line)
  } catch {
    return []
  }
}
