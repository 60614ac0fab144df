// What a scrape is told: a moment of all that is measured, looked at program by program and printed family by
// family, so that others have their turn in between. Nothing is sampled while nobody asks.

import type { Clock } from '../core/ports.ts'
import type { Program } from '../core/program.ts'
import { pidOf } from '../core/state.ts'
import type { Events } from './events.ts'
import type { Printer } from './exposition.ts'
import type { MetricsText } from './http-pages.ts'
import type { Room } from './methods.ts'
import { families } from './metric-families.ts'
import type { MasterFacts, Moment, ProgramFacts } from './moment.ts'
import { programStatus } from './status.ts'
import type { Totals } from './totals.ts'

export interface MetricsParts
  extends Pick<Room, 'supervisor' | 'clock' | 'facts' | 'version' | 'startedAt' | 'upgrades'> {
  readonly events: Pick<Events, 'seq'>
  readonly totals: Totals
  readonly calls: Calls
  /** Seconds of CPU that a process has had. */
  cpuSeconds(pid: number): number | null
  /** Bytes of output taken of a program so far, by stream. */
  captured(program: string): readonly (readonly [stream: string, bytes: number])[]
  /** Seconds in which the loop of this process did not wait. */
  busySeconds(): number
  /** Connections to the control socket. */
  clients(): number
}

export type Metrics = (accept: string | undefined) => Promise<MetricsText>

export function metricsOf(parts: MetricsParts): Metrics {
  // Once: it is the same at each scrape, whatever becomes of the wall clock.
  const startedAt = Math.round(parts.clock.wall() - (parts.clock.now() - parts.startedAt))
  return async (accept) => {
    const { printerFor } = await import('./exposition.ts')
    const printer = printerFor(accept)
    return { type: printer.type, parts: print(await momentOf(parts, startedAt), printer, parts.clock) }
  }
}

async function* print(moment: Moment, printer: Printer, clock: Clock): AsyncIterable<string> {
  for (const family of families) {
    yield await printer.family(family, family.samples(moment))
    await round(clock)
  }
  yield printer.end
}

async function momentOf(parts: MetricsParts, startedAt: number): Promise<Moment> {
  const { supervisor, clock } = parts
  const programs: ProgramFacts[] = []
  for (const program of [...supervisor.programs.values()]) {
    // One that is gone meanwhile has ended its series.
    if (supervisor.programs.has(program.name)) programs.push(factsOf(program, parts))
    await round(clock)
  }
  return { master: masterFacts(parts, startedAt), programs }
}

function masterFacts(parts: MetricsParts, startedAt: number): MasterFacts {
  const { supervisor, version, upgrades, events, calls } = parts
  return {
    version,
    startedAt,
    upgrades,
    stopping: supervisor.isStopping,
    clients: parts.clients(),
    events: events.seq,
    calls: calls.counted,
    busySeconds: parts.busySeconds(),
  }
}

function factsOf(program: Program, { facts, totals, supervisor, cpuSeconds, captured }: MetricsParts): ProgramFacts {
  const status = programStatus(program, null, facts)
  for (const i of program.instances) {
    const pid = pidOf(i)
    if (pid === null) continue
    const sums = totals.slot(`${i.program}:${i.slot}`)
    const told = supervisor.counters(pid)
    sums.cpuSeconds.see(pid, cpuSeconds(pid))
    sums.requests.see(pid, told?.requests ?? null)
    sums.errors.see(pid, told?.errors ?? null)
  }
  return {
    status,
    totals: totals.program(program.name),
    slots: status.processes.map((row) => ({ row, totals: totals.slot(row.name) })),
    logBytes: captured(program.name),
  }
}

/** Calls that have been answered, by method. */
export interface Calls {
  readonly counted: ReadonlyMap<string, { readonly ok: number; readonly error: number }>
  answered(method: string | null, ok: boolean): void
}

export function callsCounted(): Calls {
  const counted = new Map<string, { ok: number; error: number }>()
  return {
    counted,
    answered(method, ok) {
      const one = counted.get(method ?? '') ?? { ok: 0, error: 0 }
      counted.set(method ?? '', one)
      one[ok ? 'ok' : 'error']++
    },
  }
}

const round = (clock: Clock): Promise<void> => new Promise((done) => clock.soon(done))
