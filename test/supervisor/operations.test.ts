// When operations settle, and with which words: the real supervisor in a fake world, ms by ms.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Spec } from '../../src/core/spec.ts'
import { type Nature, World } from '../helpers/fake-os.ts'
import { verbs } from '../helpers/operate.ts'
import { specOf, workerSpec } from '../helpers/specs.ts'

/** A world with one program `web`; `natures` are those of its processes in order, the last one for all further. */
function scene(
  spec: Spec,
  wanted: 'up' | 'down' = 'up',
  ...natures: (Nature | { failed: string; permanent?: boolean })[]
) {
  let next = 0
  const world = new World({ nature: () => natures[Math.min(next++, natures.length - 1)] ?? {} })
  world.supervisor.add(spec, wanted)
  const program = () => world.supervisor.programs.get('web') ?? { instances: [], desired: -1, generation: -1 }
  return {
    world,
    web: verbs(world.supervisor),
    /** `0 running, 1 backoff` */
    now: () =>
      program()
        .instances.map((i) => `${i.slot} ${i.state.at}`)
        .join(', '),
    program,
    pids: () => world.leaders('web').map((p) => p.pid),
    pass: (ms: number) => world.advance(ms),
  }
}

// start --------------------------------------------------------------------------------------------

test('start settles with RUNNING, EXITED, FATAL, or the first failed start', () => {
  const cases: [Partial<Spec>, Nature | { failed: string }, number, string][] = [
    [{}, {}, 1000, '0 ok RUNNING'],
    [{ autorestart: 'never' }, { ends: { afterMs: 300, how: 0 } }, 300, '0 ok EXITED'],
    [{ autorestart: 'never' }, { ends: { afterMs: 300, how: 4 } }, 300, '0 EXITED exit 4'],
    [{ startRetries: 0 }, { ends: { afterMs: 300, how: 4 } }, 300, '0 FATAL exit 4; the first start failed'],
    [{}, { ends: { afterMs: 300, how: 4 } }, 300, '0 BACKOFF exit 4; next try at once'],
    [{}, { failed: 'cannot run "x": ENOENT' }, 0, '0 BACKOFF cannot run "x": ENOENT; next try at once'],
  ]
  for (const [spec, nature, at, words] of cases) {
    const { web, pass } = scene(specOf(spec), 'down', nature)
    const asked = web.start()
    if (at > 0) {
      pass(at - 1)
      assert.equal(asked.ends, 0, words)
      pass(1)
    }
    assert.deepEqual([asked.ends, asked.words], [1, words])
  }
})

test('start: RUNNING is ok at once, STARTING when it runs, and neither gets another process', () => {
  const { web, pass, world } = scene(specOf())
  const early = web.start()
  pass(1000)
  const late = web.start()
  assert.deepEqual([early.words, early.ends, late.words, late.ends], ['0 ok RUNNING', 1, '0 ok RUNNING', 1])
  assert.equal(world.launched.length, 1)
})

test('start in STOPPING starts after it has ended', () => {
  const { web, pass, world } = scene(specOf(), 'up', { onStop: { afterMs: 500, how: 0 } }, {})
  pass(1000)
  const stop = web.stop()
  const start = web.start()
  pass(499)
  assert.deepEqual([stop.ends, start.ends, world.launched.length], [0, 0, 1])
  pass(1)
  assert.deepEqual([stop.words, world.launched.at(-1)], ['0 ok STOPPED', [1500, 'web:0', 102]])
  pass(1000)
  assert.equal(start.words, '0 ok RUNNING')
})

test('a spawn that fails is tried again at once, then after its backoff, until FATAL', () => {
  let tries = 0
  const world = new World({
    nature: () => {
      tries++
      return { failed: 'EAGAIN' }
    },
  })
  world.supervisor.add(specOf({ startRetries: 2 }), 'up')
  world.settle()
  assert.equal(tries, 2)
  world.advance(99)
  assert.equal(tries, 2)
  world.advance(1)
  assert.deepEqual([tries, world.supervisor.programs.get('web')?.instances[0]?.state.at], [3, 'fatal'])
})

