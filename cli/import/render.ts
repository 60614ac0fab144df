// From a draft to the text of a config.ini, and back from one of its lines to what stands there. Pure.

import { clean } from '../format.ts'
import type { Draft, DraftSection, Item } from './draft.ts'

export interface Rendered {
  readonly text: string
  /** By number of line, from 1 on: a header is its section alone. */
  readonly lines: ReadonlyMap<number, { readonly section: DraftSection; readonly item: Item | null }>
}

const WIDTH = 110

export function render(draft: Draft): Rendered {
  const out: string[] = draft.head.flatMap(comment)
  const lines = new Map<number, { readonly section: DraftSection; readonly item: Item | null }>()
  for (const section of draft.sections.toSorted((a, b) => rankOf(a) - rankOf(b))) {
    if (section.items.length === 0) continue
    out.push('', `[${section.name}]`)
    lines.set(out.length, { section, item: null })
    const width = Math.max(0, ...section.items.map((item) => (item.kind === 'line' ? item.key.length : 0)))
    for (const item of section.items) {
      if (item.kind === 'comment') {
        out.push(...comment(item.text))
        continue
      }
      if (item.about !== null) out.push(...comment(item.about))
      const [first = '', ...more] = item.value.split('\n')
      for (const line of [
        `${item.key.padEnd(width)} = ${first}`.trimEnd(),
        ...more.map((each) => `    ${each}`.trimEnd()),
      ]) {
        out.push(line)
        lines.set(out.length, { section, item })
      }
    }
  }
  return { text: `${out.join('\n').trimStart()}\n`, lines: shifted(lines, out) }
}

/** What concerns all comes first, groups come last. */
function rankOf({ name }: DraftSection): number {
  if (name === 'DEFAULT') return 0
  if (name === 'master') return 1
  return name.startsWith('group:') ? 3 : 2
}

/** Without the blank lines at the head. */
function shifted<T>(lines: ReadonlyMap<number, T>, out: readonly string[]): ReadonlyMap<number, T> {
  const blank = out.findIndex((line) => line !== '')
  return blank > 0 ? new Map([...lines].map(([at, what]) => [at - blank, what])) : lines
}

/** What a reader could not see, or would take for a line of its own, is written otherwise. */
function comment(text: string): string[] {
  return text.split('\n').flatMap((line) => wrapped(clean(line), /^\s*/.exec(line)?.[0] ?? ''))
}

function wrapped(text: string, indent: string): string[] {
  const rows: string[] = []
  let row = ''
  for (const word of (text.length > 2000 ? `${text.slice(0, 2000)} ...` : text).split(' ')) {
    if (row !== '' && row.length + word.length >= WIDTH) {
      rows.push(row)
      row = ''
    }
    row = row === '' ? word : `${row} ${word}`
  }
  return [...rows, row].map((line, at) => `# ${indent}${at > 0 && indent === '' ? '  ' : ''}${line}`.trimEnd())
}
