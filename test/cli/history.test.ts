// The history of the prompt: who can read it, how much of it is kept, and what is not.

import assert from 'node:assert/strict'
import { existsSync, lstatSync, statSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { historyIn } from '../../cli/history.ts'
import { sceneOf } from '../helpers/scene.ts'

test('a file of its user alone, the newest line first, and each once', (t) => {
  const scene = sceneOf(t)
  const env = { XDG_STATE_HOME: scene.dir }
  const first = historyIn(env)
  assert.deepEqual(first.lines, [])
  for (const line of ['status', 'pid', ' call login secret', 'status', 'x'.repeat(5000)]) first.add(line)
  assert.deepEqual(historyIn(env).lines, ['status', 'pid'])
  assert.equal(statSync(scene.path('phd/phctl_history')).mode & 0o777, 0o600)
  assert.equal(statSync(scene.path('phd')).mode & 0o777, 0o700)
})

test('bounded: beyond twice what is kept, the oldest go', (t) => {
  const scene = sceneOf(t)
  const env = { HOME: scene.dir }
  const file = '.local/state/phd/phctl_history'
  scene.write(file, Array.from({ length: 2500 }, (_none, at) => `pid ${at}\n`).join(''), 0o600)
  const { lines, most } = historyIn(env)
  assert.deepEqual([most, lines.length, lines[0]], [1000, 1000, 'pid 2499'])
  assert.deepEqual([scene.lines(file).length, statSync(scene.path(file)).mode & 0o777], [1000, 0o600])
})

test('where it cannot be kept nothing is said: no home, and a link that somebody laid', (t) => {
  const scene = sceneOf(t)
  historyIn({}).add('status')
  scene.write('state/phd/x', '')
  symlinkSync(scene.path('elsewhere'), scene.path('state/phd/phctl_history'))
  historyIn({ XDG_STATE_HOME: scene.path('state') }).add('status')
  assert.ok(lstatSync(scene.path('state/phd/phctl_history')).isSymbolicLink() && !existsSync(scene.path('elsewhere')))
})
