// What primes.js runs in its threads: a plain module that knows nothing of phd.

export function primesBelow(limit) {
  const isComposite = new Uint8Array(limit)
  let count = 0
  for (let n = 2; n < limit; n++) {
    if (isComposite[n]) continue
    count++
    for (let multiple = n * n; multiple < limit; multiple += n) isComposite[multiple] = 1
  }
  return count
}
