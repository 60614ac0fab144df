// What a spawn gives, and in which words it fails.

import assert from 'node:assert/strict'
import { closeSync, mkdirSync, openSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import type { Launch } from '../../src/core/ports.ts'
import { waitFor } from '../../src/os/libc.ts'
import { makePipe } from '../../src/os/libc-io.ts'
import { systemSpawner } from '../../src/os/spawner.ts'
import { needsRoot, type Scene, sceneOf } from '../helpers/scene.ts'

const spawner = systemSpawner()
const PATH = process.env.PATH ?? ''

const launch = (scene: Scene, argv: readonly string[], more: Partial<Launch> = {}): Launch => ({
  argv,
  cwd: scene.dir,
  env: { PATH },
  listeners: [],
  toldPid: false,
  stdout: '/dev/null',
  stderr: '/dev/null',
  diesWithUs: false,
  identity: null,
  ...more,
})

/** Runs it to its end, with its stdout and stderr in a file. */
function run(scene: Scene, argv: readonly string[], more: Partial<Launch> = {}) {
  const fd = openSync(scene.path('out'), 'w')
  const made = spawner.spawn(launch(scene, argv, { stdout: fd, stderr: fd, ...more }))
  closeSync(fd)
  if (!('pid' in made)) throw new Error(made.reason)
  const { code, signal } = waitFor(made.pid)
  return { pid: made.pid, code, signal, lines: scene.lines('out') }
}

test('a word without a slash is looked up in the PATH of its own environment', (t) => {
  const scene = sceneOf(t)
  scene.write('bin/tool', '#!/bin/sh\necho "$0"\n', 0o755)
  scene.write('other/tool', '#!/bin/sh\necho wrong\n', 0o644)
  const { lines } = run(scene, ['tool'], { env: { PATH: `/nowhere:${scene.path('other')}:${scene.path('bin')}` } })
  assert.deepEqual(lines, [scene.path('bin/tool')])
  assert.equal(run(scene, ['true'], { env: {} }).code, 0, 'without PATH the usual folders')
  assert.deepEqual(
    run(scene, ['tool'], { env: { PATH: 'bin' } }).lines,
    [scene.path('bin/tool')],
    'relative to the directory',
  )
})

test('argv, environment, directory and exit come out as they went in', (t) => {
  const scene = sceneOf(t)
  mkdirSync(scene.path('work'))
  const script = 'printf "%s\\n" "$0" "$@" "$X" "$PWD"; exit 41'
  const { code, lines } = run(scene, ['sh', '-c', script, 'zero', 'two words', '', 'ü'], {
    cwd: scene.path('work'),
    env: { PATH, X: 'a=b' },
  })
  assert.deepEqual([code, lines], [41, ['zero', 'two words', '', 'ü', 'a=b', scene.path('work')]])
  assert.deepEqual(run(scene, ['sh', '-c', 'kill -9 $$']).signal, 9)
})

test('failures: each says which of the many reasons it was, and whether it can ever succeed', async (t) => {
  const scene = sceneOf(t)
  scene.write('plain', 'x', 0o644)
  scene.write('text', 'no interpreter\n', 0o755)
  scene.write('elf', '\x7fELF', 0o755)
  scene.write('script', '#!/no/such/program\n', 0o755)
  scene.write('denied/plain', 'x', 0o644)
  mkdirSync(scene.path('folder'))
  symlinkSync('loop', scene.path('loop'))
  symlinkSync('gone', scene.path('dangling'))
  const word = 'x'.repeat(140_000)
  const cases: [name: string, launch: Launch, reason: string, permanent?: boolean][] = [
    ['gone', launch(scene, ['./gone']), 'ENOENT: ./gone does not exist'],
    ['dangling link', launch(scene, ['./dangling']), 'ENOENT: ./dangling does not exist'],
    ['not executable', launch(scene, ['./plain']), 'EACCES: ./plain is not executable'],
    ['folder', launch(scene, ['./folder']), 'EACCES: ./folder is a folder'],
    ['loop', launch(scene, ['./loop']), 'ELOOP: ./loop is a loop of links'],
    ['text', launch(scene, ['./text']), 'ENOEXEC: ./text is no program this machine can run (no #! line?)'],
    ['bad elf', launch(scene, ['./elf']), 'ENOEXEC: ./elf is no program this machine can run (no #! line?)'],
    ['interpreter', launch(scene, ['./script']), 'ENOENT: ./script the interpreter that it names does not exist'],
    ['PATH', launch(scene, ['no-such-tool']), 'ENOENT: no program "no-such-tool" in its PATH'],
    ['PATH denied', launch(scene, ['plain'], { env: { PATH: 'denied' } }), 'EACCES: ./denied/plain is not executable'],
    ['directory', launch(scene, ['true'], { cwd: scene.path('gone') }), 'ENOENT: its directory ./gone does not exist'],
    [
      'no directory',
      launch(scene, ['true'], { cwd: scene.path('plain') }),
      'ENOTDIR: its directory ./plain is no folder',
    ],
    ['E2BIG', launch(scene, ['/bin/sh', word]), 'E2BIG: /bin/sh its arguments and environment are too long', true],
    ['NUL', launch(scene, ['true', 'a\0b']), 'an argument or an environment value holds a NUL byte', true],
    [
      'NUL in the environment',
      launch(scene, ['true'], { env: { PATH, X: '\0' } }),
      'an argument or an environment value holds a NUL byte',
      true,
    ],
    ['empty', launch(scene, ['']), 'the command is an empty word', true],
  ]
  for (const [name, what, reason, permanent = false] of cases) {
    await t.test(name, () => {
      const made = spawner.spawn(what)
      if ('pid' in made) waitFor(made.pid)
      assert.deepEqual('reason' in made ? { ...made, reason: made.reason.replaceAll(scene.dir, '.') } : made, {
        reason,
        permanent,
      })
    })
  }
})

test('a directory that may not be entered', { skip: needsRoot === false && 'needs a user that is not root' }, (t) => {
  const scene = sceneOf(t)
  mkdirSync(scene.path('locked'), { mode: 0o000 })
  const reason = (what: Launch): string => {
    const made = spawner.spawn(what)
    return 'reason' in made ? made.reason.replaceAll(scene.dir, '.') : 'started'
  }
  assert.equal(
    reason(launch(scene, ['true'], { cwd: scene.path('locked') })),
    'EACCES: its directory ./locked may not be entered',
  )
  const on = { env: { PATH: 'locked' } }
  assert.equal(
    reason(launch(scene, ['tool'], on)),
    'ENOENT: no program "tool" in its PATH',
    'nobody knows what is in there',
  )
  assert.equal(
    reason(launch(scene, ['./locked/tool'])),
    'EACCES: ./locked/tool cannot be reached: a folder on the way may not be entered',
  )
})

test('a child has 0, 1 and 2 and no other descriptor, also where ours are not close-on-exec', (t) => {
  const scene = sceneOf(t)
  const pipe = makePipe()
  const { lines } = run(scene, ['sh', '-c', 'ls /proc/$$/fd'])
  closeSync(pipe.read)
  closeSync(pipe.write)
  assert.deepEqual(
    lines.filter((fd) => Number(fd) > 2 && Number(fd) < 10),
    [],
  )
})
