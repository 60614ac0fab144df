// The name that was probably meant.

import { closest, distance } from 'fastest-levenshtein'

/** What to say behind the word that is nobody's name. */
export function hintOf(name: string, known: readonly string[]): string {
  const near = nearestOf(name, known)
  return near === null ? ` (have: ${known.join(', ')})` : `; did you mean ${near}?`
}

/** The known name nearest to a wrong one, where it may be a slip of the finger; else null. */
export function nearestOf(name: string, known: readonly string[]): string | null {
  if (known.length === 0) return null
  const near = closest(name, known)
  return distance(name, near) <= Math.max(2, name.length / 3) ? near : null
}
