// The known word that somebody may have meant. The package is fetched only when a word is unknown.

import { meant, PhError } from '../../src/errors.ts'

/** Null when none is near enough to be worth saying. */
export async function nearest(word: string, known: readonly string[]): Promise<string | null> {
  const begun = word.length >= 3 ? known.filter((one) => one.startsWith(word)) : []
  if (begun.length === 1 && begun[0] !== undefined) return begun[0]
  const { closest, distance } = await import('fastest-levenshtein')
  const best = closest(word, known)
  const away = distance(word, best)
  // Two letters in the wrong order are two changes.
  return away <= Math.max(word.length < 4 ? 1 : 2, Math.floor(word.length / 3)) ? best : null
}

/** Each of the words, which must be known ones. Throws PH_USAGE with the nearest, and all there are. */
export async function oneOfEach<Known extends string>(
  words: readonly string[],
  known: readonly Known[],
  what: string,
): Promise<Known[]> {
  const isKnown = (word: string): word is Known => (known as readonly string[]).includes(word)
  for (const word of words) {
    if (isKnown(word)) continue
    const near = await nearest(word, known)
    throw new PhError(
      'PH_USAGE',
      `cannot take "${word}": it is not ${what}${meant(near)}\n  have: ${known.join(', ')}`,
      {
        known,
        nearest: near,
      },
    )
  }
  return words.filter(isKnown)
}
