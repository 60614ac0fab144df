// Variables as lines of a section: one `env.NAME` each, and those that a line of its own cannot carry in `environment`.

import type { DraftSection, Origin } from './draft.ts'

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** @param variables values are texts of our dialect */
export function setVariables(
  section: DraftSection,
  variables: Iterable<readonly [name: string, value: string]>,
  source: { readonly key: string; readonly from?: Origin | null },
): void {
  const pairs: string[] = []
  for (const [name, value] of variables) {
    const odd = value === '' || value !== value.trim() || /\n[ \t]*(?:[#;]|$)|[ \t]\n|\n[ \t]/.test(value)
    if (!NAME.test(name)) section.drop(`${source.key} ${name}`, null, 'a name is letters, digits and _', source.from)
    else if (/\0|\r/.test(value) || (odd && value.includes('\n')))
      section.drop(
        `${source.key} ${name}`,
        null,
        'its lines begin or end with blanks, # or ;, or hold a carriage return',
        source.from,
      )
    else if (odd) pairs.push(`${name}="${value.replace(/["\\]/g, '\\$&')}"`)
    else section.set(`env.${name}`, value, null, source)
  }
  if (pairs.length > 0) section.set('environment', pairs.join(','), null, source)
}
