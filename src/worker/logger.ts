// Loggers of a worker: pino, one JSON object a line on stdout, which phd captures into the log file.
// Synchronous: what was logged is out when the process dies. pino is loaded at the first use, as it
// costs a quarter of the time that a worker needs to be ready.

import { createRequire } from 'node:module'
import type { Logger } from 'pino'

export function makeLogger(name: string): Logger {
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino')
  return pino({ name }, pino.destination({ dest: 1, sync: true }))
}
