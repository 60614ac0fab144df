// Runs of programs that end by themselves, in words: how the last one ended, and when the next one comes. Pure.

import type { LastRun, ProcessStatus, Program } from '../src/api/contract.ts'
import { clean, count, countdown, duration } from './format.ts'

/** `exit 0 after 3.2s` */
export function runWords({ startedAt, endedAt, reason, exit }: LastRun): string {
  const how = reason ?? exit?.signal ?? 'exit status unknown'
  if (startedAt === null || endedAt === null) return clean(how)
  return clean(`${how} after ${countdown((Date.parse(endedAt) - Date.parse(startedAt)) / 1000)}`)
}

/** `next run in 3h 2m`, and what became of runs that did not begin; nothing where there is no schedule. */
export function scheduleWords(program: Program, p: ProcessStatus, now: number): string[] {
  const { nextRunAt, skippedRuns, missedRuns } = program
  const said: string[] = []
  if (nextRunAt !== null && p.pid === null) {
    const seconds = (Date.parse(nextRunAt) - now) / 1000
    said.push(seconds <= 0 ? 'next run now' : `next run in ${seconds < 10 ? countdown(seconds) : duration(seconds)}`)
  }
  const skipped = skippedRuns ? `${count(skippedRuns, 'run')} skipped` : null
  const missed = missedRuns ? (skipped ? `${missedRuns} missed` : `${count(missedRuns, 'run')} missed`) : null
  if (skipped ?? missed) said.push([skipped, missed].filter(Boolean).join(', '))
  return said
}
