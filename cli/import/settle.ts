// Makes a draft one that phd accepts. The loader itself is asked, again and again: what it refuses becomes a comment
// with its reason, so nothing that is printed fails `phctl check`, whatever the source was.

import type { Problem } from '../../src/api/contract.ts'
import { readText } from '../../src/config/files.ts'
import { loadConfig } from '../../src/config/load.ts'
import { PhError } from '../../src/errors.ts'
import type { Draft, DraftSection, Item } from './draft.ts'
import { render } from './render.ts'

export interface Settled {
  readonly text: string
  readonly programs: number
  readonly processes: number
  /** What the loader warns of. */
  readonly warnings: readonly Problem[]
}

/** @param target where the configuration will stand: paths resolve against its folder */
export function settle(draft: Draft, target: string): Settled {
  for (;;) {
    nameUnset(draft)
    const { text, lines } = render(draft)
    try {
      const { programs, warnings } = loadConfig(target, {
        read: (file) => (file === target ? { text } : readText(file)),
      })
      const processes = [...programs.values()].reduce((sum, { spec }) => sum + spec.workers, 0)
      return { text, programs: programs.size, processes, warnings }
    } catch (e) {
      const problems = e instanceof PhError && e.code === 'PH_CONFIG' ? e.data.problems : null
      if (!Array.isArray(problems)) throw e
      const struck = new Set<Item | DraftSection>()
      for (const { line, message } of problems as readonly Problem[]) {
        const at = lines.get(line)
        const what = at?.item ?? at?.section
        if (at === undefined || what === undefined || struck.has(what)) continue
        struck.add(what)
        if (at.item === null) strikeSection(draft, at.section, message)
        else strike(at.section, at.item, message)
      }
      // Each round takes something away, so there is a last one.
      if (struck.size === 0) throw e
    }
  }
}

function strike(section: DraftSection, item: Item, message: string): void {
  const at = section.items.indexOf(item)
  if (item.kind !== 'line' || at < 0) return
  section.items[at] = {
    kind: 'comment',
    text: `Refused: ${item.key} = ${item.value.replaceAll('\n', ' ')}\n  ${message}`,
  }
  section.note('dropped', item.key, message)
}

/** The whole of it becomes a comment. */
function strikeSection(draft: Draft, section: DraftSection, message: string): void {
  const rows = section.items.map((item) =>
    item.kind === 'line' ? `${item.key} = ${item.value.replaceAll('\n', ' ')}` : item.text,
  )
  draft.head.push(['', `Refused: [${section.name}]`, `  ${message}`, ...rows.map((row) => `  ${row}`)].join('\n'))
  draft.sections.splice(draft.sections.indexOf(section), 1)
  draft.notes.push({ kind: 'dropped', section: section.name, key: `[${section.name}]`, why: message, from: null })
}

/** Variables of the environment that are not set here are named, empty, or the file would be accepted by nobody. */
function nameUnset(draft: Draft): void {
  const used = draft.sections.flatMap(({ items }) =>
    items.flatMap((item) => (item.kind === 'line' ? [...item.value.matchAll(/%\((ENV_\w+)\)/g)] : [])),
  )
  const unset = new Set(used.map((match) => match[1] ?? '').filter((name) => process.env[name.slice(4)] === undefined))
  const defaults = draft.section('DEFAULT')
  for (const name of [...unset].filter((each) => !defaults.has(each))) {
    const why = `${name.slice(4)} is not set here: write its value, or take this line out where phd has it in its environment`
    defaults.set(name, '', why)
  }
}
