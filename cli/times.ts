// Times and durations as people write them on a command line. Pure; `now` is handed in.

import { PhError } from '../src/errors.ts'

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of `10`, `1.5`, `500ms`, `10s`, `5m`, `2h`, `1d`; null when it is none of these. */
export function secondsOf(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim())
  return found ? Number(found[1]) * (unitSeconds[found[2] ?? 's'] ?? Number.NaN) : null
}

/** Unix ms of `10m` (ago), `2026-11-28`, `2026-11-28T10:00`, `2026-11-28 10:00:01Z`; without a zone as this machine's clocks show it. */
export function moment(option: string, text: string, now: number): number {
  const ago = secondsOf(text)
  if (ago !== null) return now - ago * 1000
  const found = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text.trim())
  const [, day, time = '00:00', zone = ''] = found ?? []
  const at = Date.parse(`${day}T${time}${zone.toUpperCase()}`)
  if (!Number.isNaN(at)) return at
  throw new PhError(
    'PH_USAGE',
    `cannot read ${option} "${text}": wanted how long ago, as 30s, 10m, 2h, 1d, or a time, as 2026-11-28 or 2026-11-28T10:00Z`,
  )
}
