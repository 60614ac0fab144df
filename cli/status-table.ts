// The table of `status`: programs as the socket gives them -> lines. Pure; `now` is handed in. Every
// line fits the width it is given, whatever the names and reasons are. A plainly running process
// shows numbers; any other shows in words why it is as it is.

import type { ProcessState, ProcessStatus, Program, ProgramState } from '../src/api/contract.ts'
import {
  clean,
  count,
  cut,
  cutName,
  duration,
  type Paint,
  padEnd,
  padStart,
  percent,
  type Style,
  size,
  width,
} from './format.ts'
import { absentWords, keepingEnd, processWords } from './process-words.ts'

export { exitWords } from './process-words.ts'

export interface View {
  /** Columns that a line may take. */
  readonly columns: number
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly paint: Paint
  /** Columns that names take at least: those of other tables that stand below. */
  readonly names?: number
}

const GAP = '  '
/** `STARTING`, the longest state. */
const STATE = 8
const NUMBERS = [
  ['PID', 7],
  ['UPTIME', 7],
  ['CPU', 6],
  ['MEM', 6],
  ['RESTARTS', 8],
] as const
/** What stands right of the name when all numbers are shown. */
const FIXED = GAP.length + STATE + NUMBERS.reduce((sum, [, w]) => sum + GAP.length + w, 0)
const MIN_NAME = 8

/** The rule of `status`'s exit code: up and RUNNING, up and EXITED as expected, down and STOPPED, STANDBY. */
export function asWanted(p: ProcessStatus): boolean {
  if (p.state === 'STANDBY') return true
  if (p.wanted === 'down') return p.state === 'STOPPED'
  return p.state === 'RUNNING' || (p.state === 'EXITED' && p.exit?.expected === true)
}

export function statusTable(programs: readonly Program[], view: View): string[] {
  if (programs.length === 0) return ['no programs']
  const widest = Math.max(view.names ?? 0, widestName(programs))
  const name = Math.max(MIN_NAME, Math.min(widest, view.columns - FIXED))
  const head = [padEnd('NAME', name), padEnd('STATE', STATE), ...NUMBERS.map(([title, w]) => padStart(title, w))]
  const lines = [view.paint('dim', cut(head.join(GAP), view.columns))]
  for (const program of programs) {
    if (hasLine(program)) lines.push(programLine(program, name, view))
    for (const one of program.processes) lines.push(...processLines(one, program, name, view))
  }
  return lines
}

/** Columns that the longest name takes. */
export function widestName(programs: readonly Program[]): number {
  const names = programs.flatMap((p) => [...(hasLine(p) ? [p.program] : []), ...p.processes.map((one) => one.name)])
  return Math.max(MIN_NAME, ...names.map(width))
}

/** `12 processes: 10 running, 2 backoff` */
export function summary(programs: readonly Program[]): string {
  const states = new Map<ProcessState, number>()
  let total = 0
  for (const { state } of programs.flatMap((p) => p.processes)) {
    states.set(state, (states.get(state) ?? 0) + 1)
    total++
  }
  const parts = [...states].map(([state, n]) => `${n} ${state.toLowerCase()}`)
  return `${count(total, 'process', 'processes')}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`
}

/** How far it is with new processes in the place of those that were there `before`. */
export function replacing(before: readonly Program[], now: readonly Program[]): string {
  const all = (programs: readonly Program[]) => programs.flatMap((p) => p.processes)
  const pids = new Map(all(before).map(({ name, pid }) => [name, pid]))
  const replaced = all(now).filter(({ name, pid }) => pid !== null && pids.has(name) && pids.get(name) !== pid)
  const next = all(now).flatMap(({ name, replacement }) => (replacement ? [`${name} ${replacement.state}`] : []))
  const parts = [summary(now), `${replaced.length} of ${pids.size} replaced`, ...next]
  return parts.map(clean).join(', ')
}

export function stateStyle(state: ProgramState, fine: boolean): Style | null {
  switch (state) {
    case 'RUNNING':
      return 'green'
    case 'STARTING':
    case 'STOPPING':
    case 'BACKOFF':
    case 'DEGRADED':
      return 'yellow'
    case 'FATAL':
      return 'red'
    case 'EXITED':
      return fine ? 'dim' : 'red'
    case 'STOPPED':
      return 'dim'
    case 'STANDBY':
      return 'cyan'
    default:
      return state satisfies never
  }
}

/** A program has a line of its own when its processes' lines do not tell all: none, not the wanted number, or mixed. */
function hasLine(p: Program): boolean {
  if (p.processes.length === 0) return true
  return p.processes.length > 1 && p.processes.some((one) => one.state !== p.state)
}

function programLine(p: Program, nameWidth: number, view: View): string {
  const words = p.processes.length === 0 ? absentWords(p) : `${p.running} of ${p.desired} running`
  const room = view.columns - nameWidth - STATE - 2 * GAP.length
  return [
    view.paint('bold', padEnd(cut(clean(p.program), nameWidth), nameWidth)),
    view.paint(stateStyle(p.state, true), padEnd(p.state, STATE)),
    cut(words, room),
  ].join(GAP)
}

function processLines(p: ProcessStatus, program: Program, nameWidth: number, view: View): string[] {
  const fine = asWanted(p)
  const state = view.paint(stateStyle(p.state, fine), padEnd(p.state, STATE))
  const start = [padEnd(cutName(clean(p.name), nameWidth), nameWidth), state].join(GAP)
  const words = processWords(program, p, view.now)
  const room = view.columns - nameWidth - STATE - 2 * GAP.length
  if (p.pid === null) return [words === '' ? start.trimEnd() : `${start}${GAP}${paintWords(words, room, p, view)}`]
  if (p.state === 'STARTING' || p.state === 'STOPPING') {
    const pid = padStart(String(p.pid), NUMBERS[0][1])
    const up = padStart(p.uptime === null ? '-' : duration(p.uptime), NUMBERS[1][1])
    const left = room - pid.length - up.length - 2 * GAP.length
    return [[start, pid, up, ...(words === '' || left < 1 ? [] : [paintWords(words, left, p, view)])].join(GAP)]
  }
  const cells = [
    String(p.pid),
    p.uptime === null ? '-' : duration(p.uptime),
    p.cpu === null ? '-' : percent(p.cpu),
    p.memory === null ? '-' : size(p.memory),
    String(p.restarts),
  ].map((cell, i) => padStart(cell, NUMBERS[i]?.[1] ?? 0))
  const line = cutPainted(start, cells, nameWidth, view)
  return words === '' ? [line] : [line, `${GAP}${view.paint('dim', cut(words, view.columns - GAP.length))}`]
}

/** On a terminal too narrow for all numbers, the last ones go. */
function cutPainted(start: string, cells: readonly string[], nameWidth: number, view: View): string {
  let used = nameWidth + GAP.length + STATE
  let line = start
  for (const cell of cells) {
    used += GAP.length + cell.length
    if (used > view.columns) break
    line += GAP + cell
  }
  return line
}

function paintWords(words: string, room: number, p: ProcessStatus, view: View): string {
  const style = p.state === 'FATAL' ? 'red' : p.state === 'STOPPED' || asWanted(p) ? 'dim' : null
  return view.paint(style, keepingEnd(words, room))
}
