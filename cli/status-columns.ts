// The table of `status` with columns by choice, or all that matter (`--wide`): a line a process, each column as
// wide as its widest cell. Pure; `now` is handed in.

import type { ProcessStatus, Program } from '../src/api/contract.ts'
import { clean, columns, cut, duration, padStart, percent, size } from './format.ts'
import { absentWords, exitWords, processWords } from './process-words.ts'
import { stateStyle, type View } from './status-table.ts'

interface Row {
  readonly program: Program
  /** null: the program has none. */
  readonly process: ProcessStatus | null
  readonly now: number
}

interface Column {
  readonly title: string
  /** Numbers stand right. */
  readonly right?: true
  /** null = nothing to say. */
  cell(row: Row): string | null
}

type Fact = string | number | null | undefined

/** A column of what the process says itself. */
const of = (title: string, fact: (p: ProcessStatus) => Fact): Column => ({
  title,
  cell: ({ process }) => textOf(process && fact(process)),
})
const numberOf = (title: string, fact: (p: ProcessStatus) => Fact): Column => ({ ...of(title, fact), right: true })

const textOf = (fact: Fact): string | null => (fact === null || fact === undefined || fact === '' ? null : `${fact}`)
const milliseconds = (seconds: number): string => `${Number((seconds * 1000).toPrecision(3))}ms`

const table = {
  name: { title: 'NAME', cell: ({ program, process }) => process?.name ?? program.program },
  program: { title: 'PROGRAM', cell: ({ program }) => program.program },
  slot: numberOf('SLOT', (p) => p.slot),
  state: { title: 'STATE', cell: ({ program, process }) => process?.state ?? program.state },
  wanted: of('WANTED', (p) => p.wanted),
  ready: of('READY', (p) => (p.ready ? 'yes' : 'no')),
  pid: numberOf('PID', (p) => p.pid),
  uptime: numberOf('UPTIME', (p) => (p.uptime === null ? null : duration(p.uptime))),
  started: of('STARTED', (p) => p.startedAt),
  cpu: numberOf('CPU', (p) => (p.cpu === null ? null : percent(p.cpu))),
  memory: numberOf('MEM', (p) => (p.memory === null ? null : size(p.memory))),
  restarts: numberOf('RESTARTS', (p) => p.restarts),
  recycles: numberOf('RECYCLES', (p) => p.recycles),
  generation: numberOf('GENERATION', (p) => p.generation),
  requests: numberOf('REQUESTS', (p) => p.requests),
  errors: numberOf('ERRORS', (p) => p.errors),
  inflight: numberOf('INFLIGHT', (p) => p.inFlight),
  latency: numberOf('P95', (p) => p.latency && milliseconds(p.latency.p95)),
  health: of('HEALTH', (p) => p.health?.state),
  exit: of('EXIT', (p) => p.exit && exitWords(p.exit)),
  next: numberOf('NEXT', (p) => p.nextAttemptAt),
  groups: { title: 'GROUPS', cell: ({ program }) => textOf(program.groups?.join(',')) },
  desired: { title: 'DESIRED', right: true, cell: ({ program }) => String(program.desired) },
  reason: {
    title: 'REASON',
    cell: ({ program, process, now }) => textOf(process ? processWords(program, process, now) : absentWords(program)),
  },
} satisfies Readonly<Record<string, Column>>

export type ColumnName = keyof typeof table
export const columnNames = Object.keys(table) as ColumnName[]

/** What `--wide` shows; those of them in which nobody has anything to say are left out. */
const wide: readonly ColumnName[] = [
  'name',
  'state',
  'ready',
  'pid',
  'uptime',
  'cpu',
  'memory',
  'restarts',
  'recycles',
  'requests',
  'errors',
  'inflight',
  'latency',
  'health',
  'exit',
  'groups',
  'reason',
]

/** @param chosen null = `--wide` */
export function columnsTable(programs: readonly Program[], chosen: readonly ColumnName[] | null, view: View): string[] {
  const rows = programs.flatMap((program): Row[] => {
    const process = program.processes.map((one) => ({ program, process: one, now: view.now }))
    return process.length > 0 ? process : [{ program, process: null, now: view.now }]
  })
  const cells = (name: ColumnName): (string | null)[] => {
    const column: Column = table[name]
    return rows.map((row) => {
      const text = column.cell(row)
      return text === null ? null : clean(text)
    })
  }
  const shown = (chosen ?? wide)
    .map((name) => ({ column: table[name] as Column, texts: cells(name) }))
    .filter(({ texts }) => chosen !== null || texts.some((text) => text !== null))
  const lines = columns([
    shown.map(({ column, texts }) => aligned(column, column.title, texts)),
    ...rows.map((_row, at) => shown.map(({ column, texts }) => aligned(column, texts[at] ?? '-', texts))),
  ])
  return lines.map((line, at) => painted(cut(line, view.columns), rows[at - 1], view))
}

function aligned({ title, right }: Column, text: string, all: readonly (string | null)[]): string {
  return right ? padStart(text, Math.max(title.length, ...all.map((one) => (one ?? '-').length))) : text
}

/** The head is dim, and a state has its colour. */
function painted(line: string, row: Row | undefined, { paint }: View): string {
  if (!row) return paint('dim', line)
  const state = row.process?.state ?? row.program.state
  return line.replace(new RegExp(`(?<= |^)${state}(?= |$)`), (word) => paint(stateStyle(state, true), word))
}
