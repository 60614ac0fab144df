// The lock of a run_path, between real processes.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { PhError } from '../../src/errors.ts'
import { takeLock } from '../../src/os/lock.ts'
import { sceneOf, within } from '../helpers/scene.ts'

const MODULE = new URL('../../src/os/lock.js', import.meta.url).href

/** A process that takes the lock, says so, and keeps it until it is killed. */
async function holder(t: Parameters<typeof sceneOf>[0], runPath: string) {
  const script = `const { takeLock } = await import(${JSON.stringify(MODULE)}); takeLock(${JSON.stringify(runPath)}, { pid: process.pid, config: '/its/config.ini' }); console.log('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = new Promise((resolve) => child.on('exit', resolve))
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
  }
  sceneOf(t).after(end)
  await within('its word', new Promise((resolve) => child.stdout.once('data', resolve)))
  return { pid: child.pid ?? 0, end }
}

const refusal = (runPath: string): PhError => {
  try {
    takeLock(runPath, { pid: process.pid, config: '/mine' })
  } catch (e) {
    if (e instanceof PhError) return e
    throw e
  }
  throw new Error('the lock was given twice')
}

test('whoever comes second is refused with pid and configuration of the first; a killed holder lets go', async (t) => {
  const runPath = sceneOf(t).path('run')
  const first = await holder(t, runPath)
  const { code, message, data } = refusal(runPath)
  assert.equal(code, 'PH_LOCKED')
  assert.ok(message.includes(String(first.pid)) && message.includes('/its/config.ini'), message)
  assert.deepEqual(data, { pid: first.pid, config: '/its/config.ini' })
  await first.end()
  takeLock(runPath, { pid: process.pid, config: '/mine' })
  assert.deepEqual(JSON.parse(readFileSync(`${runPath}/state/lock`, 'utf8')), { pid: process.pid, config: '/mine' })
})

test('the folders are made with their modes, whatever the umask', async (t) => {
  const runPath = sceneOf(t).path('deep/run')
  const umask = process.umask(0o022)
  takeLock(runPath, { pid: process.pid, config: '/mine' })
  process.umask(umask)
  const modes = ['', '/state', '/state/lock'].map((name) => (statSync(runPath + name).mode & 0o777).toString(8))
  assert.deepEqual(modes, ['711', '700', '600'])
})

test('the name of a dead master in the file is not taken for that of the one who holds the lock', async (t) => {
  const scene = sceneOf(t)
  const runPath = scene.path('run')
  const first = await holder(t, runPath)
  // As it is between a winner's flock and its first write.
  scene.write('run/state/lock', JSON.stringify({ pid: 2 ** 22 - 1, config: '/dead' }))
  assert.match(refusal(runPath).message, /does not say who it is/)
  scene.write('run/state/lock', `${JSON.stringify({ pid: first.pid, config: '/its/config.ini' })}\n`)
  assert.equal(refusal(runPath).data.pid, first.pid)
})

test('a lock file that was removed is a lock of nothing: the next one takes its own', async (t) => {
  const scene = sceneOf(t)
  const runPath = scene.path('run')
  await holder(t, runPath)
  rmSync(scene.path('run/state/lock'))
  takeLock(runPath, { pid: process.pid, config: '/mine' })
  assert.equal(JSON.parse(scene.read('run/state/lock')).pid, process.pid)
})
