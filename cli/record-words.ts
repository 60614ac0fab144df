// A line of the master's own log (a JSON record) in words: `12:00:01 web:0  STARTING -> RUNNING  pid 4711`.
// Pure. What is no such record is the caller's to show as it is.

import { type ProcessState, processStates } from '../src/api/contract.ts'
import { clean, type Paint, type Style, timeOfDay } from './format.ts'
import { stateStyle } from './status-table.ts'

/** Null when the text is no record. */
export function recordWords(text: string, paint: Paint, now: number): string | null {
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof record !== 'object' || record === null) return null
  const { level, time, msg, ...facts } = record as Record<string, unknown>
  if (typeof level !== 'string' || typeof time !== 'string' || typeof msg !== 'string') return null
  const words =
    msg === 'state' ? stateWords(facts, paint) : msg === 'called' ? callWords(facts) : otherWords(msg, facts)
  const style = levelStyles[level]
  const loud = style === 'red' || style === 'yellow'
  return [
    paint('dim', timeOfDay(time, now)),
    paint(style ?? null, clean(level).padEnd(5)),
    loud ? paint(style, words) : words,
  ].join(' ')
}

const levelStyles: Readonly<Record<string, Style>> = {
  trace: 'dim',
  debug: 'dim',
  info: 'dim',
  warn: 'yellow',
  error: 'red',
  fatal: 'red',
}

/** A state in its colour; an unknown word as it is. */
export function stateWord(state: unknown, paint: Paint): string {
  const word = clean(String(state))
  return paint(
    (processStates as readonly string[]).includes(word) ? stateStyle(word as ProcessState, true) : null,
    word,
  )
}

function stateWords(facts: Readonly<Record<string, unknown>>, paint: Paint): string {
  const { name, from, to, pid, reason } = facts
  const more = [
    ...(typeof reason === 'string' ? [clean(reason)] : []),
    ...(typeof pid === 'number' ? [`pid ${pid}`] : []),
  ]
  return [
    `${shown(name)}  ${shown(from)} -> ${stateWord(to, paint)}`,
    ...(more.length > 0 ? [more.join(', ')] : []),
  ].join('  ')
}

function callWords({ method, params, uid, pid }: Readonly<Record<string, unknown>>): string {
  const {
    wait: _wait,
    target,
    ...rest
  } = (typeof params === 'object' && params !== null ? params : {}) as Record<string, unknown>
  const targets = Array.isArray(target) ? target : target === undefined ? [] : [target]
  const words = [method, ...targets].map(shown).join(' ')
  return [words, ...facts(rest), `(uid ${shown(uid)}, pid ${shown(pid)})`].join(' ')
}

function otherWords(msg: string, { program: _program, ...rest }: Readonly<Record<string, unknown>>): string {
  return [clean(msg), ...facts(rest)].join(' ')
}

function facts(all: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(all).map(([key, value]) => `${clean(key)}=${shown(value)}`)
}

function shown(value: unknown): string {
  return clean(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null'))
}
