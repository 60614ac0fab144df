// Cgroups of programs on the real hierarchy, where it can be written; the limits themselves need controllers that
// a machine with cgroup v1 beside it does not have: what is written for them is looked at in a folder of files.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Signals } from '../../src/core/ports.ts'
import { cgroupsOf } from '../../src/os/cgroups.ts'
import { waitFor } from '../../src/os/libc.ts'
import { systemSpawner } from '../../src/os/spawner.ts'
import { lives, stateOf } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'

/** The top of the real hierarchy; null = there is none, or it is not ours. */
const top = ((): string | null => {
  const mount = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.includes(' - cgroup2 '))
  const folder = mount?.split(' ')[4]
  if (!folder) return null
  const probe = join(folder, `phd-probe-${process.pid}`)
  try {
    mkdirSync(probe)
    rmdirSync(probe)
    return folder
  } catch {
    return null
  }
})()
const writable = top === null && 'needs a cgroup v2 that may be written'

/** What the kernel would tell by other ways than cgroups: nothing. */
const deaf: Signals = { send: () => false, hasLeft: () => false, oomKilled: () => null }

/** A cgroup for this test, gone at its end. */
function baseOf(t: TestContext): string {
  const base = join(top ?? '/', `phd-test-${process.pid}`)
  const removeAll = (folder: string): void => {
    for (const one of readdirSync(folder, { withFileTypes: true }))
      if (one.isDirectory()) removeAll(join(folder, one.name))
    rmdirSync(folder)
  }
  mkdirSync(base)
  t.after(() => removeAll(base))
  return base
}

test('a process enters its cgroup before it begins; what it makes there is found, killed, and the cgroup goes', {
  skip: writable,
}, async (t) => {
  const scene = sceneOf(t)
  const base = baseOf(t)
  const cgroups = cgroupsOf({ runPath: scene.dir, base: () => base })
  const signals = cgroups.around(deaf)
  const made = cgroups.make('web', 'token-of-the-first', {})
  assert.ok('enters' in made, JSON.stringify(made))
  const leaf = made.enters.replace('/cgroup.procs', '')
  assert.match(leaf.slice(base.length), /^\/phd-[0-9a-f]{8}\/p\.web\/token-of-the-fir$/)
  const born = systemSpawner().spawn({
    argv: ['sh', '-c', 'env -i setsid sleep 600 & echo $! >child; cat /proc/self/cgroup >mine; exec sleep 600'],
    cwd: scene.dir,
    env: { PATH: process.env.PATH ?? '' },
    stdout: '/dev/null',
    stderr: '/dev/null',
    listeners: [],
    toldPid: false,
    diesWithUs: false,
    identity: null,
    ...made,
  })
  assert.ok('pid' in born)
  cgroups.born('token-of-the-first', born.pid)
  await until('its words', () => scene.lines('mine').length > 0)
  assert.ok(scene.read('mine').includes(`${leaf.slice(top?.length)}\n`), scene.read('mine'))
  const child = Number(scene.read('child'))
  process.kill(born.pid, 'SIGKILL')
  waitFor(born.pid)
  assert.equal(signals.hasLeft(born.pid), true, 'a child that has left its group and forgot its token')

  // The next master knows it by its token, here and where it is in another cgroup by now.
  const next = cgroupsOf({ runPath: scene.dir, base: () => join(base, 'elsewhere') })
  next.adopt('web', 'token-of-the-first', child)
  assert.equal(next.around(deaf).hasLeft(child), true)
  const again = cgroupsOf({ runPath: scene.dir, base: () => base })
  again.adopt('web', 'token-of-the-first', born.pid)
  assert.equal(again.around(deaf).send(born.pid, 'SIGTERM', true), false, 'only SIGKILL goes to a whole cgroup')
  assert.equal(again.around(deaf).send(born.pid, 'SIGKILL', true), true)
  await until('its end', () => !lives(child) || stateOf(child) === 'Z')
  await until('an empty cgroup', () => !signals.hasLeft(born.pid))
  assert.equal(existsSync(leaf), false)
  assert.equal(existsSync(join(leaf, '..')), false, 'nor is the one of the program left')
})

