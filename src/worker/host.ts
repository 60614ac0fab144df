// What a worker's process knows before the user's class is constructed: boot puts it here, the
// classes of the SDK take it from here, so that constructors need no arguments and fields are there
// in the initialisers of a subclass. It hangs on globalThis: a second copy of the package, loaded by
// the user's own path, finds the same host. Its shape is a promise between versions: only add to it.

import type { Logger } from 'pino'
import type { Listener } from './listeners.ts'

const HOST = Symbol.for('processhandler.host')

export interface Host {
  readonly program: string
  /** `web:0` */
  readonly name: string
  readonly slot: number
  /** INI keys as written and every variable. Frozen. */
  readonly cfg: Readonly<Record<string, string>>
  /** Aborted when the worker is told to stop. */
  readonly stopping: AbortSignal
  logger(name: string): Logger
  /** After each request: so many handled since boot, so many of them failed. */
  counted(requests: number, errors: number): void
  /** So many requests are begun and not ended. Missing in hosts of older versions, as is all below. */
  working?(inFlight: number): void
  /** One of them ended after so long. */
  took?(ms: number): void
  readonly listeners?: readonly Listener[]
  /** max_greenlets */
  readonly concurrency?: number
  /** Between the stop signal and SIGKILL. */
  readonly graceMs?: number
  readonly backlog?: number
  /** Nobody else may empty the queues of its listeners. */
  readonly ownQueues?: boolean
}

export function setHost(host: Host): void {
  ;(globalThis as { [HOST]?: Host })[HOST] = host
}

/** The host of this process; null when phd did not start it (a unit test of a worker class). */
export const theHost = (): Host | null => (globalThis as { [HOST]?: Host })[HOST] ?? null
