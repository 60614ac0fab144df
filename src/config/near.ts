// The name that was probably meant.

import { closest, distance } from 'fastest-levenshtein'

/** The known name nearest to a wrong one, where it may be a slip of the finger; else null. */
export function nearestOf(name: string, known: readonly string[]): string | null {
  if (known.length === 0) return null
  const near = closest(name, known)
  return distance(name, near) <= Math.max(2, name.length / 3) ? near : null
}
