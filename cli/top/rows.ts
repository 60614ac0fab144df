// The rows of the table: programs and below each its processes, filtered, folded and sorted; and where the selection
// is among them. Pure. The selection is a name: rows come, go and move, and it stays on its process.

import type { ProcessStatus, Program } from '../../src/api/contract.ts'
import { asWanted } from '../status-table.ts'
import { programsOf, troubleOf } from './masters.ts'
import type { Model, Sort, Trail, Watched } from './model.ts'
import { isProcess, named, programOf } from './names.ts'
import { sum } from './programs.ts'

export type Row =
  /** One of several hosts of which there is something to say. Its name is that of its master. */
  | { readonly kind: 'host'; readonly name: string; readonly host: string; readonly trouble: Trouble }
  | { readonly kind: 'program'; readonly name: string; readonly program: Program; readonly folded: boolean }
  | {
      readonly kind: 'process'
      readonly name: string
      readonly program: Program
      readonly process: ProcessStatus
      /** It stands for its program as well, which has no other process. */
      readonly alone: boolean
    }

type Trouble = NonNullable<ReturnType<typeof troubleOf>>
type Facts = Pick<Model, 'now' | 'masters' | 'trails' | 'filter' | 'folded' | 'sort'>

/** By host in the order of the file; in every other order programs of all hosts stand among each other. */
export function rowsOf(facts: Facts): readonly Row[] {
  const { masters, sort } = facts
  return sort === 'file' ? masters.flatMap((one) => rowsOfSome([one], facts)) : rowsOfSome(masters, facts)
}

function rowsOfSome(some: readonly Watched[], { masters, now, trails, filter, folded, sort }: Facts): readonly Row[] {
  const text = filter.toLowerCase()
  const fits = (name: string, state: string): boolean =>
    text === '' || name.toLowerCase().includes(text) || state.toLowerCase().includes(text)
  const worth = figureOf(sort, trails)
  const rows: Row[] = []
  for (const one of masters.length > 1 ? some : []) {
    const trouble = troubleOf(one, now)
    if (one.host === null || trouble === null || !fits(one.host, trouble.state)) continue
    rows.push({ kind: 'host', name: named(one.host, 'master'), host: one.host, trouble })
  }
  for (const program of sorted(programsOf({ masters: some }), (one) => worth.program(one))) {
    const whole = fits(program.program, program.state)
    const shown = whole ? program.processes : program.processes.filter((one) => fits(one.name, one.state))
    if (!whole && shown.length === 0) continue
    const [only] = program.processes
    if (only && program.processes.length === 1 && program.desired <= 1) {
      rows.push({ kind: 'process', name: only.name, program, process: only, alone: true })
      continue
    }
    const closed = folded.has(program.program) && program.processes.length > 0
    rows.push({ kind: 'program', name: program.program, program, folded: closed })
    if (closed) continue
    for (const process of sorted(shown, (one) => worth.process(one))) {
      rows.push({ kind: 'process', name: process.name, program, process, alone: false })
    }
  }
  return rows
}

/** The largest first; equal ones as they came. Without a figure it is the order of the file. */
function sorted<Item>(items: readonly Item[], figure: (item: Item) => number): readonly Item[] {
  return items
    .map((item) => ({ item, at: figure(item) }))
    .sort((a, b) => b.at - a.at)
    .map(({ item }) => item)
}

interface Figures {
  process(one: ProcessStatus): number
  program(one: Program): number
}

function figureOf(sort: Sort, trails: ReadonlyMap<string, Trail>): Figures {
  const each = (own: (one: ProcessStatus) => number | null): Figures => ({
    process: (one) => own(one) ?? -1,
    program: ({ processes }) => sum(processes.map(own)) ?? -1,
  })
  switch (sort) {
    case 'file':
      return { process: () => 0, program: () => 0 }
    case 'cpu':
      return each((one) => one.cpu)
    case 'memory':
      return each((one) => one.memory)
    case 'requests':
      return each((one) => trails.get(one.name)?.rate ?? null)
    case 'restarts':
      return each((one) => one.restarts)
    case 'uptime':
      return {
        process: (one) => one.uptime ?? -1,
        program: ({ processes }) => Math.max(-1, ...processes.map((one) => one.uptime ?? -1)),
      }
    case 'state':
      return {
        process: trouble,
        program: ({ processes, desired }) => Math.max(desired === 0 ? 0 : 1, ...processes.map(trouble)),
      }
    default:
      return sort satisfies never
  }
}

/** The worst first. */
function trouble(one: ProcessStatus): number {
  if (!asWanted(one)) return one.state === 'FATAL' ? 6 : one.state === 'BACKOFF' || one.state === 'EXITED' ? 5 : 4
  if (one.state === 'RUNNING') return one.ready ? 2 : 3
  return 1
}

/** Where the selection is; the first row when it is nowhere, -1 when there is none. */
export function indexOf(rows: readonly Row[], selected: string | null): number {
  const found = rows.findIndex((row) => row.name === selected)
  return found >= 0 ? found : rows.length === 0 ? -1 : 0
}

/**
 * The selection when the rows have changed: the same name; its program where that hides it, or the process where a
 * program has only that one now; else whoever stands where it stood.
 */
export function keptSelection(before: readonly Row[], after: readonly Row[], selected: string | null): string | null {
  if (selected !== null && after.some((row) => row.name === selected)) return selected
  const program = programOf(selected ?? '')
  const near = after.find((row) => row.kind !== 'host' && row.program.program === program)
  if (near && selected && (!isProcess(selected) || (near.kind === 'program' && near.folded))) return near.name
  const at = Math.max(0, indexOf(before, selected))
  return after[Math.min(at, after.length - 1)]?.name ?? null
}

/** The first row to show, so that the selection is seen. */
export function topFor(top: number, at: number, height: number, count: number): number {
  const most = Math.max(0, count - height)
  if (at < 0) return 0
  if (at < top) return Math.min(at, most)
  if (at >= top + height) return Math.min(at - height + 1, most)
  return Math.min(top, most)
}
