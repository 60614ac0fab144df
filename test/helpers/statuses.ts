// What the socket says of a process, for the tests of what is made of it.

import type { ProcessStatus } from '../../src/api/contract.ts'

/** It runs, and nothing else is to be said of it. */
export function running(name: string, more: Partial<ProcessStatus> = {}): ProcessStatus {
  return {
    name,
    slot: Number(name.split(':')[1]),
    generation: 1,
    state: 'RUNNING',
    wanted: 'up',
    ready: true,
    pid: 1234,
    startedAt: null,
    uptime: 60,
    restarts: 0,
    recycles: 0,
    requests: null,
    errors: null,
    inFlight: null,
    latency: null,
    cpu: 1,
    memory: 1024 * 1024,
    reason: null,
    statusText: null,
    health: null,
    leftovers: null,
    replacement: null,
    standbyOf: null,
    exit: null,
    nextAttemptAt: null,
    deadlineAt: null,
    ...more,
  }
}
