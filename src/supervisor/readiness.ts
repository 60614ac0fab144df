// How a process comes to be known as ready, joined to its launch: what it is given for its own word, what
// is asked of it while it is STARTING, which lines of its output are looked at. What is found is an event.

import { type Account, identityFor } from '../core/identity.ts'
import type { Herald, Heralds, Output, Probes } from '../core/ports.ts'
import { readyIn } from '../core/readiness.ts'
import type { KeptProcess } from '../core/record.ts'
import { forSlot } from '../core/spec.ts'
import type { Event, Instance } from '../core/state.ts'
import { TOKEN_ENV } from '../worker/protocol.ts'

export interface ReadinessParts {
  readonly heralds: Heralds
  readonly probes: Probes
  readonly output: Pick<Output, 'onLines'>
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
        case 'exec': {
          // Without the token: what a probe makes is not the program's.
          const { [TOKEN_ENV]: _token, ...env } = environmentOf(instance)
          probes.begin({ pid, ready, cwd: forSlot(spec.directory, slot), env, identity: identityFor(spec, slot) })
          break
        }
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
    ended(pid) {
      const token = tokens.get(pid)
      if (token === undefined) return
      tokens.delete(pid)
      heralds.forget(token)
    },
    failed: (token) => heralds.forget(token),
  }
}
