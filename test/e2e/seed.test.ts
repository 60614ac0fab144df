// The configuration and the worker that people copy first: a config.ini in the words of the first
// version, in the background, with two workers.

import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { startDaemon } from '../helpers/master.ts'
import { commandOf, descriptorsOf, folderOf, parentOf, sessionOf, statusField } from '../helpers/proc.ts'
import { runPhctl } from '../helpers/programs.ts'
import { root, sceneOf, until } from '../helpers/scene.ts'

const seed = readFileSync(path.join(root, 'test/config/fixtures/seed.ini'), 'utf8')

test('the first config.ini, byte for byte: a daemon with two workers, replaced when killed', async (t) => {
  const scene = sceneOf(t)
  copyFileSync(path.join(root, 'test/config/fixtures/jobexecute.js'), scene.path('jobexecute.js'))
  const master = await startDaemon(t, seed, { cwd: scene.dir, wrap: ['sh', '-c', 'umask 077; exec "$@"', 'sh'] })

  assert.match(master.said, /2 processes \(pid \d+\)\nnext: .*phctl\S* .*status\n$/)
  assert.equal(readFileSync(scene.path('master.pid'), 'utf8'), `${master.pid}\n`)
  assert.equal(statSync(scene.path('master.pid')).mode & 0o777, 0o644)

  const fds = descriptorsOf(master.pid)
  assert.deepEqual(
    [0, 1, 2].map((fd) => fds.get(fd)),
    ['/dev/null', '/dev/null', '/dev/null'],
  )
  assert.equal(folderOf(master.pid), '/')
  assert.equal(sessionOf(master.pid), master.pid)
  assert.equal(statusField(master.pid, 'Umask'), '0022')

  const { ok, results } = await master.call('wait', { target: 'jobexecute', state: 'RUNNING' })
  assert.ok(ok)
  const pids = results.map((one) => one.pid ?? 0)
  assert.equal(commandOf(master.pid), 'master: jobexecute')
  for (const pid of pids) {
    assert.equal(commandOf(pid), 'worker: jobexecute')
    assert.equal(parentOf(pid), master.pid)
  }

  const killed = pids[0] ?? 0
  process.kill(killed, 'SIGKILL')
  const replaced = await until('the replacement', async () => {
    const one = await master.process('jobexecute:0')
    return one.state === 'RUNNING' && one.pid !== killed && one
  })
  assert.equal(replaced.exit?.signal, 'SIGKILL')
  assert.equal(replaced.restarts, 1)
  assert.equal((await master.process('jobexecute:1')).pid, pids[1])
  await until('its log', () => scene.lines('master.log').some((line) => line.includes('"msg":"go..."')))

  const status = await runPhctl(['-c', scene.path('config.ini'), 'status'])
  assert.equal(status.code, 0, status.stderr)
  assert.match(status.stdout, /jobexecute/)
  const down = await runPhctl(['shutdown'], { cwd: scene.dir })
  assert.equal(down.code, 0, down.stderr)
  await master.ended
})
