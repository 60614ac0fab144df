// `phctl top` on a terminal, with a real master: what people see and what their keys do.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { startMaster } from '../helpers/master.ts'
import { commandOf, folderOf, pids } from '../helpers/proc.ts'
import { PHD, runPhctl } from '../helpers/programs.ts'
import { missing, sceneOf, until } from '../helpers/scene.ts'
import { paneOf } from '../helpers/tmux.ts'

const options = { timeout: 120_000, skip: missing('tmux') }

const ini = `[DEFAULT]
start_seconds = 50ms
[web]
command = sh -c 'i=0; while :; do i=$((i+1)); echo "request $i"; sleep 0.1; done'
number_workers = 3
[mail]
command = sleep 600
[jobs]
command = sh -c 'exit 3'
autorestart = never
`

test('it shows, selects, asks, operates, and leaves the screen as it was', options, async (t) => {
  const master = await startMaster(t, ini)
  const pane = paneOf(master.scene)
  pane.type('echo before; stty -a | grep -o ".icanon"')
  await pane.shows(/^ icanon/m)
  pane.type('phctl top; echo "exit $?"')
  const first = await pane.shows(/request \d+/)
  for (const what of [
    /^phd .* pid \d+ /,
    /-web +RUNNING +3\/3/,
    / {4}web:2 +RUNNING +yes +\d+/,
    / {2}mail:0 /,
    /jobs:0 +EXITED +exit 3/,
  ]) {
    assert.match(first, new RegExp(what, 'm'))
  }
  assert.doesNotMatch(first, /before/)

  // A stop is asked for; no leaves all as it is, yes does it.
  pane.keys('j', 'j', 'x')
  await pane.shows('stop web:1?')
  pane.keys('n')
  await pane.shows('not done: stop web:1')
  assert.equal((await master.process('web:1')).state, 'RUNNING')
  pane.keys('x', 'y')
  await pane.shows('stop web:1: done')
  await pane.shows(/web:1 +STOPPED/)
  await pane.shows(/STOPPING -> STOPPED/)
  await pane.shows(/-web +\w+ +2\/3/)
  pane.keys('a')
  await pane.shows(/web:1 +RUNNING/)

  // One process more, by the program; and what a master refuses is said.
  pane.keys('+')
  await pane.shows('web:3')
  await pane.shows('scale web +1: done')
  pane.keys('!', 'k', 'Enter')
  await pane.shows('signal HUP web:1: done')
  pane.keys('/', 'j', 'o', 'b', 'Enter', 'R')
  await pane.shows('reload jobs:0: cannot reload')
  assert.equal(
    pane.lines().some((line) => line.includes('mail:0')),
    false,
  )
  pane.keys('Escape')
  await pane.shows('mail:0')

  // The log on the whole screen, filtered, and back.
  pane.keys('g', 'Enter')
  await until('a screen full of log', () => pane.lines().filter((line) => /request \d+/.test(line)).length > 15)
  pane.keys('/', '7', 'Enter')
  await pane.shows('lines with "7", following')
  await until('only such lines', () => pane.lines().every((line) => !/request/.test(line) || /7/.test(line)))
  pane.keys('Escape', 'Escape')
  await pane.shows('── events')

  // Help, another size, a size that is too small.
  pane.keys('?', 'NPage')
  await pane.shows('send a signal, from a list')
  pane.keys('z')
  pane.resize(100, 40)
  await pane.shows(/cpu of web, percent of a core/)
  pane.resize(50, 10)
  await pane.shows('needs 60x14, this is 50x10')
  pane.resize(80, 24)
  await pane.shows(/^ {2}NAME +STATE/m)

  pane.keys('q')
  await pane.shows('exit 0')
  pane.type('stty -a | grep -o ".icanon"')
  const last = await pane.shows(/exit 0\n.* icanon/s)
  assert.match(last, /before/)
  assert.doesNotMatch(last, /-web/)
})

test('a master that is killed: its next one is found, and the selection stays', options, async (t) => {
  const master = await startMaster(t, ini)
  const pane = paneOf(master.scene)
  pane.type('phctl top; echo "exit $?"')
  await pane.shows(/request \d+/)
  pane.keys('j', 'j')
  await pane.shows('log of web:1')
  await master.murder()
  await pane.shows(/no master for \d+s, trying again: /)
  await pane.shows(/web:1 +RUNNING/)
  const next = spawn(process.execPath, [PHD, '-n', '-c', master.scene.path('config.ini')], { stdio: 'ignore' })
  const ended = new Promise((done) => next.on('exit', done))
  await pane.shows(new RegExp(`pid ${next.pid} `))
  await pane.shows('log of web:1')
  await pane.shows(/master +took over \d processes/)
  pane.keys('x', 'y')
  await pane.shows(/web:1 +STOPPED/)

  // In order it goes as well; and Ctrl-C leaves at once.
  next.kill('SIGTERM')
  await ended
  await pane.shows('no master')
  pane.keys('C-c')
  await pane.shows('exit 0')
})

test(
  'stopped by Ctrl-Z and by signals the terminal is as it was; without colour nothing is painted',
  options,
  async (t) => {
    const master = await startMaster(t, ini)
    const pane = paneOf(master.scene, { env: { NO_COLOR: '1' } })
    pane.type('set -m; phctl top; echo "exit $?"')
    await pane.shows(/request \d+/)
    assert.doesNotMatch(pane.painted(), /\[(?:\d+;)*(?:3[0-8]|9\d)m/)
    pane.keys('C-z')
    await pane.shows(/Stopped|Suspended/)
    await pane.shows(/exit \d+/)
    await pane.lacks('web:0')
    pane.type('clear; fg')
    await pane.shows(/web:0 +RUNNING/)
    pane.keys('q')
    await pane.lacks('web:0')
    pane.type('clear; TERM=dumb phctl top')
    await pane.shows('cannot show top: TERM is "dumb"')
    pane.type('clear; TERM=vt100 LC_ALL=C phctl top')
    await pane.shows(/^-- log of web --+ following --$/m)
    for (const signal of ['TERM', 'HUP']) {
      const pid = await until('phctl top', () => topOf(master.dir))
      process.kill(pid, `SIG${signal}`)
      await pane.lacks('web:0')
      pane.type(`clear; stty -a | grep -o ".icanon"; echo after ${signal}`)
      await pane.shows(new RegExp(`^ icanon\\nafter ${signal}`, 'm'))
      if (signal === 'TERM') pane.type('clear; phctl top')
      if (signal === 'TERM') await pane.shows(/web:0 +RUNNING/)
    }
  },
)

/** The one that runs in this folder. */
function topOf(dir: string): number | undefined {
  return pids().find((pid) => commandOf(pid).endsWith('phctl.cjs top') && folderOf(pid) === dir)
}

test('where there is no terminal, or one that cannot move its cursor, it says what to use instead', async (t) => {
  const scene = sceneOf(t)
  const piped = await runPhctl(['top'], { cwd: scene.dir })
  assert.equal(piped.code, 2)
  assert.match(piped.stderr, /cannot show top: stdin and stdout must be a terminal\n {2}use: phctl status -w/)
  assert.equal((await runPhctl(['top', '--json'])).code, 2)
})
