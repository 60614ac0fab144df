// The table at the end of a chaos run. Pure.

import { megabytes } from './growth.ts'

export interface Tally {
  readonly seed: number
  readonly durationMs: number
  readonly rounds: number
  readonly actions: number
  readonly masterKills: number
  readonly upgrades: number
  readonly workerKills: number
  readonly lines: number
  readonly lost: number
  /** Formatted lines, across the kill of a master. */
  readonly doubled: number
  /** The most that were seen at a time. */
  readonly zombies: number
  readonly descriptors: number
  /** null = no master lived long enough to be compared. */
  readonly residentBytes: number | null
}

export function table(tally: Tally): string {
  const rows: readonly (readonly [string, string])[] = [
    ['seed', String(tally.seed)],
    ['duration', `${(tally.durationMs / 1000).toFixed(0)} s, ${tally.rounds} rounds`],
    ['actions', String(tally.actions)],
    ['kills of the master', String(tally.masterKills)],
    ['upgrades of it', String(tally.upgrades)],
    ['kills of workers', String(tally.workerKills)],
    ['lines checked', String(tally.lines)],
    ['lines lost', String(tally.lost)],
    ['lines doubled', `${tally.doubled} (prefix and json, across a kill of the master)`],
    ['zombies', `${tally.zombies} at a time at most, none that stayed`],
    ['descriptors', `${signed(tally.descriptors)} at most, between quiet moments`],
    ['resident memory', memory(tally.residentBytes)],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('')
}

const memory = (bytes: number | null): string =>
  bytes === null
    ? 'no master lived long enough to be compared'
    : `${bytes < 0 ? '' : '+'}${megabytes(bytes)} MB at most, between quiet moments of a warm master`

const signed = (n: number): string => (n < 0 ? String(n) : `+${n}`)
