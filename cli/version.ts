// The version of this phctl, from the package it was installed with. Read only when somebody asks.

import { readFileSync } from 'node:fs'

export function ownVersion(): string {
  // The bundle (dist/bin) and the compiled file (dist/cli) are equally deep, so one path serves both.
  const found: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return (found as { version: string }).version
}

/** `1` of `1.4.2`; null when it is no version. */
export function majorOf(version: unknown): string | null {
  return typeof version === 'string' ? (/^(\d+)\./.exec(version)?.[1] ?? null) : null
}
