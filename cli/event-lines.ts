// Events as people read them, a line each: `12:00:01  web:0  RUNNING -> BACKOFF  exit 1, again in 0.2s`.
// Pure. An event of a later master, or with facts that are not as expected, is still one clean line.

import type { Happening, ProcessStatus } from '../src/api/contract.ts'
import { clean, count, countdown, type Paint, padEnd, timeOfDay } from './format.ts'
import { stateWord } from './record-words.ts'

/** Where the words begin, for most names. */
const NAME = 12

export function eventLine(event: Happening, paint: Paint, now: number): string {
  const who = clean(event.name ?? event.program ?? (event.topic.startsWith('log.') ? 'log' : 'master'))
  return [paint('dim', timeOfDay(event.time, now)), padEnd(who, NAME), wordsOf(event, paint, now)].join('  ')
}

function wordsOf(event: Happening, paint: Paint, now: number): string {
  switch (event.topic) {
    case 'process.state':
      return stateChange(event, paint)
    case 'process.ready':
      return paint('dim', event.ready === true ? 'ready' : 'not ready')
    case 'process.recycled':
      return event.ok === true ? 'recycled' : paint('yellow', `could not be recycled: ${text(event.error)}`)
    case 'process.health':
      return event.state === 'failing' ? paint('red', `unhealthy: ${text(event.error)}`) : paint('green', 'healthy')
    case 'process.hook':
      return paint('yellow', text(event.error))
    case 'program.scaled':
      return `${text(event.from)} -> ${count(Number(event.to), 'process', 'processes')}`
    case 'program.reload':
      return reloadWords(event, paint)
    case 'program.schedule':
      return scheduleEvent(event, paint, now)
    case 'config.updated':
      return configWords(event)
    case 'master.started':
      return `started  pid ${text(event.pid)}, version ${text(event.version)}`
    case 'master.adopted':
      return `took over ${count(Number(event.processes), 'process', 'processes')}, ${text(event.ended)} had ended meanwhile`
    case 'master.upgraded':
      return `upgraded in place  pid ${text(event.pid)}, version ${text(event.from)} -> ${text(event.to)}`
    case 'master.stopping':
      return paint('yellow', `stopping  ${text(event.reason)}`)
    case 'log.trouble':
      return event.error === null
        ? `${text(event.file)} is written again${droppedWords(event.dropped)}`
        : paint('red', `cannot write ${text(event.file)}: ${text(event.error)}`)
    default:
      return unknownWords(event)
  }
}

function scheduleEvent({ what, at, nextRunAt, time }: Happening, paint: Paint, now: number): string {
  const next = typeof nextRunAt === 'string' ? Date.parse(nextRunAt) - Date.parse(time) : null
  const then = next === null ? 'no next run' : `next run in ${countdown(next / 1000)}`
  const due = typeof at === 'string' ? timeOfDay(at, now) : 'an unknown time'
  if (what === 'due') return `the run of ${due} begins; ${then}`
  if (what === 'skipped') return paint('yellow', `the run of ${due} is skipped, one is under way; ${then}`)
  if (what === 'missed') return paint('yellow', `the run of ${due} was missed; ${then}`)
  return then
}

function droppedWords(dropped: unknown): string {
  const { lines, bytes } = record(dropped)
  return typeof lines === 'number' ? `; ${count(lines, 'line', 'lines')} (${text(bytes)} bytes) lost meanwhile` : ''
}

function stateChange(event: Happening, paint: Paint): string {
  const { from, to, pid, exit, reason, time } = event
  const row = record(event.process) as Partial<ProcessStatus>
  const why = exitOf(exit)
  const said = typeof row.reason === 'string' ? row.reason : typeof reason === 'string' ? reason : null
  const details = [
    ...(why !== null && !said?.startsWith(why) ? [why] : []),
    ...(said === null ? [] : [clean(said)]),
    ...(typeof pid === 'number' && saysPid(to) && why === null ? [`pid ${pid}`] : []),
    ...(typeof row.nextAttemptAt === 'string' && to === 'BACKOFF' ? [again(row.nextAttemptAt, time)] : []),
  ].join(', ')
  const change =
    from === to || from === null
      ? stateWord(to, paint)
      : `${text(from)} -> ${to === null ? paint('dim', 'gone') : stateWord(to, paint)}`
  return details === '' ? change : `${change}  ${details}`
}

function saysPid(state: unknown): boolean {
  return state === 'STARTING' || state === 'RUNNING' || state === 'STOPPING'
}

function exitOf(exit: unknown): string | null {
  const { code, signal } = record(exit)
  if (typeof signal === 'string') return clean(signal)
  return typeof code === 'number' ? `exit ${code}` : null
}

function again(at: string, time: string): string {
  const seconds = (Date.parse(at) - Date.parse(time)) / 1000
  return seconds > 0 ? `again in ${countdown(seconds)}` : 'again now'
}

function reloadWords({ what, phase, names, error }: Happening, paint: Paint): string {
  const verb = what === 'update' ? 'update' : 'reload'
  if (typeof error === 'string') return paint('red', `${verb} failed: ${clean(error)}`)
  const slots = Array.isArray(names) ? count(names.length, 'process', 'processes') : ''
  return phase === 'begun' ? `${verb} of ${slots} begins` : paint('green', `${verb} of ${slots} done`)
}

function configWords({ added, changed, removed, master }: Happening): string {
  const parts = [
    ...list(added).map((name) => `+${text(name)}`),
    ...list(changed).map((one) => `~${text(record(one).program)}`),
    ...list(removed).map((name) => `-${text(name)}`),
    ...(list(master).length > 0 ? ['~[master]'] : []),
  ]
  return `configuration updated${parts.length === 0 ? ', no changes' : `  ${parts.join(' ')}`}`
}

function unknownWords(event: Happening): string {
  const { seq: _seq, time: _time, topic, program: _program, name: _name, ...facts } = event
  return [topic as string, ...Object.entries(facts).map(([key, value]) => `${clean(key)}=${text(value)}`)]
    .map(clean)
    .join(' ')
}

function text(value: unknown): string {
  return clean(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null'))
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