// stop ---------------------------------------------------------------------------------------------

test('stop settles when nothing of the slot lives, leftovers included', () => {
  const { web, pass, world } = scene(specOf(), 'up', { onStop: { afterMs: 100, how: 0 }, leaves: ['ignores'] })
  pass(1000)
  const asked = web.stop()
  pass(9999)
  assert.equal(asked.ends, 0)
  pass(1)
  assert.deepEqual([asked.words, world.processes.size], ['0 ok STOPPED', 0])
  assert.deepEqual(
    world.signalled.map(([at, pid, signal]) => `${at} ${pid} ${signal}`),
    ['1000 101 SIGTERM', '1000 101 SIGCONT', '1100 -101 SIGTERM', '1100 -101 SIGCONT', '11000 -101 SIGKILL'],
  )
})

test('stop in BACKOFF, EXITED and FATAL settles at once', () => {
  const specs: Partial<Spec>[] = [{ backoffInitialMs: 5000 }, { autorestart: 'never' }, { startRetries: 0 }]
  for (const spec of specs) {
    const { web, pass } = scene(specOf(spec), 'up', { ends: { afterMs: 1, how: 1 } })
    pass(10)
    const asked = web.stop()
    assert.deepEqual([asked.ends, asked.words], [1, '0 ok STOPPED'])
  }
})

test('leftovers that vanish unseen are noticed at the next look', () => {
  const { web, pass } = scene(specOf(), 'up', { leaves: [{ vanishesAfterMs: 700 }], onStop: { afterMs: 0, how: 0 } })
  pass(1000)
  const asked = web.stop()
  pass(10_000)
  assert.deepEqual([asked.ends, asked.words], [1, '0 ok STOPPED'])
})

test('a process that even SIGKILL does not end at once is waited for', () => {
  const { web, pass, program } = scene(specOf({ stopMs: 0 }), 'up', { unkillableMs: 20_000 })
  pass(1000)
  const asked = web.stop()
  pass(19_999)
  assert.deepEqual([asked.ends, program().instances[0]?.reason], [0, 'unkillable: SIGKILL does not end it'])
  pass(1)
  assert.deepEqual([asked.ends, asked.words], [1, '0 ok STOPPED'])
})

// restart and the queue ----------------------------------------------------------------------------

test('restart: each slot by itself, all at once; a stopped one starts', () => {
  const { web, pass, pids } = scene(specOf({ workers: 3 }))
  pass(1000)
  web.stop([1])
  pass(0)
  const asked = web.restart()
  pass(999)
  assert.deepEqual([asked.ends, pids().length], [0, 3])
  pass(1)
  assert.equal(asked.words, '0 ok RUNNING, 1 ok RUNNING, 2 ok RUNNING')
})

test('restart right after a failed reload is not judged by the leftovers of the new process', () => {
  const fails: Nature = { readyMs: null, ends: { afterMs: 5, how: 3 }, leaves: ['ignores'] }
  const { web, pass, program } = scene(workerSpec(), 'up', {}, fails, { readyMs: 15_000 })
  pass(10)
  const reload = web.reload()
  const restart = web.restart()
  pass(11_000)
  assert.deepEqual([reload.words, restart.ends], ['0 RUNNING exit 3', 0])
  pass(9000)
  assert.deepEqual([restart.words, program().instances.length], ['0 ok RUNNING', 1])
})

test('operations on one program run in order, each once', () => {
  const { web, pass, world } = scene(specOf(), 'down')
  const all = [web.start(), web.restart(), web.scale(2), web.restart()]
  pass(500)
  assert.deepEqual(
    all.map((o) => o.ends),
    [0, 0, 0, 0],
  )
  pass(500)
  assert.deepEqual(
    all.map((o) => o.ends),
    [1, 0, 0, 0],
  )
  pass(10_000)
  assert.deepEqual(
    all.map((o) => [o.ends, o.superseded]),
    Array(4).fill([1, null]),
  )
  assert.equal(world.launched.length, 1 + 1 + 1 + 1, 'the last restart was asked for one slot')
})

