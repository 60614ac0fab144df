// Chaos: a real phd whose master and workers are killed, scaled, reloaded and asked at random, and everything that
// must hold looked at meanwhile: `npm run chaos -- --minutes 10 --seed S`. One seed asks the same things in the same
// order. Exits 0 with a table, or 1 with the first thing that did not hold and how to run it again; its folder
// is then kept, with the trail of all that was done.

import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../src/errors.ts'
import { mentioning } from '../helpers/proc.ts'
import { Acting } from './acting.ts'
import { Checkpoint } from './checkpoint.ts'
import { type Options, readOptions, usage } from './options.ts'
import { planRound } from './plan.ts'
import { table } from './report.ts'
import { Violation } from './violation.ts'
import { makeWorld, type World } from './world.ts'

const say = (text: string): void => void process.stdout.write(text)

const TRAIL_LINES = 60
const TAIL_LINES = 15

try {
  await run(readOptions(process.argv.slice(2), Math.floor(Math.random() * 1e9)))
} catch (e) {
  process.stderr.write(`chaos: ${messageOf(e)}\n${usage}`)
  process.exitCode = 2
}

async function run({ seed, durationMs }: Options): Promise<void> {
  const again = `npm run chaos -- --seconds ${durationMs / 1000} --seed ${seed}`
  const world = makeWorld()
  say(`chaos: seed ${seed}, ${durationMs / 1000} s, in ${world.dir}\n`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => world.failed(new Violation(`interrupted by ${signal}`)))
  }
  try {
    const played = play(world, seed, durationMs)
    played.catch(() => undefined) // the first failure is the one that counts
    say(await Promise.race([played, world.failure]))
    rmSync(world.dir, { recursive: true, force: true })
  } catch (e) {
    const words = e instanceof Violation ? e.message : e instanceof Error ? (e.stack ?? e.message) : String(e)
    world.note(words)
    say(`\nthe last actions:\n${world.trail.slice(-TRAIL_LINES).join('\n')}\n`)
    say(`\nthe master's last words:\n${world.phd.tail.slice(-TAIL_LINES).join('\n')}\n`)
    say(`\nVIOLATED: ${words}\nseed ${seed}; again: ${again}\nkept: ${world.dir} (trail.txt has all actions)\n`)
    process.exitCode = 1
  } finally {
    await clean(world)
  }
}

async function play(world: World, seed: number, durationMs: number): Promise<string> {
  const { phd, watch, logs } = world
  const acting = new Acting(world)
  const checkpoint = new Checkpoint(world, acting)
  const begin = performance.now()
  await phd.start()
  watch.begin(() => phd.livingPid)
  let round = 0
  for (; performance.now() - begin < durationMs; round++) {
    const steps = planRound(seed, round)
    world.note(`round ${round}`)
    for (const { action, pauseMs } of steps) {
      await acting.act(action)
      await sleep(pauseMs)
    }
    await checkpoint.hold()
    const at = ((performance.now() - begin) / 1000).toFixed(0)
    say(`${at.padStart(5)} s  round ${round}: ${steps.length} actions, all holds; ${logs.totals.lines} lines so far\n`)
  }
  await checkpoint.finish()
  const { descriptors, residentBytes } = checkpoint.growth
  return table({
    seed,
    durationMs: performance.now() - begin,
    rounds: round,
    actions: acting.actions,
    masterKills: phd.kills,
    upgrades: phd.upgrades,
    workerKills: acting.killing.count,
    ...logs.totals,
    lost: 0, // or we would not be here
    zombies: watch.zombies,
    descriptors,
    residentBytes,
  })
}

/** Nobody of this run may live on. */
async function clean(world: World): Promise<void> {
  world.watch.end()
  await world.phd.end()
  for (let left = mentioning(world.dir); left.length > 0; left = mentioning(world.dir)) {
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // Gone by itself.
      }
    }
    await sleep(20)
  }
}
