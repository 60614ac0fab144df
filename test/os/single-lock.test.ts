// The locks of programs with single_instance, of several masters within one process: an flock is of who has
// opened the file, so they shut each other out like strangers.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { Standing } from '../../src/core/ports.ts'
import { systemClock } from '../../src/os/clock.ts'
import { statOf } from '../../src/os/proc.ts'
import { type SystemSingleLocks, singleLocks } from '../../src/os/single-lock.ts'
import { openStore } from '../../src/os/store.ts'
import { lives } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'
import { specOf } from '../helpers/specs.ts'

const clock = systemClock()
const web = specOf({ singleInstance: true, stopMs: 300 })

interface Locks extends SystemSingleLocks {
  readonly heard: (Standing | null)[]
  readonly logged: string[]
  /** As the kernel does when its master is killed; `becomes`: its descriptors go to another. */
  die(becomes?: boolean): void
}

function locksOf(t: TestContext, instance: string | null, handed: Readonly<Record<string, number>> = {}): Locks {
  const scene = sceneOf(t)
  const heard: Locks['heard'] = []
  const logged: string[] = []
  const locks = singleLocks({
    folder: scene.path('run/state/single'),
    self: {
      instance,
      pid: process.pid,
      runPath: scene.path(`run/${instance ?? ''}`),
      socket: scene.path(`${instance ?? 'phd'}.sock`),
    },
    handed,
    clock,
    news: (_program, standing) => void heard.push(standing),
    log: (_facts, text) => void logged.push(text),
  })
  let dead = false
  scene.after(() => {
    if (!dead) locks.keep('web', null)
  })
  return Object.assign(locks, {
    heard,
    logged,
    die(becomes = false) {
      dead = true
      if (!becomes) Object.values(locks.handOver()).forEach(closeSync)
    },
  })
}

const file = (t: TestContext): string => sceneOf(t).path('run/state/single/web.lock')

test('the first has it; who waits is told who it is, and when it is free', async (t) => {
  const [blue, green] = [locksOf(t, 'blue'), locksOf(t, null)]
  assert.equal(green.take(web), null)
  assert.deepEqual([green.holds('web'), blue.holds('web')], [true, false])
  assert.deepEqual(blue.take(web), {
    of: `the master without a name (pid ${process.pid})`,
    reason: `the master without a name (pid ${process.pid}) runs it`,
  })
  blue.keep('web', 'news')
  green.keep('web', 'lock')
  assert.equal(green.take(web), null, 'it still has it')
  green.keep('web', null)
  await until('the news', () => blue.heard.length > 0)
  assert.deepEqual(blue.heard, [null])
  assert.equal(blue.take(web), null)
  assert.equal(green.take(web)?.reason, `instance blue (pid ${process.pid}) runs it`)
})

test('its file is no link, and one that was deleted is not the lock', (t) => {
  const [blue, green] = [locksOf(t, 'blue'), locksOf(t, 'green')]
  mkdirSync(sceneOf(t).path('run/state/single'), { recursive: true })
  symlinkSync('/dev/null', file(t))
  assert.match(blue.take(web)?.reason ?? '', /^cannot use the lock .*web\.lock: ELOOP/)
  assert.deepEqual(blue.logged, ['no process of it is started'])
  rmSync(file(t))
  writeFileSync(file(t), '{"holder":')
  assert.equal(blue.take(web), null, 'torn by whoever was killed there')
  assert.equal(green.reclaim('web'), false)
  assert.ok(readFileSync(file(t), 'utf8').endsWith('}\n'))
})

test('what was written before a reboot names nobody', (t) => {
  const [blue, green] = [locksOf(t, 'blue'), locksOf(t, 'green')]
  assert.equal(blue.take(web), null)
  blue.die()
  const entry = JSON.parse(readFileSync(file(t), 'utf8')) as object
  writeFileSync(file(t), `${JSON.stringify({ ...entry, boot: 'another' })}\n`)
  assert.equal(green.take(web), null, 'nothing of it can live')
})

