// What to look at when a process has failed: its own log, then the master's, which knows why it was not even started.

import { clean, shellWord } from './format.ts'
import type { Out } from './output.ts'

const MOST = 3

/** For people, on stderr; nothing where none has failed. */
export function sayWhy(out: Out, failed: readonly { readonly name: string }[]): void {
  if (failed.length === 0) return
  const names = failed.slice(0, MOST).map(({ name }) => shellWord(clean(name)))
  const more = failed.length > MOST ? ' ...' : ''
  out.remark(`  why: phctl logs ${names.join(' ')}${more}, or the master's own words: phctl logs master`)
}
