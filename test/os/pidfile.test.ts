// The pidfile: whole or not at all, and removed only while it is ours.

import assert from 'node:assert/strict'
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { PhError } from '../../src/errors.ts'
import { removePidfile, writePidfile } from '../../src/os/pidfile.ts'
import { sceneOf } from '../helpers/scene.ts'

test('written whole, 0644, over whatever file stood there; a link is replaced, not followed', (t) => {
  const scene = sceneOf(t)
  const umask = process.umask(0o022)
  t.after(() => process.umask(umask))
  scene.write('victim', 'untouched\n')
  symlinkSync(scene.path('victim'), scene.path('master.pid'))
  writePidfile(scene.path('master.pid'), 4711)
  assert.equal(scene.read('master.pid'), '4711\n')
  assert.ok(lstatSync(scene.path('master.pid')).isFile())
  assert.equal(statSync(scene.path('master.pid')).mode & 0o777, 0o644)
  assert.equal(scene.read('victim'), 'untouched\n')
  assert.deepEqual(readdirSync(scene.dir).sort(), ['master.pid', 'victim'], 'no draft is left')
})

test('cannot be written: says where and why, and leaves no draft', (t) => {
  const scene = sceneOf(t)
  mkdirSync(scene.path('folder'))
  for (const [path, why] of [
    [scene.path('gone/master.pid'), 'ENOENT'],
    [scene.path('folder'), 'EISDIR'],
  ] as const) {
    assert.throws(
      () => writePidfile(path, 1),
      (e: unknown) => e instanceof PhError && e.message === `cannot write the pidfile ${path}: ${why}`,
    )
  }
  assert.deepEqual(readdirSync(scene.dir), ['folder'])
})

test("removed only while it names us; another's, and one that is gone, are left alone", (t) => {
  const scene = sceneOf(t)
  const file = scene.path('master.pid')
  writePidfile(file, 4711)
  removePidfile(file, 4712)
  assert.ok(existsSync(file))
  removePidfile(file, 4711)
  assert.ok(!existsSync(file))
  removePidfile(file, 4711)
})
