// The words behind `npm run chaos --`. Pure.

import { parseArgs } from 'node:util'

export interface Options {
  readonly seed: number
  readonly durationMs: number
}

export const usage = 'usage: npm run chaos -- [--minutes N | --seconds N] [--seed S]\n'

const DEFAULT_MS = 60_000

/** Throws what is wrong with them. @param fresh the seed when none is given. */
export function readOptions(words: readonly string[], fresh: number): Options {
  const { values } = parseArgs({
    args: [...words],
    options: { minutes: { type: 'string' }, seconds: { type: 'string' }, seed: { type: 'string' } },
  })
  const { minutes, seconds, seed } = values
  if (minutes !== undefined && seconds !== undefined) throw new Error('cannot take both --minutes and --seconds')
  const durationMs =
    minutes !== undefined
      ? numberOf('minutes', minutes) * 60_000
      : seconds !== undefined
        ? numberOf('seconds', seconds) * 1_000
        : DEFAULT_MS
  return { durationMs, seed: seed === undefined ? fresh : numberOf('seed', seed) }
}

function numberOf(option: string, text: string): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isFinite(number) && number >= 0) return number
  throw new Error(`cannot read --${option}: "${text}" is no number`)
}