test('stop overtakes a start and whatever waits behind it; a start after it waits', () => {
  const { web, pass, now } = scene(workerSpec(), 'down', { readyMs: null, onStop: { afterMs: 100, how: 0 } }, {})
  const start = web.start()
  const restart = web.restart()
  pass(200)
  const stop = web.stop()
  assert.deepEqual([start.superseded, restart.superseded], ['superseded by a stop', 'superseded by a stop'])
  assert.deepEqual([start.words, start.ends], ['0 STARTING superseded by a stop', 1])
  const again = web.start()
  pass(100)
  assert.deepEqual([stop.words, now()], ['0 ok STOPPED', '0 running'])
  assert.equal(again.words, '0 ok RUNNING')
})

test('a stop of other slots overtakes nothing', () => {
  const { web, pass } = scene(specOf({ workers: 2 }), 'down')
  const start = web.start([0])
  const stop = web.stop([1])
  pass(1000)
  assert.deepEqual([start.words, stop.words], ['0 ok RUNNING', '1 ok STOPPED'])
})

// scale --------------------------------------------------------------------------------------------

test('scale up: the new slots settle as a start does; down: the highest are drained', () => {
  const { web, pass, now, program } = scene(specOf(), 'up', { onStop: { afterMs: 300, how: 0 } })
  pass(1000)
  const up = web.scale(3)
  pass(1000)
  assert.deepEqual([up.words, program().desired], ['1 ok RUNNING, 2 ok RUNNING', 3])
  const down = web.scale(1)
  pass(299)
  assert.deepEqual([down.ends, now()], [0, '0 running, 1 stopping, 2 stopping'])
  pass(1)
  assert.deepEqual([down.words, now()], ['1 ok STOPPED, 2 ok STOPPED', '0 running'])
  assert.deepEqual([web.scale(0).operation.kind, web.scale(0).ends], ['scale', 0])
  pass(300)
  assert.equal(now(), '')
  web.scale(1)
  pass(1000)
  assert.equal(now(), '0 running', 'a program that was up starts its slots again')
})

test('scale of a program that is all wanted down: new slots stay down, also by way of 0', () => {
  const { web, pass, now } = scene(specOf({ workers: 2 }))
  pass(1000)
  web.stop([0])
  web.stop([1])
  pass(10)
  const up = web.scale(3)
  assert.equal(up.words, '2 ok STOPPED stays down: the program is stopped')
  web.scale(0)
  pass(10)
  web.scale(2)
  pass(2000)
  assert.equal(now(), '0 stopped, 1 stopped')
})

// reload -------------------------------------------------------------------------------------------

test('reload start-first: capacity never falls, one slot at a time', () => {
  const { web, pass, world, now } = scene(workerSpec({ workers: 2 }), 'up', {
    readyMs: 100,
    onStop: { afterMs: 50, how: 0 },
  })
  pass(100)
  const asked = web.reload()
  let least = 9
  let most = 0
  for (let ms = 0; ms < 300; ms++) {
    pass(1)
    const running = world.supervisor.programs.get('web')?.instances.filter((i) => i.state.at === 'running').length ?? 0
    least = Math.min(least, running)
    most = Math.max(most, world.leaders().length)
  }
  assert.deepEqual([least, most, asked.words], [2, 3, '0 ok RUNNING, 1 ok RUNNING'])
  assert.deepEqual([now(), world.launched.length], ['0 running, 1 running', 4])
})

test('reload start-first: a new process that fails its start ends it, and the old ones stay', () => {
  const { web, pass, pids } = scene(
    workerSpec({ workers: 2 }),
    'up',
    {},
    {},
    { readyMs: null, says: 'no such table', ends: { afterMs: 20, how: 3 } },
  )
  pass(10)
  const before = pids()
  const asked = web.reload()
  pass(100)
  assert.deepEqual(
    asked.words,
    '0 RUNNING exit 3: no such table, 1 RUNNING not replaced: web:0 failed (exit 3: no such table)',
  )
  assert.deepEqual(pids(), before)
})

