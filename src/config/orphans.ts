// Whether `orphans = stop` can be kept for a program. The kernel ends a process at the death of its parent
// only if the process has asked for it (setpriv does that for us), and forgets the wish when a set-uid program is run.

import { statSync } from 'node:fs'
import path from 'node:path'
import { forSlot, type Spec } from '../core/spec.ts'

/** Why not, in words; null = it can, or there is no such program yet (then its start fails). */
export function cannotDieWithMaster(
  argv: readonly string[],
  { directory, env }: Pick<Spec, 'directory' | 'env'>,
): string | null {
  const ours = process.env.PATH ?? ''
  if (!find('setpriv', '/', ours))
    return 'cannot be with orphans = stop: that needs setpriv (util-linux), which is not in the PATH'
  const word = forSlot(argv[0] ?? '', 0)
  const file = find(word, forSlot(directory, 0), env.PATH ?? ours)
  if (!file || (file.mode & 0o6000) === 0) return null
  return `cannot be with orphans = stop: ${file.path} is set-uid or set-gid, so the kernel would not end it with the master`
}

function find(word: string, folder: string, search: string): { readonly path: string; readonly mode: number } | null {
  const places = word.includes('/')
    ? [path.resolve(folder, word)]
    : search.split(':').map((p) => path.resolve(folder, p, word))
  for (const place of places) {
    const stat = statSync(place, { throwIfNoEntry: false })
    if (stat?.isFile()) return { path: place, mode: stat.mode }
  }
  return null
}
