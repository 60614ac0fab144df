// Faults of the machine: what phd needs of it is hidden or not there, and how a service manager ends it.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { answering, quick, startMaster } from '../helpers/master.ts'
import { childrenOf, lives, statusField } from '../helpers/proc.ts'
import { PHD, runPhctl, runPhd } from '../helpers/programs.ts'
import { fixture, missing, needsRoot, type Scene, sceneOf, until, within } from '../helpers/scene.ts'

const web = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`

/** May this test have a view of its own of what is mounted? */
const own = ((): string | false => {
  if (needsRoot || missing('unshare')) return needsRoot || missing('unshare')
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' })
    return false
  } catch {
    return 'may not mount'
  }
})()

/** Words before a program that sees other mounts than we do. */
const mounted = (...mounts: readonly string[]): string[] => [
  'unshare',
  '-m',
  'sh',
  '-c',
  `${mounts.map((words) => `mount ${words} && `).join('')}exec "$@"`,
  'sh',
]

test('row 91: nothing is missing: info lists what there is', async (t) => {
  const master = await startMaster(t, web)
  const { features } = await master.call('info', {})
  assert.ok(features.includes('boot-id') && features.includes('other-users'))
  assert.equal(features.includes('setpriv'), missing('setpriv') === false)
  const { stdout } = await master.phctl('info')
  assert.match(stdout, new RegExp(`features +${features.join(' ')}`))
})

test('row 91: no /proc: a clear refusal, for nothing else tells a next master who lives', { skip: own }, async (t) => {
  const file = sceneOf(t).write('config.ini', web)
  const { code, stderr } = await runPhd(['-n', '-c', file], { wrap: mounted('-t tmpfs none /proc') })
  assert.equal(code, 1)
  assert.match(stderr, /cannot start: \/proc is not mounted here/)
})

test('row 91: /proc shows processes alone: it runs, says what is missing, and status answers', {
  skip: own,
}, async (t) => {
  const master = await startMaster(t, web, { wrap: mounted('-t proc -o subset=pid proc /proc') })
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const { features } = await master.call('info', {})
  assert.ok(!features.includes('boot-id') && features.includes('pidfd'))
  assert.ok(master.log.some(({ msg, feature }) => msg === 'not available on this machine' && feature === 'boot-id'))
  assert.ok((await master.process('web:0')).memory)
})

test('row 91: hidepid=2 for an ordinary user: it runs, says what is missing, and ends what it has made', {
  skip: own || missing('setpriv'),
}, async (t) => {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o777)
  const wrap = [
    ...mounted('-t proc -o hidepid=2 proc /proc'),
    ...['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'],
  ]
  const ini = `${quick}[web]\ncommand = sh ${fixture('leaks-child.sh')} ${scene.path('child.pid')} soft\nstart_retries = 0\n`
  const master = await startMaster(t, ini, { wrap })
  assert.ok(!(await master.call('info', {})).features.includes('other-users'))
  await until('a leftover', () => scene.lines('child.pid').length > 0)
  await master.call('stop', { target: 'web' })
  assert.ok(!lives(Number(scene.lines('child.pid').at(-1))))
})

test('row 91: no setpriv, no cgroup: all but orphans = stop works', { skip: own }, async (t) => {
  const scene = sceneOf(t)
  mkdirSync(scene.path('bin'))
  for (const program of ['sh', 'sleep']) {
    symlinkSync(execFileSync('which', [program], { encoding: 'utf8' }).trim(), scene.path(`bin/${program}`))
  }
  const wrap = mounted('-t tmpfs none /sys')
  const master = await startMaster(t, web, {
    wrap: ['/usr/bin/env', ...wrap, '/usr/bin/env', `PATH=${scene.path('bin')}`],
  })
  assert.equal((await master.call('wait', { target: 'web', state: 'RUNNING' })).ok, true)
  assert.ok(!(await master.call('info', {})).features.includes('setpriv'))
})

/** A phd whose end is the test's own business. */
function serviceOn(scene: Scene, ini: string) {
  const child = spawn(process.execPath, [PHD, '-n', '-c', scene.write('config.ini', ini)], {
    stdio: 'ignore',
    cwd: '/',
  })
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  scene.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { pid: child.pid ?? 0, ended }
}

for (const [how, signalled] of [
  ['KillMode=process: TERM to the master', (pid: number) => [pid]],
  ['KillMode=control-group: TERM to everybody at once', (pid: number) => [...childrenOf(pid), pid]],
] as const) {
  test(`row 93: systemd stop, ${how}: an orderly end within the longest grace, exit 0`, async (t) => {
    const scene = sceneOf(t)
    const deaf = `[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 1500ms\n`
    const { pid, ended } = serviceOn(scene, `${web}${deaf}`)
    await answering(scene.path('phd.sock'))
    await until('it is deaf', () => scene.lines('deaf.log').length > 0)
    const { code } = await runPhctl(['-s', scene.path('phd.sock'), 'wait', 'all', '--state', 'RUNNING'])
    assert.equal(code, 0)
    const children = childrenOf(pid)
    const begun = performance.now()
    for (const one of signalled(pid)) process.kill(one, 'SIGTERM')
    assert.equal(await within('its end', ended, 15_000), 0)
    assert.ok(performance.now() - begun >= 1490)
    assert.deepEqual(children.filter(lives), [])
    const after = scene.lines('phd.log').map((line) => JSON.parse(line) as { msg: string; to?: string })
    const stopping = after.findIndex(({ msg }) => msg === 'stopping')
    assert.ok(
      after.slice(stopping).every(({ to }) => to !== 'RUNNING'),
      'nothing is started again meanwhile',
    )
  })
}

test('row 28: a process that became another user (EPERM): said, it stays STOPPING, the master and its siblings go on', {
  skip: needsRoot || missing('setpriv'),
}, async (t) => {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o777)
  copyFileSync(execFileSync('which', ['setpriv'], { encoding: 'utf8' }).trim(), scene.path('become'))
  chmodSync(scene.path('become'), 0o4755)
  const wrap = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups']
  const master = await startMaster(
    t,
    `${web}[root]\ncommand = ./become --reuid=0 --regid=0 --clear-groups sleep 600\ngraceful_timeout = 300ms\n`,
    { wrap },
  )
  const { pid } = await master.state('root:0', 'RUNNING')
  scene.after(() => {
    if (lives(pid ?? 0)) process.kill(pid ?? 0, 'SIGKILL')
  })
  await until('another user', () => statusField(pid ?? 0, 'Uid')?.startsWith('0'))
  await assert.rejects(master.call('stop', { target: 'root', timeout: 1 }), { code: 'PH_TIMEOUT' })
  const one = await master.process('root:0')
  assert.deepEqual([one.state, one.pid], ['STOPPING', pid])
  const said = await master.logged('the refusal', (line) => line.msg === 'cannot signal')
  assert.match(String(said.err), /EPERM/)
  await until('its reason', async () => (await master.process('root:0')).reason?.startsWith('unkillable'))
  assert.equal((await master.call('restart', { target: 'web' })).ok, true)
  process.kill(pid ?? 0, 'SIGKILL')
  await master.state('root:0', 'STOPPED')
})
