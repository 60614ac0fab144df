// Where phd cannot run it says so in one sentence, before anything that would fail with a stack.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { groundFault } from '../src/ground.ts'
import { PHD } from './helpers/programs.ts'
import { sceneOf } from './helpers/scene.ts'

const mapped = (file: string): string =>
  `7f0000000000-7f0000001000 r-xp 00000000 08:01 1    /usr/bin/node\n7f1000000000-7f1000001000 r-xp 00000000 08:01 2    ${file}\n7f2 r-xp 0 0 0 [vdso]\n`

for (const [file, said] of [
  ['/lib/ld-musl-x86_64.so.1', /^cannot run with musl/],
  ['/lib/ld-musl-aarch64.so.1', /^cannot run with musl/],
  ['/usr/lib/x86_64-linux-gnu/libc-2.31.so', /^cannot run with glibc 2\.31: wanted Linux with glibc 2\.34 or newer$/],
  ['/lib64/libc-2.33.so', /2\.33/],
] as const) {
  test(`not on ${file}`, () => assert.match(groundFault('linux', mapped(file)) ?? '', said))
}

test('on glibc 2.34 and newer, and where nothing tells', () => {
  for (const file of [
    '/usr/lib/x86_64-linux-gnu/libc.so.6',
    '/nix/store/x-glibc-2.38/lib/libc.so.6',
    '/lib64/libc-2.34.so',
  ])
    assert.equal(groundFault('linux', mapped(file)), null)
  assert.equal(groundFault('linux', ''), null)
})

test('phd on another system: one line, exit 1', (t) => {
  const pretend = sceneOf(t).write('pretend.cjs', "Object.defineProperty(process, 'platform', { value: 'darwin' })")
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-r', pretend, PHD, '--version'], {
    encoding: 'utf8',
  })
  assert.deepEqual([status, stdout], [1, ''])
  assert.equal(stderr, 'phd: cannot run on darwin: wanted Linux with glibc 2.34 or newer\n')
})
