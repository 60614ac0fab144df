// Hooks that a dead master left: waited for, given up, or never made.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hookOf } from '../../src/core/hooks.ts'
import { hookKey, type Kept, type ProcessRow } from '../../src/core/record.ts'
import { newInstance, type State } from '../../src/core/state.ts'
import type { World } from '../helpers/fake-os.ts'
import { keptOf, orphanedWorld, takeOver } from '../helpers/kept.ts'
import { specOf } from '../helpers/specs.ts'

const spec = specOf({ hooks: { commands: { pre_start: ['x'] }, timeoutMs: 60_000 }, startMs: 0 })
const starting = (hook: Partial<State> = {}): State =>
  ({ at: 'starting', pid: null, since: 9_000, startedAt: 1, deadline: null, said: null, ...hook }) as State
const owed = { hook: hookOf(spec, 'pre_start') } as Partial<State>

/** A hook of the dead master's time, that never ends by itself. */
function hookIn(world: World): ProcessRow {
  const { pid, start } = world.kernel.launch(newInstance(spec, 0, 1, 'up'), 'token of a hook', {}, true)
  return { token: 'token of a hook', pid, start }
}

function keptWith(state: State, hook: ProcessRow): Kept {
  const kept = keptOf(spec, [{ state }])
  return { ...kept, process: new Map([[hookKey(newInstance(spec, 0, 1, 'up')), hook]]) }
}

const state = (world: World): State | undefined => world.supervisor.programs.get('web')?.instances[0]?.state

test('one that was made, of which only the intent was written, is found, and no second one is made', () => {
  const world = orphanedWorld()
  const { pid } = hookIn(world)
  takeOver(world, keptWith(starting(owed), { token: 'token of a hook', pid: null, start: null }))
  const now = state(world)
  assert.ok(now?.at === 'starting' && now.hook?.pid === pid)
  assert.deepEqual([world.kernel.hooks().length, world.launched, world.faults], [1, [], []])
})

test('one that never came to be is made now', () => {
  const world = orphanedWorld()
  takeOver(world, keptWith(starting(owed), { token: 'token of nobody', pid: null, start: null }))
  world.advance(10)
  assert.deepEqual([state(world)?.at, world.launched.length, world.store.durable.process.size], ['running', 1, 1])
})

test('one that was given up is ended, and stands in the way of nothing', () => {
  const world = orphanedWorld()
  const hook = hookIn(world)
  takeOver(world, keptWith(starting(), hook))
  world.advance(10)
  assert.deepEqual([state(world)?.at, world.launched.length, world.kernel.hooks()], ['running', 1, []])
  assert.deepEqual(
    world.signalled.map(([, pid, signal]) => [pid, signal]),
    [[-(hook.pid ?? 0), 'SIGKILL']],
  )
})
