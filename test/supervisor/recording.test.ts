// What is written down, and when: before anything of it is done, and whatever has changed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { World } from '../helpers/fake-os.ts'
import { verbs } from '../helpers/operate.ts'
import { specOf } from '../helpers/specs.ts'

const rowOf = ({ store }: World) => store.durable.program.get('web')

test('settings that need no new process are recorded, also of a program without slots', () => {
  for (const workers of [0, 2]) {
    const world = new World()
    world.supervisor.add(specOf({ workers }), 'up')
    world.advance(1_000)
    const spec = specOf({ workers, stopMs: 77 })
    world.supervisor.atOnce('web', (desk) => desk.setSpecLive(spec))
    assert.equal(rowOf(world)?.spec, spec)
    for (const row of world.store.durable.instance.values()) assert.equal(row.spec, null)
  }
})

test('an update is owed as long as it waits, then its plan is recorded until it ends', () => {
  const world = new World()
  const spec = specOf({ workers: 2, startMs: 1_000 })
  world.supervisor.add(spec, 'up')
  verbs(world.supervisor).start()
  const newer = { ...spec, stopMs: 77 }
  verbs(world.supervisor).update(newer)
  assert.deepEqual([rowOf(world)?.owesUpdate, rowOf(world)?.rollout], [true, null])
  assert.deepEqual(
    [...world.store.durable.instance.values()].map((row) => row.spec),
    [spec, spec],
  )
  world.advance(1_000)
  assert.deepEqual([rowOf(world)?.owesUpdate, rowOf(world)?.rollout?.plan.under], [false, [0]])
  world.advance(10_000)
  assert.deepEqual([rowOf(world)?.owesUpdate, rowOf(world)?.rollout], [false, null])
  assert.deepEqual(
    [...world.store.durable.instance.values()].map((row) => row.spec),
    [null, null],
  )
})

test('each signal and each birth stands in the record before', () => {
  const world = new World({ nature: () => ({ onStop: 'ignore' }) })
  const { launcher, signals } = world.ports
  const { launch } = launcher
  const { send } = signals
  const states: string[] = []
  const record = world.store.durable
  launcher.launch = (i, token) => {
    states.push(`birth: ${JSON.stringify(record.process.get(`web:${i.slot}:1`))}`)
    return launch(i, token)
  }
  signals.send = (pid, signal, group) => {
    const state = record.instance.get('web:0:1')?.state
    states.push(`${signal}: ${state?.at} ${state?.at === 'stopping' ? state.kills : ''}`)
    return send(pid, signal, group)
  }
  world.supervisor.add(specOf({ stopMs: 500 }), 'up')
  world.advance(1_000)
  verbs(world.supervisor).stop()
  world.advance(1_000)
  assert.deepEqual(states, [
    'birth: {"token":"token 1","pid":null,"start":null}',
    'SIGTERM: stopping 0',
    'SIGCONT: stopping 0',
    'SIGKILL: stopping 1',
  ])
})

test('what waits for its turn stands in the record until it begins, behind that for which it waits', () => {
  const world = new World()
  const spec = specOf({ workers: 1, startMs: 1_000 })
  world.supervisor.add(spec, 'up')
  verbs(world.supervisor).start()
  assert.equal(rowOf(world)?.owed, undefined, 'nothing waits')
  verbs(world.supervisor).restart()
  verbs(world.supervisor).reload()
  assert.deepEqual(rowOf(world)?.owed, [
    { kind: 'settle', slots: [0] },
    { kind: 'restart', slots: [0], whole: true },
    { kind: 'reload', slots: [0], byName: true, whole: true },
  ])
  world.advance(1_000)
  assert.deepEqual(
    rowOf(world)?.owed?.map(({ kind }) => kind),
    ['settle', 'reload'],
  )
  world.advance(60_000)
  assert.equal(rowOf(world)?.owed, undefined)
})
