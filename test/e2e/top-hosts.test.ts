// `phctl -H ... top`: several masters behind a real sshd on one screen. One is killed and comes back, one was never
// there; what is ordered is done where it was meant.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { PHD } from '../helpers/programs.ts'
import { missing, sceneOf } from '../helpers/scene.ts'
import { needsSshd, startSshd } from '../helpers/sshd.ts'
import { paneOf } from '../helpers/tmux.ts'

test('several hosts on one screen', { timeout: 120_000, skip: needsSshd || missing('tmux') }, async (t) => {
  const scene = sceneOf(t)
  const ini = (name: string): string =>
    `${quick}[web]\ncommand = sh -c "while :; do echo ${name} ticks; sleep 0.1; done"\nnumber_workers = 2\n`
  const [sshd, red, green] = await Promise.all([
    startSshd(t),
    startMaster(t, ini('red'), { config: 'red/config.ini' }),
    startMaster(t, ini('green'), { config: 'green/config.ini' }),
  ])
  scene.write(
    'hosts.ini',
    `[hosts]\nred = 127.0.0.1:${red.socket}\ngreen = 127.0.0.1:${green.socket}\ndown = 127.0.0.2:${red.socket}\n`,
  )
  const pane = paneOf(scene, { columns: 110, rows: 50, env: sshd.env })
  pane.type('phctl -c hosts.ini -H all top; echo "exit $?"')
  await pane.shows(/^phd on 2 of 3 hosts \(not on down\): red, green /m)
  await pane.shows(/^ {2}down +DOWN +for \d+s: ssh: connect to host 127\.0\.0\.2 port \d+: Connection refused/m)
  const all = await pane.shows(/^4 processes: 4 running/m)
  for (const what of [/^ -red\/web +RUNNING +2\/2/m, /^ {4}green\/web:1 +RUNNING +yes/m]) assert.match(all, what)

  // The log is of the host on which the process runs.
  pane.keys('/', 'g', 'r', 'e', 'e', 'n', 'Enter', 'j', 'j')
  await pane.shows('log of green/web:1')
  await pane.shows('green ticks')
  await pane.lacks('-red/web')
  pane.keys('Escape')
  const [, shown] = (await pane.shows(/-red\/web/)).match(/green\/web:1 +RUNNING +yes +(\d+)/) ?? []
  assert.equal(Number(shown), (await green.process('web:1')).pid)

  // Marks on two hosts: one question, each does its share.
  pane.keys('Space', 'g', 'j', 'Space', 'x')
  await pane.shows('stop green/web:1, red/web:0 (2 processes)?')
  pane.keys('y')
  await pane.shows('stop green/web:1, red/web:0: done')
  const states = async (): Promise<readonly string[]> =>
    Promise.all([red, green].flatMap((one) => ['web:0', 'web:1'].map(async (name) => (await one.process(name)).state)))
  assert.deepEqual(await states(), ['STOPPED', 'RUNNING', 'RUNNING', 'STOPPED'])
  await pane.shows(/green\/web:1 +STOPPING -> STOPPED/)
  pane.keys('Escape')
  await pane.lacks('2 marked')
  pane.keys('G')
  await pane.shows(/log of down\/master ─.*\nDOWN for \d+s: ssh: connect/)
  pane.keys('k')
  await pane.shows('log of green/web:1')

  // One is killed: it says so, the other is operated as before, and its next master is found.
  await green.murder()
  await pane.shows(/^ {2}green +DOWN +for \d+s: /m)
  await pane.shows(/^phd on 1 of 3 hosts \(not on green, down\): red /m)
  await pane.shows(/^2 processes: /m)
  pane.keys('Space', 'g', 'j', 'Space', 'a')
  await pane.shows('start green/web:1, red/web:0: green: no master')
  assert.equal((await red.process('web:0')).state, 'RUNNING')
  pane.keys('Escape')
  await pane.lacks('2 marked')
  pane.keys('G', 'k')
  const next = spawn(process.execPath, [PHD, '-n', '-c', green.scene.path('green/config.ini')], { stdio: 'ignore' })
  const ended = new Promise((done) => next.on('exit', done))
  await pane.shows(/^phd on 2 of 3 hosts \(not on down\): red, green /m)
  await pane.shows(/green\/master +took over 1 process/)
  await pane.shows('log of green/web:1')
  pane.keys('a')
  await pane.shows('start green/web:1: done')
  assert.deepEqual(await states(), ['RUNNING', 'RUNNING', 'RUNNING', 'RUNNING'])
  pane.keys('q')
  await pane.shows('exit 0')
  next.kill('SIGTERM')
  await ended
})
