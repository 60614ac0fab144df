// The known word that somebody may have meant. The package is fetched only when a word is unknown.

/** Null when none is near enough to be worth saying. */
export async function nearest(word: string, known: readonly string[]): Promise<string | null> {
  const begun = word.length >= 3 ? known.filter((one) => one.startsWith(word)) : []
  if (begun.length === 1 && begun[0] !== undefined) return begun[0]
  const { closest, distance } = await import('fastest-levenshtein')
  const best = closest(word, known)
  return distance(word, best) <= Math.max(1, Math.floor(word.length / 3)) ? best : null
}
