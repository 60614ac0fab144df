// The pump's justice, with real pipes and a clock that the test turns: who floods waits for all others.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { pump, type Source, type Taken } from '../../src/os/pump.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { sceneOf } from '../helpers/scene.ts'

/** Pipes of the test's own, numbered from 0 on. */
function sourcesOf(t: TestContext, count: number, take: (n: number) => Taken): readonly Source[] {
  const scene = sceneOf(t)
  return Array.from({ length: count }, (_none, n): Source => {
    execFileSync('mkfifo', [scene.path(`${n}`)])
    const fd = openSync(scene.path(`${n}`), constants.O_RDWR | constants.O_NONBLOCK)
    scene.after(() => closeSync(fd))
    return { fd, take: () => take(n), ended: () => undefined, failed: (e) => assert.fail(String(e)) }
  })
}

test('visits take all the time of a turn: each source has its own all the same, one after the other', async (t) => {
  const clock = new FakeClock()
  const visits: number[] = []
  const pumping = pump(clock)
  const sources = sourcesOf(t, 5, (n) => {
    visits.push(n)
    clock.time += n === 2 ? 10 : 1.5
    return { bytes: 4096, state: visits.length < 100 ? 'more' : 'stuck' }
  })
  for (const one of sources) pumping.add(one)
  for (const { fd } of sources) writeSync(fd, 'x')
  for (const one of sources) pumping.wake(one)
  const turns: number[] = []
  while (visits.length < 100) {
    const before = visits.length
    assert.ok(clock.runSoon(), `nobody comes again after ${visits.join()}`)
    turns.push(visits.length - before)
  }
  assert.ok(Math.max(...turns) <= 3, `too many in a turn: ${turns.join()}`)
  const each = sources.map((_one, n) => visits.filter((visited) => visited === n).length)
  assert.ok(Math.max(...each) - Math.min(...each) <= 1, `visits: ${each.join()}`)
  while (clock.runSoon());
})

test('signals that come together: what they tell is looked at in the next turn, and nothing is forgotten', (t) => {
  const clock = new FakeClock()
  const visits: number[] = []
  const pumping = pump(clock)
  const sources = sourcesOf(t, 3, (n) => {
    visits.push(n)
    return { bytes: 4096, state: n === 0 && visits.length < 3 ? 'more' : 'stuck' }
  })
  for (const one of sources) pumping.add(one)
  const write = (n: number): void => {
    writeSync(sources[n]?.fd ?? -1, 'x')
    process.emit('SIGIO')
  }
  write(0) // is visited at once, and has more
  write(1)
  write(2)
  assert.deepEqual(visits, [0])
  while (clock.runSoon());
  assert.deepEqual(new Set(visits), new Set([0, 1, 2]))
})
