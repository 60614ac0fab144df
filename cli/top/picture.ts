// The screen as it shall be: one painted line a row, what stands over it, and the curves that the terminal draws into
// the rows left empty for them. Pure.

import type { LogLine } from '../../src/api/contract.ts'
import { eventLine } from '../event-lines.ts'
import { clean, cut, outputLine, type Paint, percent, size, timeOfDay, width } from '../format.ts'
import { nameStyle } from '../log-lines.ts'
import { recordWords } from '../record-words.ts'
import { masterLine, totals } from './head.ts'
import { type KeyRow, keyRows } from './keys.ts'
import { isTooSmall, type Layout, layoutOf, logHeight, SMALLEST } from './layout.ts'
import { isShared, seenLines } from './log.ts'
import { answers, masterOf, troubleOf } from './masters.ts'
import type { Log, Model } from './model.ts'
import { isMaster } from './names.ts'
import { type Box, boxOf } from './panels.ts'
import { rowsOf } from './rows.ts'
import { tableLines } from './table.ts'
import { bars, fit, inverse, wrapped } from './text.ts'

/** Where the curves of one go, and what they show. */
export interface Curves {
  readonly top: number
  readonly height: number
  readonly name: string
  readonly cpu: readonly number[]
  readonly memory: readonly number[]
}

export interface Picture {
  readonly lines: readonly string[]
  readonly curves: Curves | null
  readonly box: Box | null
}

export interface Brush {
  readonly paint: Paint
  /** Programs' own colours may stay. */
  readonly colour: boolean
}

export function pictureOf(model: Model, brush: Brush): Picture {
  const { size: room } = model
  if (isTooSmall(room)) {
    const words = `needs ${SMALLEST.columns}x${SMALLEST.rows}, this is ${room.columns}x${room.rows}`
    return { lines: [fit(words, room.columns)], curves: null, box: null }
  }
  const box = boxOf(model.panel, room, brush.paint)
  if (model.view === 'log') return { lines: wholeLog(model, brush), curves: null, box }
  const layout = layoutOf(room)
  const curves = layout.usage.curves ? curvesOf(model, layout) : null
  return { lines: overview(model, layout, brush), curves, box }
}

function overview(model: Model, layout: Layout, brush: Brush): readonly string[] {
  const { paint } = brush
  const { columns } = model.size
  const lines: string[] = blank(model.size.rows)
  const put = (top: number, some: readonly string[]): void => {
    for (const [i, line] of some.entries()) lines[top + i] = line
  }
  put(0, [masterLine(model, paint), totals(model, paint)])
  put(2, tableLines(model, rowsOf(model), layout.table.height, paint))
  if (layout.usage.curves) put(layout.usage.top, [usageTitles(model, paint)])
  else put(layout.usage.top, [usageBars(model, paint)])
  put(layout.log.top, [titled(`log of ${clean(model.log.target ?? '-')}`, following(model.log), columns, paint)])
  put(
    layout.log.top + 1,
    logLines(model, brush, layout.log.height - 1, (text) => [fit(text, columns)]),
  )
  put(layout.events.top, [titled('events', '', columns, paint)])
  const events = model.events.slice(-(layout.events.height - 1))
  put(
    layout.events.top + 1,
    events.map((event) => fit(eventLine(event, paint, model.now), columns)),
  )
  put(layout.foot, [foot(model, paint)])
  return lines
}

function wholeLog(model: Model, brush: Brush): readonly string[] {
  const { columns, rows } = model.size
  const { log } = model
  const title = titled(`log of ${clean(log.target ?? '-')}`, following(log), columns, brush.paint)
  const lines = logLines(model, brush, logHeight(model), (text) => wrapped(text, columns)).map((one) =>
    fit(one, columns),
  )
  const filled = [masterLine(model, brush.paint), title, ...lines]
  return [...filled, ...blank(rows - 1 - filled.length), foot(model, brush.paint)]
}

const blank = (rows: number): string[] => Array.from({ length: Math.max(0, rows) }, () => '')

function usageBars(model: Model, paint: Paint): string {
  const { columns } = model.size
  const trail = model.trails.get(model.selected ?? '')
  const half = Math.floor((columns - 2) / 2)
  const cpu = trail?.cpu ?? []
  const memory = trail?.memory ?? []
  const one = (title: string, values: readonly number[], most: number, words: string): string =>
    `${paint('dim', title)} ${paint('cyan', bars(values, half - title.length - words.length - 2, most))} ${words}`
  const left = one('cpu', cpu, topOf(cpu, 1), percent(cpu.at(-1) ?? 0).padStart(6))
  const right = one('mem', memory, topOf(memory, 1), size(memory.at(-1) ?? 0).padStart(6))
  return fit(`${left}  ${right}`, columns)
}

