// Order within the supervisor: priority, waiting, stops that wait for others, the end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Spec } from '../../src/core/spec.ts'
import { stopOperation } from '../../src/supervisor/stopping.ts'
import { World } from '../helpers/fake-os.ts'
import { verbs } from '../helpers/operate.ts'
import { specOf } from '../helpers/specs.ts'

const spec = (program: string, after: readonly string[] = [], more: Partial<Spec> = {}): Spec => {
  const dependsOn = after.map((name) => ({ program: name, condition: 'ready' as const }))
  return specOf({ program, dependsOn, startMs: 100, ...more })
}
const up = (...specs: readonly Spec[]) => specs.map((one) => ({ spec: one, wanted: 'up' as const }))
const stateOf = (world: World, program: string) => world.supervisor.programs.get(program)?.instances[0]
const made = (world: World): string[] => world.launched.map(([, name]) => name)

test('priority: the lowest first of those that may start, whatever the order of the file; nobody waits for it', () => {
  const world = new World()
  const programs = [
    spec('z', [], { priority: 30 }),
    spec('y'),
    spec('x', ['y'], { priority: 1 }),
    spec('w', [], { priority: 2 }),
  ]
  world.supervisor.addAll(up(...programs))
  world.advance(99)
  assert.deepEqual(made(world), ['w:0', 'z:0', 'y:0'])
  world.advance(1)
  assert.deepEqual(made(world), ['w:0', 'z:0', 'y:0', 'x:0'])
  const order: string[] = []
  world.supervisor.watch((n) => {
    if (n.kind === 'instance' && n.after?.state.at === 'stopping') order.push(n.after.program)
  })
  world.advance(1000)
  world.supervisor.shutdown(() => undefined)
  world.advance(1000)
  assert.deepEqual(order, ['z', 'w', 'x', 'y'])
})

test('waiting begins again where a dependency goes while spawns are owed', () => {
  const world = new World()
  world.spawnMs = 1.5
  const { supervisor } = world
  supervisor.addAll(up(spec('db'), spec('web', ['db'], { workers: 6 })))
  let told = false
  supervisor.watch((n) => {
    if (told || n.kind !== 'instance' || n.after?.program !== 'web' || n.after.state.at !== 'starting') return
    if (n.after.state.pid === null) return
    told = true
    supervisor.atOnce('db', (desk) => {
      for (const i of desk.program.instances) desk.tell(i, { type: 'stop' })
    })
  })
  world.advance(1000)
  assert.deepEqual(made(world), ['db:0', 'web:0', 'web:1'])
  const states = supervisor.programs.get('web')?.instances.map((i) => `${i.state.at} ${i.reason ?? ''}`.trim())
  assert.deepEqual(states, ['running', 'running', ...Array(4).fill('waiting waiting for db (STOPPED)')])
  assert.equal(stateOf(world, 'web')?.state.at, 'running')
})

test('a stop that waits for others: nothing new starts there, and it goes when it is told to', () => {
  const world = new World({ nature: () => ({ ends: { afterMs: 500, how: 1 } }) })
  world.supervisor.addAll(up(spec('db', [], { backoffInitialMs: 100 })))
  world.advance(300)
  const stop = stopOperation([0], true, true)
  let ends = 0
  world.supervisor.operate('db', stop, () => ends++)
  assert.deepEqual([stateOf(world, 'db')?.state.at, ends, stop.owesStop?.()], ['running', 0, [0]])
  world.advance(300) // it has died meanwhile
  assert.deepEqual([stateOf(world, 'db')?.state.at, made(world).length, ends], ['stopped', 1, 1])

  verbs(world.supervisor, 'db').start()
  world.advance(200)
  const next = stopOperation([0], true, true)
  world.supervisor.operate('db', next, () => ends++)
  world.supervisor.atOnce('db', (desk) => next.go(desk))
  world.advance(100)
  assert.deepEqual([stateOf(world, 'db')?.state.at, ends], ['stopped', 2])
})