test('reload stop-first: never two processes in a slot; one that fails goes on trying', () => {
  const { web, pass, world, now } = scene(specOf(), 'up', {}, { ends: { afterMs: 20, how: 1 } }, {})
  pass(1000)
  const asked = web.reload()
  pass(50)
  assert.deepEqual([asked.words, world.leaders().length], ['0 BACKOFF exit 1', 1])
  pass(2000)
  assert.equal(now(), '0 running')
})

test('reload by signal: the process stays, and gets the signal', () => {
  const { web, pass, world } = scene(specOf({ reloadStrategy: 'signal', reloadSignal: 'SIGUSR2' }), 'up', {
    onStop: 'ignore',
  })
  pass(1000)
  const asked = web.reload()
  assert.deepEqual([asked.words, asked.ends, world.signalled], ['0 ok RUNNING', 1, [[1000, 101, 'SIGUSR2']]])
})

test('reload: STOPPED and EXITED are refused by name and skipped else; FATAL and BACKOFF start anew', () => {
  const { web, pass, now } = scene(specOf({ workers: 2 }), 'down')
  web.start([0])
  pass(1000)
  assert.equal(web.reload([1], true).words, '1 STOPPED cannot reload: it is STOPPED')
  assert.equal(web.reload([1], false).words, '1 ok STOPPED skipped: it is STOPPED')
  assert.equal(now(), '0 running, 1 stopped')
  const fatal = scene(specOf({ startRetries: 0 }), 'up', { ends: { afterMs: 1, how: 1 } }, {})
  fatal.pass(10)
  assert.equal(fatal.now(), '0 fatal')
  const asked = fatal.web.reload()
  fatal.pass(1000)
  assert.equal(asked.words, '0 ok RUNNING')
})

test('a second reload replaces the first; stop aborts a reload; each leaves one process a slot', () => {
  const nature = { readyMs: 100, onStop: { afterMs: 50, how: 0 } }
  const { web, pass, now, world } = scene(workerSpec({ workers: 3 }), 'up', nature)
  pass(100)
  const first = web.reload()
  pass(150)
  const second = web.reload()
  assert.deepEqual([first.ends, first.superseded], [1, 'superseded by a later reload'])
  pass(50)
  const stop = web.stop([2])
  assert.equal(second.superseded, 'superseded by a stop')
  pass(5000)
  assert.deepEqual([stop.words, now()], ['2 ok STOPPED', '0 running, 1 running, 2 stopped'])
  assert.equal(world.leaders().length, 2)
})

test('a restart while a new process is still leaving goes to the one that stays', () => {
  const { web, pass, now, world } = scene(workerSpec(), 'up', {}, { readyMs: null, onStop: 'ignore' }, {})
  pass(10)
  web.reload()
  pass(10)
  web.reload()
  pass(10)
  world.strike(101, 'SIGKILL')
  pass(10)
  const start = web.start()
  pass(30_000)
  assert.deepEqual([start.words, now(), world.leaders().length], ['0 ok RUNNING', '0 running', 1])
})

// wait ---------------------------------------------------------------------------------------------

test('wait does not hold up others, and is over when each slot has been seen in the state', () => {
  const { web, pass } = scene(specOf({ workers: 2 }), 'down')
  const wait = web.wait('RUNNING')
  assert.equal(web.wait('STOPPED').ends, 1)
  web.start([0])
  pass(1000)
  assert.equal(wait.ends, 0)
  web.start([1])
  web.stop([0])
  pass(1000)
  assert.deepEqual([wait.ends, wait.words], [1, '0 ok RUNNING, 1 ok RUNNING'])
})

test('wait looks at what users see: the old process of a replacement says nothing of the slot', () => {
  const { web, pass } = scene(workerSpec(), 'up')
  pass(10)
  const wait = web.wait('STOPPED')
  web.reload()
  pass(100)
  assert.equal(wait.ends, 0)
  web.stop()
  pass(10)
  assert.equal(wait.words, '0 ok STOPPED')
})

test('wait for a slot that is scaled away ends with an error', () => {
  const { web, pass } = scene(specOf({ workers: 2 }))
  pass(1000)
  const wait = web.wait('FATAL', [1])
  web.scale(1)
  pass(10)
  assert.equal(wait.words, '1 STOPPED the slot is gone meanwhile')
})
