// Replacement as a plan: played against instances that do what they are told, or fail to.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Order } from '../../src/core/program.ts'
import { abandon, advance, type Rollout, rolloutOf } from '../../src/core/rollout.ts'
import { type Instance, newInstance, type State } from '../../src/core/state.ts'
import { specOf } from '../helpers/specs.ts'

const spec = specOf()
const life = { since: 0, startedAt: 0 }
const failedExit = { code: 1, signal: null, at: 0, expected: false, forced: false }
const states = {
  stopped: { at: 'stopped' },
  waiting: { at: 'waiting', since: 0, stuck: false },
  starting: { at: 'starting', pid: 7, ...life, deadline: 9, said: null },
  running: { at: 'running', pid: 7, ...life, heartbeatBy: null, recycleAt: null },
  stopping: {
    at: 'stopping',
    pid: 7,
    group: 7,
    ...life,
    deadline: 9,
    kills: 0,
    cause: { kind: 'asked' },
    from: 'running',
  },
  backoff: { at: 'backoff', until: 9, left: null },
  exited: { at: 'exited', left: null },
  fatal: { at: 'fatal', left: null },
  standby: { at: 'standby', of: 'blue' },
} as const satisfies Record<State['at'], State>
type At = keyof typeof states

/** A program's instances, changed by orders and by hand, beside the plan that looks at them. */
class Stage {
  instances: Instance[]
  plan: Rollout
  ended = false

