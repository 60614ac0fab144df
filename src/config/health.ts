// health_check and what belongs to it: how a running process is known to be well, and what follows when it is not.

import { provesLittle } from '../core/readiness.ts'
import type { Health, HealthCheck, Spec } from '../core/spec.ts'
import type { Reader } from './reader.ts'
import { type Bound, parseAsked } from './ready.ts'
import { parseSignal, parseTime, unfit } from './units.ts'

const FORMS = 'tcp:HOST:PORT, http://HOST:PORT/PATH, exec:COMMAND or log-silence:TIME'
const time = (text: string): number => parseTime(text, '10')
const ACTIONS = 'restart, none or signal:NAME, as signal:USR2'

/** @param bound the addresses that the program listens on: an answer there proves little */
export function readHealth(reader: Reader, bound: readonly Bound[]): { readonly health?: Health } {
  const check = reader.take<HealthCheck | null>('health_check', (text) => parseCheck(text, bound), null)
  const intervalMs = reader.take('health_interval', time, 10_000)
  const timeoutMs = reader.take('health_timeout', time, 3_000)
  const failures = reader.integer('health_failures')
  const action = reader.take('health_action', parseAction, 'restart')
  if (!check) return {}
  if (check.kind !== 'silence' && provesLittle(check)) {
    reader.warn(
      'health_check',
      "proves little: it is an address of the program's own bind, where the kernel and other processes answer too",
    )
  }
  return { health: { check, intervalMs, timeoutMs, failures, action } }
}

/** What the other keys of the section must allow. */
export function checkHealth(reader: Reader, { health, output }: Pick<Spec, 'health' | 'output'>): void {
  if (health?.check.kind !== 'silence' || output.stdout !== 'none' || (output.stderr ?? 'none') !== 'none') return
  reader.refuse('health_check', 'cannot be log-silence with log_file = none: no output is captured')
}

function parseCheck(text: string, bound: readonly Bound[]): HealthCheck {
  const [, silence] = /^log-silence:(.*)$/is.exec(text) ?? []
  if (silence !== undefined) return { kind: 'silence', ms: time(silence.trim()) }
  const asked = parseAsked(text, bound)
  if (!asked) throw unfit(text, FORMS)
  return asked
}

function parseAction(text: string): Health['action'] {
  const word = text.toLowerCase()
  if (word === 'restart' || word === 'none') return word
  const [, signal] = /^signal:(.+)$/is.exec(text) ?? []
  if (signal === undefined) throw unfit(text, ACTIONS)
  return { signal: parseSignal(signal.trim()) }
}
