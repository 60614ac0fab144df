// CPU and memory of processes, read from /proc when somebody asks, and not again within a second: a
// crowd of status calls costs one reading. Nothing is sampled while nobody asks.

import { uptime } from 'node:os'
import type { Clock } from '../core/ports.ts'
import { pageBytes } from './libc-io.ts'
import { fieldsOf } from './proc.ts'

export interface Usage {
  /** Percent of one core since the last reading, or since the process began. */
  readonly cpu: number | null
  /** Resident bytes. */
  readonly memory: number | null
  /** Seconds of CPU that it has had. */
  readonly cpuSeconds: number | null
}

export interface UsageReader {
  of(pid: number): Usage
}

const FRESH_MS = 1_000
/** Older readings say nothing about now. */
const STALE_MS = 60_000
/** Linux counts in hundredths of a second towards user space, whatever the kernel's own tick (proc(5)). */
const TICKS_PER_SECOND = 100
const PAGE_BYTES = pageBytes()

interface Reading extends Usage {
  readonly at: number
  readonly ticks: number
  readonly startTicks: number
}

export function usageReader(clock: Clock): UsageReader {
  const readings = new Map<number, Reading>()
  let swept = clock.now()
  return {
    of(pid) {
      const now = clock.now()
      const last = readings.get(pid)
      if (last && now - last.at < FRESH_MS) return last
      const fresh = read(pid, now, last)
      if (fresh) readings.set(pid, fresh)
      else readings.delete(pid)
      if (now - swept > STALE_MS) {
        swept = now
        for (const [known, { at }] of readings) if (now - at > STALE_MS) readings.delete(known)
      }
      return fresh ?? { cpu: null, memory: null, cpuSeconds: null }
    },
  }
}

function read(pid: number, now: number, last: Reading | undefined): Reading | null {
  const fields = fieldsOf(pid)
  if (!fields) return null // ended between the question and the look, or /proc is hidden: then the facts are unknown
  const ticks = Number(fields[11]) + Number(fields[12])
  const startTicks = Number(fields[19])
  const memory = Number(fields[21]) * PAGE_BYTES
  const same = last && last.startTicks === startTicks && now - last.at < STALE_MS ? last : null
  const seconds = same ? (now - same.at) / 1000 : uptime() - startTicks / TICKS_PER_SECOND
  const spent = (ticks - (same?.ticks ?? 0)) / TICKS_PER_SECOND
  const cpu = seconds > 0.01 ? Math.round((spent / seconds) * 1000) / 10 : null
  return { at: now, ticks, startTicks, cpu, memory, cpuSeconds: ticks / TICKS_PER_SECOND }
}
