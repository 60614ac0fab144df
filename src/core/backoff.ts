// How long to wait before the next start. Pure.

import type { Spec } from './spec.ts'

/**
 * After the first short run of a row the restart is immediate; each further one waits
 * backoff_initial, doubled up to backoff_max, and up to a tenth more so that a crowd spreads out.
 * @param row short runs in a row, this one included; 0 = the last run was long enough
 * @param random from 0 to 1
 * @returns ms
 */
export function backoffMs(
  { backoffInitialMs, backoffMaxMs }: Pick<Spec, 'backoffInitialMs' | 'backoffMaxMs'>,
  row: number,
  random: number,
): number {
  if (row <= 1) return 0
  const doubled = backoffInitialMs * 2 ** Math.min(row - 2, 40)
  return Math.min(backoffMaxMs, doubled) * (1 + random / 10)
}