  constructor(plan: Partial<Pick<Rollout, 'strategy' | 'parallel'>>, first: readonly At[]) {
    this.instances = first.map((at, slot) => this.#make(slot, 1, at))
    this.plan = rolloutOf(
      { generation: 2, strategy: 'start-first', parallel: 1, ...plan },
      first.map((_, slot) => slot),
    )
  }

  /** Asks the plan and carries its orders out; they are returned in words. */
  step(): string[] {
    const { rollout, orders, ended } = advance(this.plan, this)
    this.plan = rollout
    this.ended = ended
    return this.carryOut(orders)
  }

  carryOut(orders: readonly Order[]): string[] {
    return orders.map((order) => {
      if (order.do === 'create') {
        this.instances.push(this.#make(order.slot, order.generation, 'starting'))
        this.instances.sort((a, b) => a.slot - b.slot || a.generation - b.generation)
        return `create ${order.slot}`
      }
      const { slot, generation } = order.instance
      if (order.do === 'drop') this.put(slot, generation, 'stopping', { wanted: 'down' })
      else this.put(slot, generation, 'stopping', { generation: order.generation })
      return order.do === 'drop' ? `drop ${slot}/${generation}` : `renew ${slot}`
    })
  }

  put(slot: number, generation: number, at: At, more: Partial<Instance> = {}): void {
    this.instances = this.instances.map((i) =>
      i.slot === slot && i.generation === generation ? { ...i, state: states[at], ...more } : i,
    )
  }

  forget(slot: number, generation: number): void {
    this.instances = this.instances.filter((i) => i.slot !== slot || i.generation !== generation)
  }

  get words(): string {
    return this.instances
      .map((i) => `${i.slot}/${i.generation} ${i.wanted === 'down' ? '-' : ''}${i.state.at}`)
      .join(', ')
  }

  #make(slot: number, generation: number, at: At): Instance {
    return { ...newInstance(spec, slot, generation, at === 'stopped' ? 'down' : 'up'), state: states[at] }
  }
}

test('start-first: the new one runs before the old one is told to stop, one slot at a time', () => {
  const s = new Stage({}, ['running', 'running'])
  assert.deepEqual(s.step(), ['create 0'])
  assert.deepEqual(s.step(), [], 'asked again, it orders nothing twice')
  s.put(0, 2, 'running')
  assert.deepEqual(s.step(), ['drop 0/1'])
  assert.deepEqual(s.step(), [])
  s.forget(0, 1)
  assert.deepEqual(s.step(), ['create 1'])
  s.put(1, 2, 'running')
  assert.deepEqual(s.step(), ['drop 1/1'])
  assert.equal(s.ended, false)
  s.forget(1, 1)
  assert.deepEqual(s.step(), [])
  assert.deepEqual([s.ended, s.plan.done, s.plan.failed], [true, [0, 1], null])
})

test('stop-first: within the slot, the old one ends first', () => {
  const s = new Stage({ strategy: 'stop-first' }, ['running', 'running'])
  assert.deepEqual(s.step(), ['renew 0'])
  s.put(0, 2, 'starting')
  assert.deepEqual(s.step(), [])
  s.put(0, 2, 'running')
  assert.deepEqual(s.step(), ['renew 1'])
  s.put(1, 2, 'running')
  assert.deepEqual(s.step(), [])
  assert.deepEqual([s.ended, s.plan.failed], [true, null])
})

test('parallel: so many at the same time, and the next as soon as one is done', () => {
  const s = new Stage({ parallel: 2 }, ['running', 'running', 'running'])
  assert.deepEqual(s.step(), ['create 0', 'create 1'])
  s.put(1, 2, 'running')
  assert.deepEqual(s.step(), ['drop 1/1'])
  s.forget(1, 1)
  assert.deepEqual(s.step(), ['create 2'])
  assert.deepEqual(s.plan.under, [0, 2])
})

test('what is not running: BACKOFF, FATAL and STARTING are renewed in place, STOPPED and EXITED stay', () => {
  const s = new Stage({ parallel: 9 }, ['backoff', 'fatal', 'starting', 'stopped', 'exited'])
  assert.deepEqual(s.step(), ['renew 0', 'renew 1', 'renew 2'])
  assert.deepEqual(
    [s.plan.under, s.plan.done],
    [
      [0, 1, 2],
      [3, 4],
    ],
  )
})

for (const at of ['backoff', 'fatal'] as const) {
  test(`start-first: a new one that fails (${at}) is dropped, ends the plan, and the old ones stay`, () => {
    const s = new Stage({}, ['running', 'running'])
    s.step()
    s.put(0, 2, at, { reason: 'exit 1' })
    assert.deepEqual(s.step(), ['drop 0/2'])
    assert.deepEqual([s.ended, s.plan.failed, s.plan.todo], [true, { slot: 0, reason: 'exit 1' }, []])
    assert.match(s.words, /^0\/1 running, .*, 1\/1 running$/)
  })
}

test('a new one that failed and is started again at once has failed', () => {
  const s = new Stage({}, ['running'])
  s.step()
  s.put(0, 2, 'starting', { failures: 1 })
  assert.deepEqual([s.step(), s.plan.failed?.slot], [['drop 0/2'], 0])
})

test('a new one that exits: as expected it is done, else it has failed', () => {
  const good = new Stage({}, ['running'])
  good.step()
  good.put(0, 2, 'exited', { exit: { ...failedExit, code: 0, expected: true } })
  assert.deepEqual(good.step(), ['drop 0/1'])
  good.forget(0, 1)
  good.step()
  assert.deepEqual([good.ended, good.plan.failed], [true, null])
  const bad = new Stage({}, ['running'])
  bad.step()
  bad.put(0, 2, 'exited', { exit: failedExit })
  assert.deepEqual([bad.step(), bad.plan.failed?.reason], [['drop 0/2'], 'did not start'])
})

test('start-first: when the old one is gone meanwhile, a failing new one goes on trying', () => {
  const s = new Stage({}, ['running'])
  s.step()
  s.put(0, 2, 'running')
  s.step()
  s.put(0, 2, 'backoff')
  assert.deepEqual(s.step(), [])
  assert.deepEqual([s.ended, s.words], [true, '0/1 -stopping, 0/2 backoff'])
})

test('stop-first: a new one that fails ends the plan and goes on trying', () => {
  const s = new Stage({ strategy: 'stop-first' }, ['running', 'running'])
  s.step()
  s.put(0, 2, 'backoff')
  assert.deepEqual(s.step(), [])
  assert.deepEqual([s.ended, s.words], [true, '0/2 backoff, 1/1 running'])
})

test('parallel: after a failure nothing begins, what is under way is brought to its end', () => {
  const s = new Stage({ parallel: 2 }, ['running', 'running', 'running'])
  s.step()
  s.put(0, 2, 'fatal')
  assert.deepEqual(s.step(), ['drop 0/2'])
  assert.equal(s.ended, false)
  s.put(1, 2, 'running')
  assert.deepEqual(s.step(), ['drop 1/1'])
  s.forget(1, 1)
  assert.deepEqual(s.step(), [])
  assert.deepEqual([s.ended, s.plan.failed?.slot, s.plan.done], [true, 0, [0, 1]])
})

test('a stop in the middle: what was stopped stays so', () => {
  const s = new Stage({}, ['running', 'running'])
  s.step()
  for (const i of s.instances) s.put(i.slot, i.generation, 'stopping', { wanted: 'down' })
  s.step()
  assert.deepEqual([s.ended, s.plan.failed?.reason], [true, 'stopped meanwhile'])
  const before = new Stage({}, ['running', 'running'])
  before.put(0, 1, 'stopping', { wanted: 'down' })
  assert.deepEqual([before.step(), before.plan.done], [['create 1'], [0]])
})

test('a scale-down in the middle: slots that are gone are done', () => {
  const s = new Stage({}, ['running', 'running', 'running'])
  s.step()
  s.forget(1, 1)
  s.forget(2, 1)
  s.put(0, 2, 'running')
  s.step()
  s.forget(0, 1)
  assert.deepEqual(s.step(), [])
  assert.deepEqual([s.ended, s.plan.done], [true, [0, 1, 2]])
})

test('one that is still leaving goes first; an old one that has meanwhile ended is not mistaken for it', () => {
  const s = new Stage({}, ['running'])
  s.instances.push({ ...newInstance(spec, 0, 1.5, 'down'), state: states.stopping })
  assert.deepEqual([s.step(), s.plan.under], [[], [0]])
  s.put(0, 1, 'exited')
  assert.deepEqual([s.step(), s.words], [[], '0/1 exited, 0/1.5 -stopping'])
  s.forget(0, 1.5)
  s.step()
  assert.deepEqual([s.ended, s.words], [true, '0/1 exited'])
})

test('abandon: one instance stays in each slot, the new one only where it serves', () => {
  const s = new Stage({ parallel: 3 }, ['running', 'running', 'running', 'running'])
  s.step()
  s.put(1, 2, 'running')
  assert.deepEqual(s.carryOut(abandon(s.plan, s)), ['drop 0/2', 'drop 1/1', 'drop 2/2'])
  assert.deepEqual(s.carryOut(abandon(s.plan, s)), [], 'twice is once')
  const late = new Stage({}, ['running'])
  late.step()
  late.put(0, 2, 'backoff')
  late.put(0, 1, 'stopping', { wanted: 'down' })
  assert.deepEqual(abandon(late.plan, late), [], 'the old one leaves already: the new one must stay')
  assert.deepEqual(abandon(new Stage({}, ['running']).plan, { instances: [] }), [])
})

test('a new process that would wait in vain for its dependencies: what runs is left alone, in either strategy', () => {
  for (const strategy of ['start-first', 'stop-first'] as const) {
    const { plan, instances } = new Stage({ strategy }, ['running', 'running'])
    const { orders, rollout, ended } = advance(plan, { instances }, 'waiting for db (STOPPED)')
    assert.deepEqual([orders, rollout.failed, ended], [[], { slot: 0, reason: 'waiting for db (STOPPED)' }, true])
  }
})

test('one that waits already: for what is on its way the plan waits, in vain it gives up and the old one stays', () => {
  const { plan, instances } = new Stage({}, ['running'])
  const waiting = (stuck: boolean): Instance => ({
    ...newInstance(spec, 0, 2, 'up'),
    state: { at: 'waiting', since: 0, stuck },
    reason: 'waiting for db:0 (FATAL)',
  })
  const step = (stuck: boolean) =>
    advance({ ...plan, todo: [], under: [0] }, { instances: [...instances, waiting(stuck)] })
  assert.deepEqual([step(false).orders, step(false).ended], [[], false])
  const { orders, rollout, ended } = step(true)
  assert.deepEqual(
    orders.map((o) => o.do),
    ['drop'],
  )
  assert.deepEqual([rollout.failed?.reason, ended], ['waiting for db:0 (FATAL)', true])
})