test('a cgroup that was entered by nobody goes with the next one, or with its launch', { skip: writable }, (t) => {
  const base = baseOf(t)
  const cgroups = cgroupsOf({ runPath: '/x', base: () => base })
  const leaves = (): string[] => {
    const folder = join(base, readdirSync(base).find((name) => name.startsWith('phd-')) ?? '', 'p.web')
    return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('t')) : []
  }
  cgroups.make('web', 't1', {})
  cgroups.make('web', 't2', {})
  cgroups.born('t1', 1)
  cgroups.make('web', 't3', {})
  assert.deepEqual(leaves().toSorted(), ['t1', 't2', 't3'], 'who is being made may not have entered yet')
  cgroups.forget('t3')
  assert.deepEqual(leaves().toSorted(), ['t1', 't2'])
  const next = cgroupsOf({ runPath: '/x', base: () => base })
  next.adopt('web', 't2', 2)
  next.make('web', 't4', {})
  assert.deepEqual(leaves().toSorted(), ['t2', 't4'], 'what an earlier master has left goes')
  next.forget('t4')
  assert.equal(next.around(deaf).hasLeft(2), false)
  assert.deepEqual(leaves(), [])
})

test('a controller that is not there: the reason says which, and what there is', { skip: writable }, (t) => {
  const base = baseOf(t)
  const made = cgroupsOf({ runPath: '/x', base: () => base }).make('web', 't', { memoryBytes: 1e6 })
  if ('enters' in made) return t.skip('this machine has the controllers')
  assert.match(made.reason, /^cannot set memory_max: the cgroup \S+ has no controller memory \(it has .*\)$/)
  assert.equal(made.permanent, true)
})

test('no cgroup v2 at all is a reason', () => {
  const none = (): never => {
    throw new Error('there is no cgroup v2 here that we are in')
  }
  const made = cgroupsOf({ runPath: '/x', base: none }).make('web', 't', { pids: 1, cores: 0.5 })
  assert.deepEqual(made, {
    reason: 'cannot set pids_max, cpu_max: there is no cgroup v2 here that we are in',
    permanent: true,
  })
})

test('what is written: controllers handed down, limits on the program, the count of kills of each process', (t) => {
  const scene = sceneOf(t)
  // Files instead of a kernel, as it would show them to begin with.
  scene.write('cgroup.controllers', 'cpuset cpu io memory pids\n')
  for (const file of ['cgroup.procs', 'cgroup.subtree_control']) scene.write(file, '')
  const cgroups = cgroupsOf({ runPath: '/x', base: () => scene.dir })
  const limits = { memoryBytes: 64 * 2 ** 20, pids: 20, cores: 1.5 }
  const first = cgroups.make('web', 't1', limits)
  // A folder of files has none of its own in the cgroups below.
  assert.ok('reason' in first && first.reason.includes('cgroup.subtree_control'), JSON.stringify(first))
  const folder = join(scene.dir, readdirSync(scene.dir).find((name) => name.startsWith('phd-')) ?? '')
  writeFileSync(join(folder, 'cgroup.subtree_control'), '')
  mkdirSync(join(folder, 'p.web'))
  writeFileSync(join(folder, 'p.web', 'cgroup.subtree_control'), '')
  const made = cgroups.make('web', 't1', limits)
  assert.ok('enters' in made, JSON.stringify(made))
  const text = (file: string): string => readFileSync(join(folder, file), 'utf8')
  assert.equal(text('cgroup.subtree_control'), '+memory +pids +cpu')
  assert.equal(text('p.web/memory.max'), String(64 * 2 ** 20))
  assert.equal(text('p.web/pids.max'), '20')
  assert.equal(text('p.web/cpu.max'), '150000 100000')
  assert.equal(text('p.web/cgroup.subtree_control'), '+memory')
  cgroups.born('t1', 77)
  const events = (killed: number): void =>
    writeFileSync(join(folder, 'p.web/t1/memory.events'), `low 0\noom 1\noom_kill ${killed}\noom_group_kill 0\n`)
  const signals = cgroups.around(deaf)
  assert.equal(signals.oomKilled(77), null, 'nothing can be read')
  events(0)
  assert.equal(signals.oomKilled(77), false)
  events(2)
  assert.equal(signals.oomKilled(77), true)
  assert.equal(signals.oomKilled(78), null, 'another process')
  // One that is not asked for any more is lifted; a master that systemd has put beside them divides the same.
  mkdirSync(scene.path('phd'))
  const beside = cgroupsOf({ runPath: '/x', base: () => scene.path('phd') })
  assert.ok('enters' in beside.make('web', 't2', { pids: 9 }))
  assert.deepEqual(
    ['memory.max', 'pids.max', 'cpu.max'].map((file) => text(`p.web/${file}`)),
    ['max', '9', 'max'],
  )
})
