// The table of processes as lines: as many columns as there is room for. Pure.

import type { ProcessStatus, Program } from '../../src/api/contract.ts'
import {
  clean,
  countdown,
  cut,
  cutName,
  duration,
  type Paint,
  padEnd,
  padStart,
  percent,
  size,
  width,
} from '../format.ts'
import { scheduleWords } from '../run-words.ts'
import { asWanted, exitWords, stateStyle } from '../status-table.ts'
import { answers, masterOf, programsOf } from './masters.ts'
import type { Model, Sort, Trail } from './model.ts'
import { hostOf, ownName } from './names.ts'
import { sum } from './programs.ts'
import { indexOf, type Row } from './rows.ts'
import { fit, inverse } from './text.ts'

interface Column {
  readonly title: string
  readonly width: number
  readonly sort: Sort | null
  cell(row: Row, trail: Trail | undefined): string
}

/** Of a process, or all of a program. */
const figure = (row: Row, own: (one: ProcessStatus) => number | null): number | null =>
  row.kind === 'process' ? own(row.process) : row.kind === 'host' ? null : sum(row.program.processes.map(own))

const shown = (value: number | null, words: (value: number) => string): string => (value === null ? '-' : words(value))

const columns: readonly Column[] = [
  { title: 'READY', width: 5, sort: null, cell: readyCell },
  { title: 'PID', width: 7, sort: null, cell: (row) => (row.kind === 'process' ? shown(row.process.pid, String) : '') },
  {
    title: 'UPTIME',
    width: 7,
    sort: 'uptime',
    cell: (row) => (row.kind === 'process' ? shown(row.process.uptime, duration) : ''),
  },
  {
    title: 'CPU',
    width: 6,
    sort: 'cpu',
    cell: (row) =>
      shown(
        figure(row, (one) => one.cpu),
        percent,
      ),
  },
  {
    title: 'MEM',
    width: 6,
    sort: 'memory',
    cell: (row) =>
      shown(
        figure(row, (one) => one.memory),
        size,
      ),
  },
  { title: 'REQ/S', width: 6, sort: 'requests', cell: (_row, trail) => shown(trail?.rate ?? null, rate) },
  {
    title: 'RESTARTS',
    width: 8,
    sort: 'restarts',
    cell: (row) =>
      shown(
        figure(row, (one) => one.restarts),
        String,
      ),
  },
]

const STATE = 8
/** Mark, and the sign of a program. */
const EDGE = 2
const LEAST_NAME = 12
/** With the host in it. */
const LEAST_LONG_NAME = 24
const LEAST_WORDS = 10

interface Shape {
  readonly name: number
  readonly gap: string
  readonly columns: readonly Column[]
  /** Room for words behind the figures; 0 = none. */
  readonly words: number
}

function shapeOf(rows: readonly Row[], room: number, hosts: boolean): Shape {
  const gap = room < 100 ? ' ' : '  '
  const taken: Column[] = []
  const widest = Math.max(
    LEAST_NAME,
    ...rows.map((row) => width(clean(row.kind === 'host' ? row.host : row.name)) + indentOf(row).length),
  )
  const least = hosts ? Math.min(widest, LEAST_LONG_NAME) : LEAST_NAME
  let left = room - EDGE - least - gap.length - STATE
  for (const column of columns) {
    left -= gap.length + column.width
    if (left < 0) break
    taken.push(column)
  }
  const fixed = EDGE + gap.length + STATE + taken.reduce((all, column) => all + gap.length + column.width, 0)
  const name = Math.min(widest, room - fixed)
  const words = room - fixed - name - 2
  return { name, gap, columns: taken, words: words < LEAST_WORDS ? 0 : words }
}

/** The titles, and `height` rows from `model.top` on; each line exactly as wide as the screen. */
export function tableLines(model: Model, rows: readonly Row[], height: number, paint: Paint): readonly string[] {
  const room = model.size.columns
  const shape = shapeOf(rows, room, model.masters.length > 1)
  const at = indexOf(rows, model.selected)
  const lines = rows.slice(model.top, model.top + height).map((row, i) => {
    const line = fit(lineOf(row, shape, model, paint), room)
    return model.top + i === at ? inverse(line) : line
  })
  if (rows.length === 0) lines.push(fit(`  ${paint('dim', emptyWords(model))}`, room))
  return [fit(titles(shape, model.sort, paint), room), ...lines]
}

