// The guard of a lease, with real processes and a shell: what it ends, and what it leaves alone.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../src/os/clock.ts'
import { fusesIn } from '../../src/os/fuse.ts'
import { commandOf, lives, mentioning } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'
import { specOf } from '../helpers/specs.ts'

const clock = systemClock()

function stage(t: TestContext) {
  const scene = sceneOf(t)
  const folder = scene.path('leases')
  const made: ChildProcess[] = []
  scene.after(() => {
    // With the sleep that each of them may be waiting for.
    for (const one of made) if (one.pid && lives(one.pid)) globalThis.process.kill(-one.pid, 'SIGKILL')
  })
  const process = (fence: string, program: string, script: string): number => {
    const env = { PATH: '/usr/bin:/bin', PHD_FENCE: fence, PHD_PROGRAM: program, PHD_SOCKET: scene.path('phd.sock') }
    const one = spawn('sh', ['-c', script], { env, detached: true, stdio: 'ignore' })
    made.push(one)
    return one.pid ?? 0
  }
  const guards = (): number[] => mentioning(folder).filter((pid) => commandOf(pid).includes('phd-guard'))
  return { scene, folder, process, guards, fuses: fusesIn({ folder, socket: scene.path('phd.sock'), clock }) }
}

const hold = (fence: string) => ({ lease: '1', fence, ttlMs: 2_000, renewed: clock.now() })
const times = (stop: number, kill: number) => ({ stopAt: clock.now() + stop, killAt: clock.now() + kill })

test('when time is up: the stop signal to leaders, then SIGKILL to all that carries the fence, and to nothing else', async (t) => {
  const { scene, fuses, process, guards } = stage(t)
  const say = (word: string): string => `trap 'echo ${word} >>${scene.path('told')}' TERM; `
  const loop = 'while :; do sleep 0.05; done'
  const deaf = process('7', 'web', `${say('deaf')} (setsid sh -c '${loop}' &) ; ${loop}`)
  const good = process('7', 'web', `trap 'echo good >>${scene.path('told')}; exit' TERM; ${loop}`)
  const others = [process('8', 'web', loop), process('7', 'api', loop)]
  await until('all of them', () => mentioning(scene.path('phd.sock')).length >= 5)
  const began = clock.now()
  fuses.arm('web', hold('7'), times(0, 1_000), specOf())
  await until('the end of one that hears', () => !lives(good))
  assert.ok(lives(deaf))
  await until('the end of the other', () => !lives(deaf))
  const took = clock.now() - began
  assert.ok(took >= 990 && took < 5_000, `after ${took} ms`)
  // A shell of the others' that is about to become its sleep looks like them for a moment.
  await until('nobody but the others, nor what had left its group', () => {
    const left = mentioning(scene.path('phd.sock')).filter(
      (pid) => !guards().includes(pid) && !commandOf(pid).startsWith('sleep'),
    )
    return left.length === others.length && others.every((pid) => left.includes(pid))
  })
  assert.deepEqual(scene.lines('told').sort(), ['deaf', 'good'])
  // Its master lives: should it make another in the same moment, that one goes, too.
  const late = process('7', 'web', loop)
  await until('the end of the latecomer', () => !lives(late))
  fuses.disarm('web', '7')
  await until('the end of the guard', () => guards().length === 0)
})

test('as long as a later time is written nothing happens; a next master reads it, and needs no second guard', async (t) => {
  const { folder, fuses, process, guards, scene } = stage(t)
  const pid = process('7', 'web', 'exec sleep 60')
  const first = hold('7')
  for (let n = 0; n < 5; n++) {
    fuses.arm('web', n === 0 ? first : hold('7'), times(600, 900), specOf())
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  assert.deepEqual([lives(pid), guards().length], [true, 1])
  const next = fusesIn({ folder, socket: scene.path('phd.sock'), clock })
  const mine = hold('7')
  fuses.arm('web', mine, times(60_000, 60_000), specOf())
  const { renewed = 0, ...rest } = next.left('web') ?? {}
  assert.deepEqual(rest, { lease: '1', fence: '7', ttlMs: 2_000 })
  assert.ok(Math.abs(renewed - mine.renewed) < 30)
  assert.equal(next.left('api'), null)
  next.arm('web', mine, times(60_000, 60_000), specOf())
  assert.equal(guards().length, 1)
  // One that somebody has ended is there again with the next renewal.
  for (const guard of guards()) globalThis.process.kill(guard, 'SIGKILL')
  await until('no guard', () => guards().length === 0)
  next.arm('web', mine, times(60_000, 60_000), specOf())
  assert.equal(guards().length, 1)
  next.disarm('web', '7')
  await until('the end of the guard', () => guards().length === 0)
  assert.deepEqual([lives(pid), existsSync(folder) && readdirSync(folder)], [true, []])
})
