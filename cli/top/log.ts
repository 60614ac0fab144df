// The log of what is selected: lines as they come, held or followed, and which of them are seen. Pure.

import type { LogLine, LogSource } from '../../src/api/contract.ts'
import type { LogBatch } from '../../src/api/notices.ts'
import { inOrder } from '../log-lines.ts'
import type { Log, Model } from './model.ts'

/** Lines that can be scrolled through. Of one that is held as many again: then what comes passes by, and what is read stays. */
const KEPT = 2_000

export function openedLog(model: Model, target: string, files: readonly LogSource[]): Model {
  if (model.log.target !== target) return model
  // Opened anew after a master came back: what is shown begins again, whoever was held loses the place.
  const log: Log = {
    ...model.log,
    files,
    lines: [],
    dropped: 0,
    held: null,
    passed: 0,
    state: { at: files.length === 0 ? 'none' : 'open' },
  }
  return { ...model, log }
}

export function withBatch(model: Model, target: string, batch: LogBatch): Model {
  const { log } = model
  if (log.target !== target) return model
  if (log.held !== null && log.lines.length >= 2 * KEPT) {
    return { ...model, log: { ...log, passed: log.passed + batch.missed + batch.lines.length } }
  }
  const first = log.lines.length === 0 && log.dropped === 0
  const remarks = [
    ...(batch.missed > 0 ? [remarked(`${batch.missed} lines missed`)] : []),
    ...(batch.error === null ? [] : [remarked(`cannot follow a file any longer: ${batch.error}`)]),
  ]
  const all = [...log.lines, ...remarks, ...(first ? inOrder(batch.lines) : batch.lines)]
  const over = log.held === null ? Math.max(0, all.length - KEPT) : 0
  const files = batch.files.length === 0 ? log.files : [...log.files, ...batch.files]
  return {
    ...model,
    log: {
      ...log,
      files,
      lines: over === 0 ? all : all.slice(over),
      dropped: log.dropped + over,
      state: { at: log.state.at === 'none' && files.length === 0 ? 'none' : 'open' },
    },
  }
}

/** Several may have written these lines: each then says who. */
export function isShared({ files }: Log): boolean {
  return (
    new Set(files.map(({ path }) => path)).size > 1 ||
    files.some(({ name, format }) => format !== 'raw' && !name.includes(':'))
  )
}

/** Numbers of the lines that fit the filter, oldest first. */
function fitting({ lines, dropped, filter }: Log): readonly number[] {
  const text = filter.toLowerCase()
  return lines.flatMap((line, i) => (text === '' || line.text.toLowerCase().includes(text) ? [dropped + i] : []))
}

/** The newest lines that are to be seen, at most `count`, oldest first. */
export function seenLines(log: Log, count: number): readonly LogLine[] {
  const text = log.filter.toLowerCase()
  const seen: LogLine[] = []
  const from = log.held === null ? log.lines.length - 1 : Math.min(log.lines.length - 1, log.held - log.dropped)
  for (let i = from; i >= 0 && seen.length < count; i--) {
    const line = log.lines[i]
    if (line && (text === '' || line.text.toLowerCase().includes(text))) seen.push(line)
  }
  return seen.reverse()
}

const remarked = (text: string): LogLine => ({ name: '', stream: null, time: null, text: `-- ${text} --` })

/** Follows its end again. */
export function released(log: Log): Log {
  const { passed, lines } = log
  if (passed === 0) return { ...log, held: null }
  return { ...log, held: null, passed: 0, lines: [...lines, remarked(`${passed} lines passed while it was held`)] }
}

/** Holds where it stands, or follows again. */
export function toggled(log: Log): Log {
  return log.held === null ? { ...log, held: log.dropped + log.lines.length - 1 } : released(log)
}

/** `by` lines further, backwards when negative; the end is followed. */
export function scrolled(log: Log, by: number): Log {
  const numbers = fitting(log)
  const last = numbers.length - 1
  if (last < 0) return log
  const { held } = log
  const at =
    held === null
      ? last
      : Math.max(
          0,
          numbers.findLastIndex((n) => n <= held),
        )
  const next = at + by
  return next >= last ? released(log) : { ...log, held: numbers[Math.max(0, next)] ?? null }
}
