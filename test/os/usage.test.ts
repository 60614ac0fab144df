// CPU and memory of processes, as /proc tells them.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import type { Clock } from '../../src/core/ports.ts'
import { systemClock } from '../../src/os/clock.ts'
import { usageReader } from '../../src/os/usage.ts'
import { cpuMs, residentBytes } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'

/** A real clock that can be set forward. */
function movable(): Clock & { add(ms: number): void } {
  const clock = systemClock()
  let more = 0
  return {
    ...clock,
    now: () => clock.now() + more,
    add(ms) {
      more += ms
    },
  }
}

test('our own memory and CPU', () => {
  const usage = usageReader(systemClock()).of(process.pid)
  const resident = residentBytes(process.pid)
  assert.ok(Math.abs((usage.memory ?? 0) - resident) < resident / 4, `${usage.memory} against ${resident}`)
  assert.ok(usage.cpu !== null && usage.cpu >= 0)
})

test('a busy process is at about 100 %, an idle one at 0; a reading is kept for a second', async (t) => {
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
  const clock = movable()
  const reader = usageReader(clock)
  const [pid = 0, other = 0] = [busy.pid, idle.pid]
  const first = reader.of(pid)
  const [spent, begun] = [cpuMs(pid), performance.now()]
  await until('some work', () => cpuMs(pid) - spent >= 300)
  const expected = ((cpuMs(pid) - spent) / (performance.now() - begun)) * 100
  assert.equal(reader.of(pid), first, 'within the second')
  // As far as the reader knows, the real time passed and a second more, of which it saw no ticks.
  const real = performance.now() - begun
  clock.add(1_100)
  const { cpu } = reader.of(pid)
  const shown = ((cpu ?? 0) * (real + 1_100)) / real
  assert.ok(Math.abs(shown - expected) < 35, `${shown} against ${expected}`)
  assert.ok((reader.of(other).cpu ?? 100) < 5)
})

test('a process that is not there has no facts', () => {
  assert.deepEqual(usageReader(systemClock()).of(2 ** 22 - 1), { cpu: null, memory: null })
})
