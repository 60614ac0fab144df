// A start that fails says why and hands the master's exit code on, in the foreground and from the
// background alike; and what phd prints without starting anything.

import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { startDaemon, startMaster } from '../helpers/master.ts'
import { mentioning } from '../helpers/proc.ts'
import { runPhctl, runPhd } from '../helpers/programs.ts'
import { needsRoot, sceneOf, until } from '../helpers/scene.ts'

const web = '[web]\ncommand = sleep 600\n'
const daemonize = '[master]\ndaemonize = true\n'

for (const [kind, head] of [
  ['the foreground', ''],
  ['the background', daemonize],
] as const) {
  test(`a bad configuration in ${kind}: 78, every problem with its line, nothing is made`, async (t) => {
    const scene = sceneOf(t)
    const file = scene.write('config.ini', `${head}[web]\ncomand = sleep 600\nnumber_workers = many\n`)
    const ran = await runPhd(['-c', file])
    assert.equal(ran.code, 78)
    assert.match(ran.stderr, /config\.ini:\d+: \[web\] comand: .*did you mean command/)
    assert.match(ran.stderr, /config\.ini:\d+: \[web\] number_workers: /)
    assert.deepEqual(readdirSync(scene.dir), ['config.ini'])
  })

  test(`a pidfile that cannot be written in ${kind}: 1, the reason, nothing is left running`, async (t) => {
    const scene = sceneOf(t)
    const file = scene.write('config.ini', `${head || '[master]\n'}pidfile = gone/master.pid\n${web}`)
    const ran = await runPhd(['-c', file])
    assert.equal(ran.code, 1)
    assert.match(ran.stderr, /cannot write the pidfile .*gone\/master\.pid: ENOENT/)
    await until('the end of all that it began', () => mentioning(scene.dir).length === 0)
    const status = await runPhctl(['-c', file, 'status'])
    assert.equal(status.code, 4)
  })

  test(`another master in ${kind}: 75, its pid and configuration`, async (t) => {
    const first = await startMaster(t, web)
    const file = first.scene.write('other.ini', `${head}${web}`)
    const ran = await runPhd(['-c', file])
    assert.equal(ran.code, 75)
    assert.match(ran.stderr, new RegExp(`pid ${first.pid} .*${first.dir}/config\\.ini`))
    assert.equal(await first.call('ping', {}), 'pong')
  })
}

test('the caller returns 0 only when the socket answers', async (t) => {
  const master = await startDaemon(t, `${daemonize}${web}`)
  const ping = await master.phctl('ping')
  assert.equal(ping.code, 0, ping.stderr)
})

test('-n stays in the foreground whatever daemonize says', async (t) => {
  const master = await startMaster(t, `${daemonize}${web}`)
  assert.equal((await master.call('info', {})).pid, master.pid)
})

test('--check: 0 and a count, or 78 and the problems; nothing is started', async (t) => {
  const scene = sceneOf(t)
  const good = await runPhd(['--check', '-c', scene.write('good.ini', web)])
  assert.deepEqual([good.code, good.stdout], [0, `${scene.path('good.ini')}: ok (1 program, 1 process)\n`])
  const bad = await runPhd(['--check', '-c', scene.write('bad.ini', '[web]\n')])
  assert.equal(bad.code, 78)
  assert.ok(!existsSync(scene.path('.phd')))
})

test('wrong words: 2, and where the help is', async () => {
  const ran = await runPhd(['--wrong'])
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /phd: cannot read the command line: .*--wrong.*phd --help/s)
  const none = await runPhd(['-c', '/does/not/exist.ini'])
  assert.equal(none.code, 78)
})

test('without -c, ./config.ini is taken; relative paths are those of the file', async (t) => {
  const scene = sceneOf(t)
  mkdirSync(scene.path('logs'))
  const master = await startMaster(t, `[DEFAULT]\nlog_path = logs\n${web}`, { cwd: scene.dir })
  assert.equal((await master.call('info', {})).config, scene.path('config.ini'))
  assert.ok(existsSync(scene.path('logs/phd.log')))
})

test('a run_path that cannot be made: 1 and the reason', {
  skip: needsRoot === false && 'needs a user that is not root',
}, async (t) => {
  const scene = sceneOf(t)
  const file = scene.write('config.ini', web)
  chmodSync(scene.dir, 0o500)
  const ran = await runPhd(['-c', file])
  chmodSync(scene.dir, 0o700)
  assert.equal(ran.code, 1)
  assert.match(ran.stderr, /cannot make the folder .*\.phd: EACCES/)
})
