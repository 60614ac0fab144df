// The one table of keys: everything a configuration may say, what it means, and whether this version
// carries it out. Documents, diffs and the loader read it; nothing else knows a key's default.

import { distance } from 'fastest-levenshtein'
import type { SettingRow, Where } from './setting-row.ts'
import { masterRows } from './settings-master.ts'
import { programRows } from './settings-program.ts'

export const rows: Readonly<Record<Where, readonly SettingRow[]>> = { master: masterRows, program: programRows }

const index: Readonly<Record<Where, ReadonlyMap<string, SettingRow>>> = {
  master: indexOf(masterRows),
  program: indexOf(programRows),
}

/** The row of a folded key or alias. */
export const rowOf = (key: string, where: Where): SettingRow | undefined => index[where].get(key)

/** The one name of a folded key, whatever its spelling. */
export const canonical = (key: string): string => (rowOf(key, 'program') ?? rowOf(key, 'master'))?.name ?? key

/** The known names nearest to a wrong one, best first: at most this part of the name may be wrong. */
export function nearest(key: string, where: readonly Where[], part: number): readonly string[] {
  const plain = (name: string): string => name.toLowerCase().replace(/[-_.]/g, '')
  const wanted = plain(key)
  const names = [...new Set(where.flatMap((place) => [...index[place].keys()]))]
  return names
    .map((name) => ({ name, far: distance(plain(name), wanted) }))
    .filter(({ name, far }) => far <= Math.min(3, Math.floor(plain(name).length * part)))
    .sort((a, b) => a.far - b.far)
    .map(({ name }) => name)
}

function indexOf(list: readonly SettingRow[]): ReadonlyMap<string, SettingRow> {
  return new Map(list.flatMap((row) => [row.name, ...(row.aliases ?? [])].map((name) => [name, row])))
}
