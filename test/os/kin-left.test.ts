// What a process leaves behind, seen with real processes: this one is their subreaper, as a master is.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchStrangers } from '../../src/os/adopted.ts'
import { systemClock } from '../../src/os/clock.ts'
import { kinOf } from '../../src/os/kin.ts'
import { reap } from '../../src/os/reaper.ts'
import { systemSpawner } from '../../src/os/spawner.ts'
import { TOKEN_ENV } from '../../src/worker/protocol.ts'
import { sceneOf, until } from '../helpers/scene.ts'

const LEADERS = 150

test('a daemon that was forked a moment before the end of its parent is seen, wherever it is in its exec', async (t) => {
  const scene = sceneOf(t)
  const clock = systemClock()
  const ended: number[] = []
  let looks = 0
  const strangers = watchStrangers(clock, () => undefined)
  const kin = kinOf({ strangers, clock, again: () => void looks++ })
  const left = new Map<number, boolean>()
  const stop = reap(clock, (all) => {
    for (const { pid } of all) {
      ended.push(pid)
      if (leaders.has(pid)) left.set(pid, kin.hasLeft(pid))
    }
  })
  scene.after(stop)
  const spawner = systemSpawner()
  const leaders = new Set<number>()
  for (let n = 0; n < LEADERS; n++) {
    const made = spawner.spawn({
      argv: ['sh', '-c', 'setsid sleep 60 & exit 0'],
      cwd: scene.dir,
      env: { PATH: process.env.PATH ?? '', [TOKEN_ENV]: `${scene.dir} ${n}` },
      listeners: [],
      toldPid: false,
      stdout: '/dev/null',
      stderr: '/dev/null',
      diesWithUs: false,
      identity: null,
    })
    assert.ok('pid' in made)
    leaders.add(made.pid)
    kin.born({ ...made, token: `${scene.dir} ${n}`, child: true })
    await until('its end', () => left.has(made.pid))
    assert.ok(left.get(made.pid), `of leader ${n} nothing was seen, and its daemon lives (${looks} second looks)`)
    await until('no more doubt', () => kin.countLeft(made.pid) === 1)
    await until('the end of all', () => {
      kin.send(made.pid, 'SIGKILL', true) // again: it may be in its next exec
      return !kin.hasLeft(made.pid)
    })
  }
  await until('the reaping of the last', () => ended.length >= 2 * LEADERS)
})
