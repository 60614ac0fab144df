// A command line into words, exactly as Python's shlex.split does it: blanks separate, quotes and
// backslashes protect, and nothing else means anything. No shell, no variables, no comments.

import { BadValue } from './problems.ts'

const BLANK = /[ \t\r\n]/

/** Throws BadValue at a quotation or a backslash without an end. */
export function splitWords(text: string): readonly string[] {
  const words: string[] = []
  let word: string | null = null
  let quote: string | null = null
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (char === '\\' && quote !== "'") {
      at += 1
      const next = text.charAt(at)
      if (next === '') throw new BadValue('cannot end with a backslash: nothing follows that it could protect')
      // Inside double quotes it protects only the quote and itself.
      const kept = quote === '"' && next !== '"' && next !== '\\' ? char : ''
      word = (word ?? '') + kept + next
    } else if (quote !== null) {
      if (char === quote) quote = null
      else word = (word ?? '') + char
    } else if (char === '"' || char === "'") {
      quote = char
      word ??= '' // "" is a word
    } else if (BLANK.test(char)) {
      if (word !== null) words.push(word)
      word = null
    } else {
      word = (word ?? '') + char
    }
  }
  if (quote !== null) throw new BadValue(`cannot end inside a quotation: a closing ${quote} is missing`)
  if (word !== null) words.push(word)
  return words
}