/** A title over each curve: whose it is, and in what it is counted. */
function usageTitles(model: Model, paint: Paint): string {
  const { columns } = model.size
  const half = Math.floor(columns / 2)
  const trail = model.trails.get(model.selected ?? '')
  const who = clean(model.selected ?? '-')
  const cpu = titled(`cpu of ${who}, percent of a core`, percent(trail?.cpu.at(-1) ?? 0), half, paint)
  return cpu + titled(`memory of ${who}, MiB`, size(trail?.memory.at(-1) ?? 0), columns - half, paint)
}

/** What stands at the top of a curve: never 0, which nothing can be divided by. */
export function topOf(values: readonly number[], least: number): number {
  return Math.max(least, ...values)
}

function curvesOf(model: Model, layout: Layout): Curves {
  const trail = model.trails.get(model.selected ?? '')
  return {
    top: layout.usage.top + 1,
    height: layout.usage.height - 1,
    name: model.selected ?? '',
    cpu: trail?.cpu ?? [],
    memory: trail?.memory ?? [],
  }
}

function titled(left: string, right: string, columns: number, paint: Paint): string {
  const end = right === '' ? '' : ` ${right} ──`
  const start = `── ${cut(left, columns - width(end) - 4)} `
  return paint('dim', `${start}${'─'.repeat(Math.max(0, columns - width(start) - width(end)))}${end}`)
}

function following({ held, filter }: Log): string {
  return [...(filter === '' ? [] : [`lines with "${clean(filter)}"`]), held === null ? 'following' : 'held'].join(', ')
}

/** The newest lines that fit into `height` rows. */
function logLines(
  model: Model,
  { paint, colour }: Brush,
  height: number,
  fold: (text: string) => readonly string[],
): readonly string[] {
  if (height <= 0) return []
  const { log, now } = model
  const empty = gonesWords(model) ?? emptyWords(log)
  if (empty !== null)
    return wrapped(empty, model.size.columns)
      .slice(0, height)
      .map((line) => paint('dim', line))
  const shared = isShared(log)
  return seenLines(log, height)
    .flatMap((line) => fold(lineWords(line, isMaster(log.target), shared, paint, colour, now)))
    .slice(-height)
}

function lineWords(
  line: LogLine,
  master: boolean,
  shared: boolean,
  paint: Paint,
  colour: boolean,
  now: number,
): string {
  const { name, stream, time, text } = line
  if (name === '') return paint('yellow', text)
  const record = master ? recordWords(text, paint, now) : null
  const whose =
    shared && name !== ''
      ? `${paint(nameStyle(name), clean(name))} ${stream === 'stderr' ? paint('red', '!') : paint('dim', '|')} `
      : ''
  const when = time === null ? '' : `${paint('dim', timeOfDay(time, now))} `
  return record ?? `${whose}${when}${outputLine(text, colour).replaceAll('\t', '    ')}`
}

function emptyWords({ target, state, lines, filter }: Log): string | null {
  if (state.at === 'failed') return `cannot show it: ${clean(state.why)}`
  if (target === null) return 'nothing is selected'
  if (state.at === 'none') return 'it has no log file (log_file = none or inherit)'
  if (state.at === 'waiting') return ''
  return lines.length === 0 && filter === '' ? 'nothing is written yet' : null
}

/** Of a host that is down the whole reason, where its log would stand. */
function gonesWords({ log: { target, lines }, masters, now }: Model): string | null {
  const one = masters.length > 1 && lines.length === 0 ? masterOf({ masters }, target ?? '') : undefined
  const trouble = one === undefined || answers(one, now) ? null : troubleOf(one, now)
  return trouble === null ? null : `${trouble.state} ${trouble.words}`
}

function foot({ remark, panel, view, size: { columns } }: Model, paint: Paint): string {
  if (panel?.kind === 'filter')
    return fit(`${paint('bold', '/')}${clean(`x${panel.text}`).slice(1)}${inverse(' ')}`, columns)
  if (remark !== null) return fit(paint(remark.bad ? 'red' : 'green', clean(remark.text)), columns)
  let line = ''
  for (const { shown, short, views } of Object.values<KeyRow>(keyRows)) {
    if (short === undefined || !views.includes(view)) continue
    const next = `${line === '' ? '' : '  '}${paint('bold', shown)} ${short}`
    if (width(line + next) > columns) break
    line += next
  }
  return fit(line, columns)
}
