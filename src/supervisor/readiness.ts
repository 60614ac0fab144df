// How a process comes to be known as ready, and then as well, joined to its launch: what it is given for its own
// word, what is asked of it while it is STARTING and in the checks after that, which lines of its output are looked at.
// What is found is an event.

import { checkIn } from '../core/health.ts'
import { type Account, identityFor } from '../core/identity.ts'
import type { Herald, Heralds, Output, Probe, Probes } from '../core/ports.ts'
import { type Asked, readyIn } from '../core/readiness.ts'
import type { KeptProcess } from '../core/record.ts'
import { forSlot } from '../core/spec.ts'
import type { Event, Instance } from '../core/state.ts'
import { TOKEN_ENV } from '../worker/protocol.ts'

export interface ReadinessParts {
  readonly heralds: Heralds
  readonly probes: Probes
  readonly output: Pick<Output, 'onLines' | 'quietFor'>
  said(pid: number, event: Event): void
  /** The environment of the instance's process. */
  environmentOf(instance: Instance): Readonly<Record<string, string>>
}

export interface Readiness {
  /** Before the launch. Throws a system error. */
  prepare(instance: Instance, token: string, owner: Account | null): Herald
  born(token: string, pid: number): void
  adopted(instance: Instance, process: KeptProcess, owner: Account | null): void
  watch(instance: Instance, pid: number): void
  unwatch(pid: number): void
  /** One look at a running process; the answer comes as `checked`. */
  check(instance: Instance, pid: number): void
  endCheck(pid: number): void
  /** The process has ended. */
  ended(pid: number): void
  /** It never came to be. */
  failed(token: string): void
}

export function readinessOf({ heralds, probes, output, said, environmentOf }: ReadinessParts): Readiness {
  /** By pid. */
  const tokens = new Map<number, string>()
  /** Those whose lines are looked at. */
  const reading = new Set<number>()

  const probeOf = (instance: Instance, pid: number, ready: Asked): Probe => {
    const { spec, slot } = instance
    // Without the token: what a probe makes is not the program's.
    const { [TOKEN_ENV]: _token, ...env } = environmentOf(instance)
    return { pid, ready, cwd: forSlot(spec.directory, slot), env, identity: identityFor(spec, slot) }
  }

  /** A look at what we know already. */
  const checkSilence = (pid: number, ms: number): void => {
    const quietMs = output.quietFor(tokens.get(pid) ?? '')
    if (quietMs === null) said(pid, { type: 'checked', finding: 'it has closed its output' })
    else if (quietMs < ms) said(pid, { type: 'checked', finding: null, againMs: ms - quietMs })
    else said(pid, { type: 'checked', finding: `no output for ${ms / 1000} s` })
  }

  return {
    prepare: (instance, token, owner) => heralds.prepare(instance, token, owner),
    born(token, pid) {
      tokens.set(pid, token)
      heralds.bind(token, pid)
    },
    adopted(instance, process, owner) {
      tokens.set(process.pid, process.token)
      heralds.adopt(instance, process, owner)
    },
    watch(instance, pid) {
      const { spec, slot } = instance
      const ready = readyIn(spec.ready, slot)
      switch (ready.kind) {
        case 'tcp':
        case 'http':
        case 'exec':
          probes.begin(probeOf(instance, pid, ready))
          break
        case 'log': {
          const pattern = new RegExp(ready.pattern)
          reading.add(pid)
          output.onLines(tokens.get(pid) ?? '', (line) => {
            if (pattern.test(line)) said(pid, { type: 'ready' })
          })
          break
        }
        default:
      }
    },
    unwatch(pid) {
      probes.end(pid)
      if (reading.delete(pid)) output.onLines(tokens.get(pid) ?? '', null)
    },
    check(instance, pid) {
      const { health } = instance.spec
      if (!health) return
      const check = checkIn(health.check, instance.slot)
      if (check.kind === 'silence') checkSilence(pid, check.ms)
      else probes.check(probeOf(instance, pid, check))
    },
    endCheck: (pid) => probes.endCheck(pid),
    ended(pid) {
      const token = tokens.get(pid)
      if (token === undefined) return
      tokens.delete(pid)
      heralds.forget(token)
    },
    failed: (token) => heralds.forget(token),
  }
}
