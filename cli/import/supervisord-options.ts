// How options of a supervisord.conf are gone through, whatever their section, and the names that all of them know.

import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import { type Draft, type DraftSection, type KeyTable, literal } from './draft.ts'
import type { Option } from './supervisord-file.ts'
import { type Names, Untranslated } from './supervisord-values.ts'

/** What all programs of a file share. */
export interface Shared {
  readonly draft: Draft
  /** Folder of the configuration that is made. */
  readonly folder: string
  /** Variables of [supervisord], which values can name as ENV_x. */
  readonly variables: ReadonlyMap<string, string>
  /** Folder of supervisord itself, a text of our dialect; null = the one that it was started in. */
  readonly base: string | null
  readonly taken: Set<string>
}

/** Each option by its row: what has a taker is taken, what has no equal becomes a comment. Secrets are not repeated. */
export function takeAll(
  section: DraftSection,
  options: ReadonlyMap<string, Option>,
  table: KeyTable,
  take: (key: string, option: Option) => void,
): void {
  for (const [key, option] of options) {
    const row = Object.hasOwn(table, key) ? table[key] : undefined
    const shown = key === 'password' ? '***' : option.value
    if (row === undefined) section.drop(key, shown, 'supervisord does not know it either', option)
    else if (row.here === null) section.drop(key, shown, row.why ?? '', option)
    else {
      try {
        take(key, option)
      } catch (e) {
        if (!(e instanceof Untranslated)) throw e
        section.drop(key, shown, e.message, option)
      }
    }
  }
}

/** The names that stand for themselves in every section. */
export function namesFor({
  folder,
  variables,
}: {
  readonly folder: string
  readonly variables: ReadonlyMap<string, string>
}): (option: Option) => Names {
  return (option) => (name) => {
    const here = dirname(resolve(option.file))
    if (name === 'here') return { text: here === folder ? '%(here)s' : literal(here) }
    if (name === 'host_node_name') return { text: literal(hostname()) }
    if (!name.startsWith('ENV_')) return null
    return { text: variables.get(name.slice(4)) ?? `%(${name})s` }
  }
}