function emptyWords(model: Model): string {
  const { filter, masters } = model
  if (masters.every(({ lookedAt }) => lookedAt === 0)) return '' // nothing was said yet
  if (programsOf(model).length === 0) return 'no programs'
  return `nothing has "${filter}" in its name or state (Esc shows all again)`
}

function titles(shape: Shape, sort: Sort, paint: Paint): string {
  const title = (text: string, own: Sort | null): string => paint(own === sort ? 'bold' : 'dim', text)
  return [
    `${' '.repeat(EDGE)}${title(padEnd('NAME', shape.name), 'file')}`,
    title(padEnd('STATE', STATE), 'state'),
    ...shape.columns.map((column) => title(padStart(column.title, column.width), column.sort)),
  ].join(shape.gap)
}

function lineOf(row: Row, shape: Shape, model: Model, paint: Paint): string {
  const { gap } = shape
  if (row.kind === 'host') {
    const name = padEnd(cut(clean(row.host), shape.name), shape.name)
    const { state, words } = row.trouble
    const style = state === 'DOWN' || state === 'SILENT' ? 'red' : 'yellow'
    return `  ${paint('bold', name)}${gap}${paint(style, `${padEnd(state, STATE)}${gap}${words}`)}`
  }
  const own = masterOf(model, row.name)
  const past = model.masters.length > 1 && own !== undefined && !answers(own, model.now)
  return past ? paint('dim', lineOfOne(row, shape, model, plain)) : lineOfOne(row, shape, model, paint)
}

const plain: Paint = (_style, text) => text

function lineOfOne(row: Exclude<Row, { kind: 'host' }>, shape: Shape, model: Model, paint: Paint): string {
  const { gap } = shape
  const mark = model.marked.has(row.name) ? paint('yellow', '*') : ' '
  const state = row.kind === 'program' ? row.program.state : row.process.state
  const fine = row.kind === 'program' || asWanted(row.process)
  const sign = row.kind === 'program' ? (row.folded ? '+' : '-') : ' '
  const indent = indentOf(row)
  const name = padEnd(`${indent}${nameIn(row.name, shape.name - indent.length)}`, shape.name)
  const start = [
    `${mark}${paint('dim', sign)}${row.kind === 'program' ? paint('bold', name) : name}`,
    paint(stateStyle(state, fine), padEnd(state, STATE)),
  ].join(gap)
  const words = row.kind === 'program' ? '' : wordsOf(row.program, row.process, model.now)
  if (row.kind === 'process' && row.process.pid === null) {
    return `${start}${gap}${paint(row.process.state === 'FATAL' ? 'red' : fine ? 'dim' : null, words)}`
  }
  const trail = model.trails.get(row.name)
  const cells = shape.columns.map((column) => padStart(column.cell(row, trail), column.width))
  const line = [start, ...cells].join(gap)
  return shape.words === 0 || words === '' ? line : `${line}  ${paint('dim', cut(words, shape.words))}`
}

const indentOf = (row: Row): string => (row.kind === 'process' && !row.alone ? '  ' : '')

/** Of a long one the host is cut: the name of the program says more. */
function nameIn(name: string, columns: number): string {
  const host = hostOf(name)
  const own = clean(ownName(name))
  const room = columns - width(own) - 1
  return host === null || room < 2 ? cutName(own, columns) : `${cut(clean(host), room)}/${own}`
}

function readyCell(row: Row): string {
  if (row.kind === 'host') return ''
  if (row.kind === 'program') return `${row.program.running}/${row.program.desired}`
  return row.process.ready ? 'yes' : 'no'
}

const rate = (value: number): string => (value < 99.95 ? value.toFixed(1) : String(Math.round(value)))

/** Why it is as it is. */
function wordsOf(program: Program, p: ProcessStatus, now: number): string {
  const wait = p.nextAttemptAt === null ? null : (Date.parse(p.nextAttemptAt) - now) / 1000
  const why = p.reason ?? (p.exit !== null && p.pid === null && p.state !== 'STOPPED' ? exitWords(p.exit) : null)
  return clean(
    [
      ...(why === null ? [] : [why]),
      ...(wait !== null && p.pid === null ? [wait > 0 ? `again in ${countdown(wait)}` : 'again now'] : []),
      ...(p.health?.state === 'failing' ? ['unhealthy'] : []),
      ...(p.replacement === null ? [] : [`replacement is ${p.replacement.state}`]),
      ...(p.statusText ? [p.statusText] : []),
      ...scheduleWords(program, p, now),
    ].join(', '),
  )
}
