// What processes leave behind: daemons that went their own way, orphans of others, and the dead.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { madeOn, moment, nextMaster, succeed } from '../helpers/adoption.ts'
import { dice } from '../helpers/dice.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { childrenOf, lives, parentOf, sessionOf, zombiesOf } from '../helpers/proc.ts'
import { fixture, missing, needsRoot, sceneOf, until, within } from '../helpers/scene.ts'

const daemonizes = (how: string): string =>
  `${quick}[web]\ncommand = sh ${fixture('daemonizes.sh')} %(here)s/daemon ${how}\ngraceful_timeout = 700ms\n`

/** The daemon that the process has made; in no session and no group of it. */
async function daemonOf(master: Master): Promise<number> {
  const pid = Number(await until('the daemon', () => master.lines('daemon')[0]))
  assert.notEqual(sessionOf(pid), (await master.process('web:0')).pid)
  return pid
}

for (const adopted of [false, true]) {
  const by = adopted ? 'by the next master, for whom both are strangers' : 'by the master that made its parent'

  test(`row 15: double fork and setsid: found, counted while it is deaf, and ended on stop, ${by}`, async (t) => {
    const ini = daemonizes('deaf')
    let master = await startMaster(t, ini)
    const daemon = await daemonOf(master)
    await master.state('web:0', 'RUNNING')
    if (adopted) master = await succeed(t, master, ini)
    assert.equal((await master.process('web:0')).leftovers, null, 'its parent lives: it is nobody left over')
    const stopped = master.call('stop', { target: 'web' })
    await until('the count', async () => {
      const { state, leftovers } = await master.process('web:0')
      return state === 'STOPPING' && leftovers === 1
    })
    assert.ok(lives(daemon))
    assert.ok((await stopped).ok)
    assert.ok(!lives(daemon), 'STOPPED means that none is left')
  })

  test(`row 16: killed process, its daemon lives: the end is seen at once, the daemon goes before the respawn, ${by}`, async (t) => {
    const ini = daemonizes('soft')
    let master = await startMaster(t, ini)
    const daemon = await daemonOf(master)
    await master.state('web:0', 'RUNNING')
    if (adopted) master = await succeed(t, master, ini)
    const { pid } = await master.process('web:0')
    const from = master.log.length
    rmSync(master.scene.path('daemon'))
    process.kill(pid ?? 0, 'SIGKILL')
    await master.state('web:0', 'BACKOFF', from)
    await master.state('web:0', 'STARTING', from)
    assert.ok(!lives(daemon))
    await master.state('web:0', 'RUNNING', from)
  })
}

test('row 15: stopped in the very moment in which it makes its daemon: STOPPED means that none is left', async (t) => {
  const seed = Date.now() % 1_000_000
  const { below } = dice(seed)
  t.diagnostic(`seed ${seed}`)
  const ini = `${quick}[web]\ncommand = sh ${fixture('daemonizes.sh')} %(here)s/%(slot)s soft\nnumber_workers = 10\nstart_retries = -1\n`
  const master = await startMaster(t, ini)
  const { scene } = master
  for (let round = 0; round < 12; round++) {
    await moment(below(25))
    await master.call('stop', { target: 'web' })
    assert.deepEqual(madeOn(scene), [])
    for (let slot = 0; slot < 10; slot++) rmSync(scene.path(`${slot}`), { force: true })
    await master.call('start', { target: 'web', wait: false })
  }
})

test('row 16: the process ended while no master lived: what it left is ended before the respawn', async (t) => {
  const ini = daemonizes('deaf')
  const first = await startMaster(t, ini)
  const daemon = await daemonOf(first)
  await first.state('web:0', 'RUNNING')
  const { pid } = await first.process('web:0')
  await first.murder()
  process.kill(pid ?? 0, 'SIGKILL')
  await until('its end', () => !lives(pid ?? 0))
  rmSync(first.scene.path('daemon'))
  const master = await nextMaster(t, ini)
  assert.deepEqual((await master.process('web:0')).leftovers, 1)
  await master.state('web:0', 'STARTING')
  assert.ok(!lives(daemon))
  await master.state('web:0', 'RUNNING')
  assert.equal((await master.process('web:0')).restarts, 1)
})

test('row 16: killed while it waits for what a process left: the next one goes on waiting, and SIGKILL comes', async (t) => {
  const ini = daemonizes('deaf 3')
  const first = await startMaster(t, ini)
  await first.state('web:0', 'BACKOFF')
  const daemon = Number(first.lines('daemon')[0])
  rmSync(first.scene.path('daemon'))
  const master = await succeed(t, first, `${ini}autorestart = never\n`)
  await until('its end', () => !lives(daemon))
  await until('nothing left', async () => (await master.process('web:0')).leftovers === null)
  await master.call('stop', { target: 'web' })
})

test('row 21: no zombie is left of what an adopted process made, and the master has no child that it does not know', async (t) => {
  const scene = sceneOf(t)
  const ini = `${quick}[maker]\ncommand = ${process.execPath} ${fixture('makes-zombies.js')} 20 ${scene.path('made')}\n`
  let master = await startMaster(t, ini)
  await until('all made', () => scene.lines('made').length > 0)
  master = await succeed(t, master, ini)
  await master.call('wait', { target: 'maker', state: 'RUNNING' })
  rmSync(scene.path('made'))
  await master.call('restart', { target: 'maker' })
  await until('all made again', () => scene.lines('made').length > 0)
  const { pid } = await master.process('maker:0')
  await until('their end', () => childrenOf(master.pid).join() === String(pid))
  assert.deepEqual(zombiesOf(master.pid), [])
  assert.deepEqual(zombiesOf(pid ?? 0), [])
})

const namespaces = needsRoot || missing('unshare') || missing('nsenter')

/** phd as the first process of a pid namespace, as in a container. */
async function firstProcess(t: TestContext, ini: string): Promise<{ readonly master: Master; readonly phd: number }> {
  const wrap = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
  const master = await startMaster(t, ini, { wrap })
  const [phd = 0] = childrenOf(master.pid)
  // What is signalled is phd, not the one that waits for it outside.
  master.scene.after(async () => {
    if (lives(phd)) process.kill(phd, 'SIGTERM')
    const { code } = await within('the end of phd', master.ended)
    assert.equal(code, 0)
  })
  return { master, phd }
}

test('row 92: phd as process 1: orphans of strangers are reaped, and SIGTERM ends all in order', {
  skip: namespaces,
}, async (t) => {
  const { master, phd } = await firstProcess(t, `${quick}[web]\ncommand = sleep 600\n`)
  const { pid } = await master.state('web:0', 'RUNNING')
  assert.equal((await master.call('info', {})).pid, 1)
  // Strangers in the namespace leave orphans: a few that have ended, one that lives.
  const script = 'for n in 1 2 3 4 5 6 7 8; do (sleep 0.05 &); done; (setsid sleep 601 &)'
  execFileSync('nsenter', ['--target', String(phd), '--pid', '--mount', 'sh', '-c', script], { stdio: 'ignore' })
  const children = (): number[] => childrenOf(phd)
  await until('two left: web and the one that lives', () => children().length === 2 && zombiesOf(phd).length === 0)
  assert.ok(children().every((child) => parentOf(child) === phd && lives(child)))
  assert.ok(pid !== undefined && pid < 100, 'a pid of the namespace')
  process.kill(phd, 'SIGTERM')
  await master.logged('the end', (line) => line.msg === 'stopped')
  assert.equal((await within('its end', master.ended)).code, 0)
})
