// What became of the processes of an operation, a line each: `web:0  RUNNING  pid 123`. Pure.

import type { LastRun, TargetResult } from '../src/api/contract.ts'
import { clean, columns, type Paint } from './format.ts'
import { runWords } from './run-words.ts'
import { stateStyle } from './status-table.ts'

/** @param run how the run ended that was waited for */
export function resultLines(results: readonly TargetResult[], paint: Paint, run: LastRun | null = null): string[] {
  return columns(
    results.map((r) => {
      const error = r.error === undefined ? '' : clean(r.error)
      const pid = r.pid === null ? '' : `pid ${r.pid}`
      const ended = run === null || r.state !== 'EXITED' ? error : runWords(run)
      const words = [pid, ended].filter((part) => part !== '').join(', ')
      if (r.ok) return [clean(r.name), paint(stateStyle(r.state, true), r.state), words]
      return [paint('red', clean(r.name)), paint('red', r.state), paint('red', words === '' ? 'failed' : words)]
    }),
  )
}

/** The results inside an error of the master, which may be of any shape. */
export function resultsIn(data: Readonly<Record<string, unknown>>): readonly TargetResult[] {
  return Array.isArray(data.results) ? data.results.filter(isResult) : []
}

function isResult(value: unknown): value is TargetResult {
  if (typeof value !== 'object' || value === null) return false
  const { name, state, ok, error, pid } = value as Record<string, unknown>
  return (
    typeof name === 'string' &&
    typeof state === 'string' &&
    typeof ok === 'boolean' &&
    (pid === null || typeof pid === 'number') &&
    (error === undefined || typeof error === 'string')
  )
}
