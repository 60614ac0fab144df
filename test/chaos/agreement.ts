// Do the master and /proc say the same? Every wanted slot runs, in one launch whose first process is the one that the
// status names; nothing else lives; and each process has the environment that the file says. Pure.

import type { ProcessStatus, Program } from '../../src/api/contract.ts'
import type { Seen } from './census.ts'

export interface Facts {
  readonly programs: readonly Program[]
  readonly seen: readonly Seen[]
  /** Slots of each program. */
  readonly desired: ReadonlyMap<string, number>
  /** CHAOS of each program. */
  readonly marks: ReadonlyMap<string, number>
}

/** In words what is wrong, or null. All programs are wanted up. */
export function disagreement({ programs, seen, desired, marks }: Facts): string | null {
  const known = new Map<string, string>()
  for (const [name, count] of desired) {
    const program = programs.find((one) => one.program === name)
    const slots = program?.processes.map((one) => one.slot) ?? []
    if (slots.length !== count || slots.some((slot, at) => slot !== at)) {
      return `${name} has the slots ${slots.join(', ') || 'none'}, and should have ${count}`
    }
    for (const process of program?.processes ?? []) {
      const fault = faultOf(process, seen, marks.get(name))
      if (fault !== null) return `${process.name}: ${fault}`
      known.set(seen.find(({ pid }) => pid === process.pid)?.token ?? '', process.name)
    }
  }
  const other = seen.find(({ token }) => !known.has(token))
  return other ? `process ${other.pid} of ${other.name} lives, of a launch that is over (${other.token})` : null
}

function faultOf(process: ProcessStatus, seen: readonly Seen[], mark: number | undefined): string | null {
  const { name, state, wanted, pid, replacement, leftovers } = process
  if (wanted !== 'up' || state !== 'RUNNING') return `it is ${state} and wanted ${wanted}`
  if (replacement) return 'it is being replaced'
  if (leftovers) return `${leftovers} processes of it are left over`
  const one = seen.find((other) => other.pid === pid)
  if (!one) return `its process ${pid} does not live`
  if (one.name !== name) return `its process ${pid} is ${one.name}`
  if (mark !== undefined && one.mark !== mark) return `its process has CHAOS=${one.mark}, and the file says ${mark}`
  return null
}
