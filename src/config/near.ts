// The name that was probably meant.

import { closest, distance } from 'fastest-levenshtein'
import { meant } from '../errors.ts'

/** What to say behind the word that is nobody's name. */
export function hintOf(name: string, known: readonly string[]): string {
  const near = nearestOf(name, known)
  return near === null ? ` (have: ${known.join(', ')})` : meant(near)
}

/** The known name nearest to a wrong one, where it may be a slip of the finger; else null. */
export function nearestOf(name: string, known: readonly string[]): string | null {
  if (known.length === 0) return null
  // The right letters in the wrong order are nearer than any other two changes.
  const swapped = known.find((one) => letters(one) === letters(name))
  if (swapped !== undefined) return swapped
  const near = closest(name, known)
  const away = distance(name, near)
  // Of a short name nothing must be left to chance: `x` is not `web`.
  return away <= Math.max(2, name.length / 3) && away < name.length ? near : null
}

const letters = (word: string): string => word.split('').sort().join('')
