// The state table as a reader of docs/architecture.md sees it, made of the very table that runs.

import { rules } from '../../src/core/instance.ts'
import type { At, Event } from '../../src/core/state.ts'

const states = Object.keys(rules) as At[]

/** In the order in which the table first names them. */
export function eventNames(): Event['type'][] {
  return [...new Set(states.flatMap((at) => Object.keys(rules[at]) as Event['type'][]))]
}

/** A row an event, a column a state; a cell is the function that answers, empty where nothing changes. */
export function stateTable(): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`.replaceAll(/ {2,}\|/g, ' |')
  return [
    row(['event', ...states]),
    row(['---', ...states.map(() => '---')]),
    ...eventNames().map((name) => row([name, ...states.map((at) => rules[at][name]?.name ?? '')])),
  ].join('\n')
}
