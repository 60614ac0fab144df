// phd and phctl run with the code that V8 made of their bundle at the build, and as well without it or with junk in
// its place.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Script } from 'node:vm'
import { root, sceneOf } from '../helpers/scene.ts'

for (const program of ['phd', 'phctl']) {
  test(`${program}: its code is made anew on request, and taken by V8; junk is not, and it runs all the same`, (t) => {
    const scene = sceneOf(t)
    const at = (name: string): string => scene.path(`dist/bin/${name}`)
    mkdirSync(scene.path('dist/bin'), { recursive: true })
    for (const name of [`${program}.cjs`, `${program}.bundle.cjs`]) copyFileSync(join(root, 'dist/bin', name), at(name))
    copyFileSync(join(root, 'package.json'), scene.path('package.json'))
    symlinkSync(join(root, 'node_modules'), scene.path('node_modules'))
    const run = (...args: readonly string[]): string =>
      execFileSync(process.execPath, [at(`${program}.cjs`), ...args], { encoding: 'utf8' })
    const plain = run('--help')
    assert.equal(existsSync(at(`${program}.code`)), false)
    assert.equal(run('--make-code', '--help'), plain)
    // As in the program: what V8 takes here, it takes there.
    const text = scene.read(`dist/bin/${program}.bundle.cjs`)
    const source = `(function (exports, require, module, __filename, __dirname) { ${text}\n})`
    const cachedData = readFileSync(at(`${program}.code`))
    assert.equal(new Script(source, { cachedData }).cachedDataRejected, false)
    assert.equal(run('--help'), plain)
    scene.write(`dist/bin/${program}.code`, 'junk')
    assert.equal(run('--help'), plain)
  })
}
