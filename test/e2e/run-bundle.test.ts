// phd and phctl run with the code that V8 made of their bundle at the build, and as well without it or with junk in
// its place.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Script } from 'node:vm'
import { missing, root, sceneOf } from '../helpers/scene.ts'
import { paneOf } from '../helpers/tmux.ts'

for (const program of ['phd', 'phctl']) {
  test(`${program}: its bundle has no import() of its own, which a script with V8's code cannot do`, () => {
    const text = readFileSync(join(root, 'dist/bin', `${program}.bundle.cjs`), 'utf8')
    const own = text.replace('module.exports = import(', '') // said to a Node of its own, by phctl import
    assert.ok(!/\bimport\(/.test(own))
  })

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

test('phd on a terminal: its log in words, by a package that is loaded only there', {
  skip: missing('tmux'),
}, async (t) => {
  const scene = sceneOf(t)
  scene.write('config.ini', '[nap]\ncommand = sleep 600\nstart_seconds = 0\n')
  const pane = paneOf(scene)
  pane.type(`${process.execPath} ${root}/dist/bin/phd.cjs -n -c config.ini; echo "exit $?"`)
  const screen = await pane.shows('keeps 1 program')
  assert.match(screen, /INFO: .*nap:0/)
  pane.keys('C-c')
  await pane.shows('exit 0')
})
