// One supervisord.conf under Debian's supervisord and, imported, under phd: the same processes, with the same words,
// folders, environments, users, masks, limits and output files. Each process is its own witness.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { startMaster } from '../helpers/master.ts'
import { runPhctl } from '../helpers/programs.ts'
import { fixture, missing, needsRoot, type Scene, sceneOf, until } from '../helpers/scene.ts'

const WITNESS = fixture('witness.sh')

const conf = `
[unix_http_server]
file = %(here)s/s.sock          ; the control socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisord]
logfile = %(here)s/supervisord.log
pidfile = %(here)s/supervisord.pid
childlogdir = %(here)s/log
directory = %(here)s
user = root
umask = 026
environment = ALL="of, all",PER="5%%%%"   # for everybody
[include]
files = more/*.conf

[program:web]
command = ${WITNESS} web-%(process_num)02d "two  words" 'a;b' %(program_name)s %(ENV_OWN)s %(numprocs)d
process_name = %(program_name)s_%(process_num)02d
numprocs = 2
environment = OWN="x=1",NUMBER="%(process_num)d",
  HERE='%(here)s/z'
redirect_stderr = true
stdout_logfile = %(here)s/log/web-%(process_num)s.out
startsecs = 0
stopasgroup = true

[program:ports]
command: ${WITNESS} ports-%(process_num)s stays 80%(process_num)02d
process_name = ports%(process_num)s
numprocs = 2
numprocs_start = 5
directory = /tmp
stdout_logfile = NONE
stderr_logfile = %(here)s/log/ports-%(process_num)s.err
startsecs = 0
stopasgroup = true

[program:once]
command = ${WITNESS} once ends
autorestart = unexpected
startsecs = 0
stdout_logfile = %(here)s/log/once.out
stderr_logfile = %(here)s/log/once.err

[program:never]
command = ${WITNESS} never
autostart = false

[eventlistener:nobody]
command = ${WITNESS} listener
events = TICK_60
autostart = false
`

const more = `
[program:other]
command = ${WITNESS} other
user = daemon
umask = 077
directory = /
environment = HOME="/nowhere",USER="u",LOGNAME="l",FROM=%(here)s
stdout_logfile = %(here)s/other.out
stderr_logfile = %(here)s/other.out
stdout_logfile_maxbytes = 0
startsecs = 0
stopasgroup = true
[group:both]
programs = other,web
priority = 5
`

const NAMES = ['once', 'other', 'ports-5', 'ports-6', 'web-00', 'web-01']
const LOGS = [
  'log/web-0.out',
  'log/web-1.out',
  'log/ports-5.err',
  'log/ports-6.err',
  'log/once.out',
  'log/once.err',
  'more/other.out',
]

test('supervisord and phd run the same', { skip: missing('supervisord') || needsRoot }, async (t) => {
  const scene = sceneOf(t)
  const file = scene.write('supervisord.conf', conf)
  scene.write('more/a.conf', more)
  // Python would add a locale of its own to that of C.
  const env = { PATH: process.env.PATH ?? '', HOME: '/root', LANG: 'C.UTF-8', WITNESS: scene.path('seen') }
  empty(scene)
  const theirs = await underSupervisord(scene, file, env)

  const imported = await runPhctl(['import', file, '-o', scene.path('config.ini')], { env })
  assert.equal(imported.code, 0, imported.stderr)
  assert.match(imported.stderr, /\[eventlistener:nobody\]/)
  const checked = await runPhctl(['check', scene.path('config.ini')], { env })
  assert.equal(checked.code, 0, checked.stdout)
  empty(scene)
  const master = await startMaster(t, scene.read('config.ini').replace(/^daemonize.*$/m, ''), { env })
  const ours = await collected(scene)
  await master.state('once:0', 'EXITED')
  const status = await master.call('status', {})
  await master.stop()

  assert.deepEqual(Object.keys(ours.seen), NAMES)
  assert.deepEqual(ours, theirs)
  const states = status.map(({ program, state }) => `${program} ${state}`).toSorted()
  assert.deepEqual(states, [
    'never STOPPED',
    'once EXITED',
    'other RUNNING',
    'ports-5 RUNNING',
    'ports-6 RUNNING',
    'web RUNNING',
  ])
})

function empty(scene: Scene): void {
  for (const name of ['seen', 'log', ...LOGS]) rmSync(scene.path(name), { recursive: true, force: true })
  for (const name of ['seen', 'log']) mkdirSync(scene.path(name), { recursive: true })
  chmodSync(scene.path('seen'), 0o777)
  chmodSync(scene.dir, 0o755)
}

/** In the background, for only there it heeds `directory` and `umask`. */
async function underSupervisord(scene: Scene, file: string, env: NodeJS.ProcessEnv): Promise<Collected> {
  const { status, stderr } = spawnSync('/usr/bin/supervisord', ['-c', file], { cwd: '/', env, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const theirs = await collected(scene)
  process.kill(Number(scene.read('supervisord.pid')), 'SIGTERM')
  await until('the end of supervisord', () => !existsSync(scene.path('supervisord.pid')))
  return theirs
}

interface Collected {
  readonly seen: Readonly<Record<string, string>>
  readonly logs: Readonly<Record<string, readonly string[]>>
}

/** When every process has said its part, and it has arrived. */
async function collected(scene: Scene): Promise<Collected> {
  await until('all witnesses', () => NAMES.every((name) => readdirSync(scene.path('seen')).includes(name)))
  const logs = (): Record<string, readonly string[]> =>
    Object.fromEntries(LOGS.map((name) => [name, scene.lines(name).toSorted()]))
  const wanted = (name: string): number => (/web|other/.test(name) ? 2 : 1)
  await until('all output', () => Object.entries(logs()).every(([name, lines]) => lines.length >= wanted(name)))
  const names = readdirSync(scene.path('seen')).toSorted()
  return { seen: Object.fromEntries(names.map((name) => [name, scene.read(`seen/${name}`)])), logs: logs() }
}