test('not wanted any more while what was left is being ended: let go when that is over', async (t) => {
  const [blue, green, red] = [locksOf(t, 'blue'), locksOf(t, 'green'), locksOf(t, 'red')]
  blue.take(web)
  blue.die()
  assert.equal(green.take(web)?.of, null)
  green.keep('web', null)
  assert.equal(red.take(web)?.of, `green (pid ${process.pid})`)
  await until('that it is free', () => red.take(web) === null)
  assert.deepEqual([green.holds('web'), green.heard], [false, []])
})

test('handed over, it is the same lock', (t) => {
  const [blue, green] = [locksOf(t, 'blue'), locksOf(t, 'green')]
  assert.equal(blue.take(web), null)
  const next = locksOf(t, 'blue', blue.handOver())
  blue.die(true)
  assert.deepEqual([next.holds('web'), next.reclaim('web'), next.take(web)], [true, true, null])
  assert.equal(green.take(web)?.of, `blue (pid ${process.pid})`)
})

test('after a death: its own next master has its processes, another one does not, nor does the owner behind that one', async (t) => {
  const blue = locksOf(t, 'blue')
  assert.equal(blue.take(web), null)
  blue.die()
  const next = locksOf(t, 'blue')
  assert.equal(next.reclaim('web'), true)
  assert.equal(next.take(web), null)
  next.die()
  const green = locksOf(t, 'green')
  assert.equal(green.reclaim('web'), false, 'what its own record says is not of now')
  assert.equal(locksOf(t, 'blue').reclaim('web'), false)
  assert.match(green.take(web)?.reason ?? '', /former holder/)
  assert.equal(green.holds('web'), false)
  await until('that nothing is left', () => green.holds('web'))
  assert.equal(green.take(web), null)
  green.die()
  assert.equal(locksOf(t, 'blue').reclaim('web'), false, 'another had it since')
})

test('what a dead holder has left is ended: what its record names, and what names it itself', async (t) => {
  const scene = sceneOf(t)
  const stubborn = "trap '' TERM; echo up; while :; do sleep 0.05; done"
  const start = async (env: Record<string, string>): Promise<number> => {
    const child = spawn('sh', ['-c', stubborn], { env: { PATH: process.env.PATH ?? '', ...env }, detached: true })
    scene.after(() => void (lives(child.pid ?? 0) && process.kill(-(child.pid ?? 0), 'SIGKILL')))
    await new Promise((up) => child.stdout.once('data', up))
    return child.pid ?? 0
  }
  const socket = scene.path('blue.sock')
  const recorded = await start({})
  const hook = await start({})
  const named = await start({ PHD_SOCKET: socket, PHD_PROGRAM: 'web' })
  const others = await start({ PHD_SOCKET: socket, PHD_PROGRAM: 'job' })
  const state = scene.path('run/blue/state')
  mkdirSync(state, { recursive: true })
  const store = openStore({ folder: state, version: '0', clock, kept: null, trouble: () => undefined })
  store.put('instance', 'web:0:1', { program: 'web' })
  store.put('process', 'web:0:1', { token: 'x', pid: recorded, start: statOf(recorded)?.start ?? 0 })
  store.put('process', 'web:0:1:hook', { token: 'z', pid: hook, start: statOf(hook)?.start ?? 0 })
  store.put('instance', 'job:0:1', { program: 'job' })
  store.put('process', 'job:0:1', { token: 'y', pid: others, start: statOf(others)?.start ?? 0 })
  store.flush()
  const record = readFileSync(scene.path('run/blue/state/record'), 'utf8')
  const blue = locksOf(t, 'blue')
  blue.take(web)
  blue.die()
  const green = locksOf(t, 'green')
  const began = performance.now()
  assert.equal(green.take(web)?.of, null)
  green.keep('web', 'news')
  await until('the news', () => green.heard.length > 0)
  const took = performance.now() - began
  assert.deepEqual([lives(recorded), lives(hook), lives(named), lives(others)], [false, false, false, true])
  assert.ok(took >= 300 && took < 1300, `SIGKILL after graceful_timeout, and at once then: ${took} ms`)
  assert.equal(readFileSync(scene.path('run/blue/state/record'), 'utf8'), record, 'the record of another is left alone')
  assert.equal(green.take(web), null)
  assert.ok(existsSync(file(t)))
})
