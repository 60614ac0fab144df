// Words into one text that shlex, and so our `command`, takes apart again into the same words. Pure.

import { literal } from './draft.ts'

/** In our dialect: percent signs are doubled. */
export const commandOf = (words: readonly string[]): string => words.map((word) => literal(quoted(word))).join(' ')

/** For shlex and for sh alike. */
export function quoted(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./\uE000-]+$/.test(word)) return word
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** A shell runs it, and is not left standing before it where it is one simple command. */
export function shellLine(line: string): readonly string[] {
  const simple = /^((?:[A-Za-z_][A-Za-z0-9_]*=[^\s'"`$\\;&|<>()]*\s+)*)(?!\s*\w+=)(.*)$/s.exec(line)
  const chained =
    /[;&|<>()`\n]|\$\(/.test(line) || /^\s*(?:exec|cd|if|for|while|case|\{|!|\.|source|export|set|test|\[)\s/.test(line)
  if (chained || !simple) return ['sh', '-c', line.trim()]
  return ['sh', '-c', `${simple[1]}exec ${(simple[2] ?? '').trim()}`]
}

/** Whether a command can do without a shell. */
export const isPlain = (line: string): boolean => /^[A-Za-z0-9_@%+:,./ =-]+$/.test(line) && !/^\s*\w+=/.test(line)

/** `base` plus the slot, written; null where it cannot be: 3000 is 300%(slot)s for ten of them. */
export function countedFrom(base: number): string | null {
  if (base === 0) return '%(slot)s'
  if (!Number.isInteger(base) || base % 10 !== 0) return null
  return base % 100 === 0 ? `${base / 100}%(slot)02d` : `${base / 10}%(slot)s`
}
