// What stands over the screen: the help, a question, the list of signals; and the line in which a filter is typed.
// Pure.

import { clean, columns, cut, type Paint, padEnd, width } from '../format.ts'
import { type KeyRow, keyRows } from './keys.ts'
import type { Panel, Size } from './model.ts'
import { namesOf, signals } from './orders.ts'
import { inverse } from './text.ts'

export interface Box {
  readonly top: number
  readonly left: number
  readonly lines: readonly string[]
}

/** Null where the panel needs no box of its own. */
export function boxOf(panel: Panel | null, size: Size, paint: Paint): Box | null {
  switch (panel?.kind) {
    case undefined:
    case 'filter':
      return null
    case 'confirm':
      return boxed('', [panel.question, '', `${paint('bold', 'y')} yes   ${paint('bold', 'n')} no`], size)
    case 'signals': {
      const rows = columns(signals.map(({ name, meaning }) => [name, meaning])).map((line) => ` ${line} `)
      const widest = Math.max(...rows.map(width))
      const lines = rows.map((line, i) => (i === panel.at ? inverse(padEnd(line, widest)) : line))
      return boxed(`signal to ${namesOf(panel.target)}`, [...lines, '', 'Enter sends, Esc leaves'], size)
    }
    case 'help': {
      const lines = helpLines()
      const room = Math.max(1, size.rows - 6)
      const top = Math.min(panel.top, Math.max(0, lines.length - room))
      const more = lines.length > room ? '↑ ↓ show the rest, any other key leaves' : 'any key leaves'
      return boxed('keys', [...lines.slice(top, top + room), '', paint('dim', more)], size)
    }
    default:
      return panel satisfies never
  }
}

function helpLines(): readonly string[] {
  return columns(Object.values<KeyRow>(keyRows).map(({ shown, meaning }) => [shown, meaning]))
}

function boxed(title: string, lines: readonly string[], size: Size): Box {
  const most = size.columns - 6
  const inner = Math.min(most, Math.max(width(title) + 2, ...lines.map(width)))
  const body = lines.map((line) => `│ ${padEnd(width(line) > inner ? cut(clean(line), inner) : line, inner)} │`)
  const head = title === '' ? '' : ` ${cut(clean(title), inner - 2)} `
  const framed = [`┌${head}${'─'.repeat(inner + 2 - width(head))}┐`, ...body, `└${'─'.repeat(inner + 2)}┘`]
  return {
    top: Math.max(0, Math.floor((size.rows - framed.length) / 2)),
    left: Math.max(0, Math.floor((size.columns - inner - 4) / 2)),
    lines: framed,
  }
}
