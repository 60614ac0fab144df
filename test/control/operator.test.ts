// What a caller of the socket is told when something comes in between: the real supervisor in a fake world.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OperationResult } from '../../src/api/contract.ts'
import { Operator } from '../../src/control/operator.ts'
import { PhError } from '../../src/errors.ts'
import { World } from '../helpers/fake-os.ts'
import { specOf } from '../helpers/specs.ts'

const wait = { wait: true } as const

function scene(workers: number, wanted: 'up' | 'down') {
  const world = new World({ nature: () => ({ onStop: { afterMs: 300, how: 0 } }) })
  world.supervisor.add(specOf({ workers }), wanted)
  world.advance(2000)
  return { world, operator: new Operator(world.supervisor, world.clock) }
}

/** `web:0 ok RUNNING, web:1 STOPPED why`, or `PH_CODE why: ...` with the results so far. */
async function told(operation: Promise<OperationResult>): Promise<string> {
  const words = (results: OperationResult['results']): string =>
    results.map((r) => [r.name, ...(r.ok ? ['ok'] : []), r.state, ...(r.error ? [r.error] : [])].join(' ')).join(', ')
  try {
    return words((await operation).results)
  } catch (e) {
    assert.ok(e instanceof PhError)
    return `${e.code} ${e.message}: ${words(e.data.results as OperationResult['results'])}`
  }
}

test('who waits when the master shuts down is told that it does, and not that it was superseded', async () => {
  const { world, operator } = scene(2, 'down')
  const started = told(operator.start('web', wait))
  const waited = told(operator.wait('web', 'FATAL', undefined, () => () => undefined))
  const scaled = told(operator.scale('web', () => 3, wait))
  world.advance(10)
  world.supervisor.shutdown(() => undefined)
  assert.equal(
    await started,
    'PH_STOPPING cannot start "web": the master is shutting down: web:0 STARTING the master is shutting down, web:1 STARTING the master is shutting down',
  )
  assert.match(await waited, /^PH_STOPPING cannot wait "web"/)
  assert.match(await scaled, /^PH_STOPPING cannot scale "web"/)
})

test('what a stop took the place of is superseded; a start that lost one process only is not', async () => {
  const { world, operator } = scene(2, 'down')
  const some = told(operator.start('web', wait))
  world.advance(10)
  void operator.stop('web:0', wait)
  world.advance(2000)
  assert.equal(await some, 'web:0 STARTING superseded by a stop, web:1 ok RUNNING')
  const all = told(operator.restart('web', wait))
  void operator.stop(['web:0', 'web:1'], wait)
  assert.match(await all, /^PH_CONFLICT cannot restart "web": superseded by a stop: web:0 /)
})

test('behind a scale-down: a program as a whole is what it is then, a process by its number is gone', async () => {
  for (const [verb, target, expected] of [
    ['restart', 'web', 'web:0 ok RUNNING'],
    ['restart', 'all', 'web:0 ok RUNNING'],
    ['start', 'w*', 'web:0 ok RUNNING'],
    ['reload', 'web', 'web:0 ok RUNNING'],
    ['restart', 'web:*', 'web:0 ok RUNNING, web:1 STOPPED the slot is gone meanwhile'],
    ['restart', 'web:1', 'web:1 STOPPED the slot is gone meanwhile'],
    ['reload', ['web:0', 'web:1'], 'web:0 ok RUNNING, web:1 STOPPED the slot is gone meanwhile'],
  ] as const) {
    const { world, operator } = scene(2, 'up')
    void operator.scale('web', () => 1, wait)
    const asked = told(operator[verb](target as string | string[], wait))
    world.advance(5000)
    assert.equal(await asked, expected, `${verb} ${String(target)}`)
  }
})
