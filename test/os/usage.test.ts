// CPU and memory of processes, as /proc tells them.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import type { Clock } from '../../src/core/ports.ts'
import { systemClock } from '../../src/os/clock.ts'
import { usageReader } from '../../src/os/usage.ts'
import { cpuMs, residentBytes } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'

/** A clock that stands until it is set forward. */
function standing(): Clock & { add(ms: number): void } {
  let now = 1_000
  return {
    ...systemClock(),
    now: () => now,
    add(ms) {
      now += ms
    },
  }
}

test('our own memory and CPU', () => {
  const usage = usageReader(systemClock()).of(process.pid)
  const resident = residentBytes(process.pid)
  assert.ok(Math.abs((usage.memory ?? 0) - resident) < resident / 4, `${usage.memory} against ${resident}`)
  assert.ok(usage.cpu !== null && usage.cpu >= 0)
})

test('CPU is that since the last reading; a reading is kept for a second; an idle process is at 0', async (t) => {
  const scene = sceneOf(t)
  const busy = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' })
  const idle = spawn('sleep', ['600'], { stdio: 'ignore' })
  for (const child of [busy, idle]) {
    scene.after(async () => {
      const gone = new Promise((resolve) => child.on('exit', resolve))
      child.kill('SIGKILL')
      await gone
    })
  }
  const clock = standing()
  const reader = usageReader(clock)
  const [pid = 0, other = 0] = [busy.pid, idle.pid]
  const least = -cpuMs(pid)
  const first = reader.of(pid)
  const most = -cpuMs(pid)
  reader.of(other)
  await until('some work', () => cpuMs(pid) + least >= 300)
  clock.add(999)
  assert.equal(reader.of(pid), first, 'within the second')
  clock.add(9_001)
  // Between what /proc said before and after each of the two readings, over ten seconds of this clock.
  const before = most + cpuMs(pid)
  const { cpu } = reader.of(pid)
  const after = least + cpuMs(pid)
  assert.ok(
    cpu !== null && cpu >= before / 100 - 0.1 && cpu <= after / 100 + 0.1,
    `${before / 100} ${cpu} ${after / 100}`,
  )
  assert.ok((reader.of(other).cpu ?? 100) <= 1)
})

test('a process that is not there has no facts', () => {
  assert.deepEqual(usageReader(systemClock()).of(2 ** 22 - 1), { cpu: null, memory: null, cpuSeconds: null })
})
