// Why a process is as it is, in words, from what status says of it: `exit 1, again in 3.2s, failed start 4 of 10`.
// Pure; `now` is handed in. One line, safe for a terminal.

import type { ExitFacts, ProcessState, ProcessStatus, Program } from '../src/api/contract.ts'
import { clean, count, countdown, cut, duration, width } from './format.ts'
import { scheduleWords } from './run-words.ts'

/** Empty for one that plainly runs. */
export function processWords(program: Program, p: ProcessStatus, now: number): string {
  return clean([...notes(p, now), ...scheduleWords(program, p, now)].join('; '))
}

/** Of a program that has none. */
export function absentWords({ program, desired }: Program): string {
  if (desired === 0) return clean(`no processes wanted (phctl scale ${program} N)`)
  return `${count(desired, 'process', 'processes')} wanted, none there yet`
}

/** How a process ended: `exit 1`, `SIGKILL`, `SIGKILL (out of memory)`. */
export function exitWords(exit: ExitFacts): string {
  const how = exit.signal ?? (exit.code === null ? 'exit status unknown' : `exit ${exit.code}`)
  if (exit.oom === true) return `${how} (out of memory)`
  return exit.forced ? `${how} (did not stop in time)` : how
}

/** As cut, but what comes behind the error, when it is tried again and how often it was, is kept where it can be. */
export function keepingEnd(words: string, room: number): string {
  if (width(words) <= room) return words
  const at = words.search(/(, again (in|now)|; \d+ starts in a row|, gives up in).*$/)
  const end = at < 0 ? '' : words.slice(at)
  return width(end) > (room * 2) / 3
    ? cut(words, room)
    : `${cut(words.slice(0, words.length - end.length), room - width(end))}${end}`
}

/** Most important first. */
function notes(p: ProcessStatus, now: number): string[] {
  const said: string[] = []
  if (p.reason !== null) said.push(...(p.state === 'BACKOFF' ? tries(p.reason, p, now) : [p.reason]))
  else if (p.exit !== null && saysExit(p.state)) said.push(exitWords(p.exit))
  if (p.exit !== null && p.state === 'EXITED') append(said, `${duration(since(p.exit.at, now))} ago`, /\bago\b/)
  if (p.exit !== null && p.state === 'STOPPED' && p.reason === null) {
    const how = p.exit.forced || p.exit.oom === true ? `: ${exitWords(p.exit)}` : ''
    said.push(`ended ${duration(since(p.exit.at, now))} ago${how}`)
  }
  if (p.nextAttemptAt !== null && p.pid === null) append(said, again(p.nextAttemptAt, now), AGAIN)
  const left = p.deadlineAt === null || p.deadlineAt === undefined ? null : -since(p.deadlineAt, now)
  if (left !== null && p.state === 'STOPPING') said.push(left <= 0 ? 'SIGKILL now' : `SIGKILL in ${countdown(left)}`)
  if (left !== null && p.state === 'STARTING') append(said, `gives up in ${countdown(left)}`, /\bgives up\b/)
  if (p.state === 'STOPPED' && p.wanted === 'up') said.push('wanted up')
  if (p.state === 'RUNNING' && !p.ready && p.reason === null) said.push('not ready')
  if (p.health !== null && p.health.failures > 0 && p.health.state !== 'failing')
    said.push(`${p.health.lastError ?? 'a health check failed'}, ${p.health.failures} of ${p.health.limit}`)
  if (p.replacement !== null) {
    const pid = p.replacement.pid === null ? '' : ` pid ${p.replacement.pid}`
    said.push(`replacement${pid} is ${p.replacement.state}`)
  }
  if (p.leftovers !== null && p.leftovers > 0) said.push(`${count(p.leftovers, 'leftover')} of its group being ended`)
  if (p.standbyOf !== null && p.reason === null) said.push(`standby of ${p.standbyOf}`)
  if (p.statusText !== null && p.statusText !== '') said.push(p.statusText)
  return said
}

const AGAIN = /\b(again|next try|retry)\b/i

/** What went wrong, when it is tried again, and how many tries there were: in this order. */
function tries(reason: string, { nextAttemptAt }: ProcessStatus, now: number): string[] {
  const [first = '', ...rest] = reason.split('; ')
  if (nextAttemptAt === null || AGAIN.test(reason)) return [reason]
  return [[first, again(nextAttemptAt, now), ...rest].join(', ')]
}

function again(at: string, now: number): string {
  const wait = -since(at, now)
  return wait <= 0 ? 'again now' : `again in ${countdown(wait)}`
}

function saysExit(state: ProcessState): boolean {
  return state === 'BACKOFF' || state === 'FATAL' || state === 'EXITED'
}

/** Adds to the last thing said, unless it says so already. */
function append(said: string[], words: string, already: RegExp): void {
  const last = said.pop()
  if (last === undefined) said.push(words)
  else said.push(already.test(last) ? last : `${last}, ${words}`)
}

function since(iso: string, now: number): number {
  const at = Date.parse(iso)
  return Number.isNaN(at) ? 0 : (now - at) / 1000
}
