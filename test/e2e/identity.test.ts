// Users and limits as the kernel has them: each key is read back from /proc of the process that got it.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { nextMaster } from '../helpers/adoption.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { environmentOf, lives, statusField } from '../helpers/proc.ts'
import { missing, needsRoot, type Scene, sceneOf, until } from '../helpers/scene.ts'

const NOBODY = 65_534

/** May a master have a view of its own of /etc/group? */
const ownMounts = ((): boolean => {
  if (needsRoot || missing('unshare')) return false
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** Words before a master for whom nobody is in one more group. */
function withGroup(scene: Scene, gid: number): string[] {
  const file = scene.write('group', `${readFileSync('/etc/group', 'utf8')}\nphdtest:x:${gid}:nobody\n`)
  return ['unshare', '-m', 'sh', '-c', `mount --bind ${file} /etc/group && exec "$@"`, 'sh']
}

/** A scene that others may enter. */
function openScene(t: Parameters<typeof sceneOf>[0]): Scene {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o755)
  return scene
}

const limitOf = (pid: number, name: string): string[] =>
  new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.slice(1, 3) ?? []
const scoreOf = (pid: number): number => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'))
const niceOf = (pid: number): number => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[16])
const ids = (pid: number, field: string): number[] =>
  (statusField(pid, field) ?? '').split(/\s+/).filter(Boolean).map(Number)

test('each key, read back from /proc', { skip: needsRoot || missing('setpriv') }, async (t) => {
  const scene = openScene(t)
  const ini = `${quick}log_file = %(log_path)s/%(program)s.log
[each]
command = sleep 600
user = nobody
umask = 027
nice = 3
oom_score_adj = 300
rlimit_nofile = 500:600
rlimit_core = 0
rlimit_nproc = 900
rlimit_as = 2GB
no_new_privileges = yes
number_workers = 2
cpu_affinity = auto
[told]
command = sh -c 'echo "$LISTEN_PID $$"; exec sleep 600'
bind = 127.0.0.1:18791
unix_socket = told.sock
unix_socket_mode = 0600
umask = 077
user = nobody
env.LD_SHOW_AUXV = 1
[number]
command = sleep 600
user = 4242:4243
env.HOME = /srv
[around]
command = sleep 600
user = nobody
umask = 027
rlimit_nofile = 500:600
pre_start = sh -c 'echo "$PHD_HOOK $(id -un) $HOME $(umask) $(ulimit -n)" >/dev/stdout'
health_check = exec:sh -c 'test "$(id -un) $(umask) $(ulimit -n)" = "nobody 0027 500"'
health_interval = 50ms
[plain]
command = sleep 600
[out]
command = sh -c 'id -u >/dev/stdout; echo err >/dev/stderr; exec sleep 600'
user = nobody
ready = exec:sh -c 'test "$(id -u)$USER" = ${NOBODY}nobody'
`
  const master = await startMaster(t, ini, ownMounts ? { wrap: withGroup(scene, 4321) } : {})
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const pidOf = async (name: string): Promise<number> => (await master.process(name)).pid ?? 0
  const [all, second, told, number, plain] = await Promise.all(
    ['each:0', 'each:1', 'told:0', 'number:0', 'plain:0'].map(pidOf),
  )
  assert.ok(all && second && told && number && plain)

  for (const field of ['Uid', 'Gid']) assert.deepEqual(ids(all, field), Array(4).fill(NOBODY), field)
  assert.deepEqual(
    ids(all, 'Groups').sort((a, b) => a - b),
    ownMounts ? [4321, NOBODY] : [NOBODY],
  )
  for (const field of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb'])
    assert.match(statusField(all, field) ?? '', /^0+$/, field)
  const { HOME, USER, LOGNAME } = environmentOf(all)
  const home = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith('nobody:'))
    ?.split(':')[5]
  assert.deepEqual([HOME, USER, LOGNAME], [home, 'nobody', 'nobody'])
  assert.equal(statusField(all, 'Umask'), '0027')
  assert.equal(niceOf(all), niceOf(master.pid) + 3)
  assert.equal(scoreOf(all), 300)
  assert.deepEqual(limitOf(all, 'Max open files'), ['500', '600'])
  assert.deepEqual(limitOf(all, 'Max core file size'), ['0', '0'])
  assert.deepEqual(limitOf(all, 'Max processes'), ['900', '900'])
  assert.deepEqual(limitOf(all, 'Max address space'), [String(2 ** 31), String(2 ** 31)])
  assert.equal(statusField(all, 'NoNewPrivs'), '1')
  await until('the word of its hook', () => master.lines('around.log').length > 0)
  assert.deepEqual(master.lines('around.log'), [`pre_start nobody ${home} 0027 500`], 'hooks and checks as well')
  await until('a check', async () => (await master.process('around:0')).health?.state === 'passing')
  const cores = [all, second].map((pid) => statusField(pid, 'Cpus_allowed_list') ?? '')
  for (const core of cores) assert.match(core, /^\d+$/)
  const many = /[-,]/.test(statusField(master.pid, 'Cpus_allowed_list') ?? '')
  if (many) assert.notEqual(cores[0], cores[1])

  assert.deepEqual(ids(number, 'Uid').concat(ids(number, 'Gid')), [...Array(4).fill(4242), ...Array(4).fill(4243)])
  assert.deepEqual(ids(number, 'Groups'), [])
  assert.equal(environmentOf(number).HOME, '/srv', 'what the file says stands above the user')

  for (const field of ['Uid', 'Groups', 'Umask', 'NoNewPrivs', 'Cpus_allowed_list', 'CapEff'])
    assert.equal(statusField(plain, field), statusField(master.pid, field), `${field} without keys`)
  assert.deepEqual([scoreOf(plain), niceOf(plain)], [scoreOf(master.pid), niceOf(master.pid)])

  const lines = await until('the words of told', () => {
    const said = master.lines('told.log')
    return said.some((line) => line === `${told} ${told}`) && said
  })
  const programs = lines.filter((line) => line.startsWith('AT_EXECFN')).map((line) => line.replace(/.*\//, ''))
  assert.deepEqual(programs, ['sh', 'sleep'], 'no program of the prefix has seen LD_ variables')
  const socket = statSync(scene.path('told.sock'))
  assert.deepEqual([socket.uid, socket.mode & 0o777], [NOBODY, 0o600])

  await until('the output', () => master.lines('out.log').length === 2)
  assert.deepEqual(master.lines('out.log'), [String(NOBODY), 'err'])
  assert.equal(statSync(scene.path('out.log')).uid, 0, 'the log stays ours')

  const shown = await master.call('show', { target: 'each:0' })
  assert.equal(shown.find(({ program }) => program === 'each')?.limits.rlimit_nofile, '500:600')

  // A changed key is a reload, one that went as well.
  scene.write('config.ini', ini.replace('nice = 3', 'nice = 4').replace('umask = 027\n', ''))
  const { diff } = await master.call('update', {})
  assert.deepEqual(diff.changed, [{ program: 'each', keys: ['umask', 'nice'], effect: 'reload' }])
  const after = await pidOf('each:0')
  assert.deepEqual(
    [niceOf(after), statusField(after, 'Umask')],
    [niceOf(master.pid) + 4, statusField(master.pid, 'Umask')],
  )
})

const WORKER = `import { SyncWorker } from 'processhandler/worker'
export default class extends SyncWorker {
  async handleRequest() { await new Promise((resolve) => setTimeout(resolve, 50)) }
}
`

test('workers and notifiers of another user are heard, by the next master and after an upgrade too', {
  skip: needsRoot || missing('systemd-notify'),
}, async (t) => {
  const scene = openScene(t)
  scene.write('job.mjs', WORKER)
  const ini = `${quick}user = nobody
[job]
worker = job.mjs
[told]
command = sh -c 'while :; do systemd-notify --ready --status="beat $(cat beat)"; sleep 0.1; done'
ready = notify
[line]
command = sh -c 'echo >/dev/fd/7; exec sleep 600'
ready = fd:7
`
  scene.write('beat', '1')
  const master = await startMaster(t, ini)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const socket = statSync(scene.path(`.phd/w${NOBODY}.sock`))
  assert.deepEqual([socket.uid, socket.mode & 0o777], [NOBODY, 0o600])
  assert.equal(statSync(scene.path('.phd/w.sock')).uid, 0)
  const pid = (await master.process('job:0')).pid ?? 0
  const counted = async (of: typeof master): Promise<void> => {
    const before = (await of.process('job:0')).requests ?? 0
    await until('requests that are told', async () => ((await of.process('job:0')).requests ?? 0) > before)
  }
  await master.murder()
  scene.write('beat', '2')
  const next = await nextMaster(t, ini)
  assert.equal((await next.process('job:0')).pid, pid)
  await counted(next)
  await until('the new beat', async () => (await next.process('told:0')).statusText === 'beat 2')
  await next.call('upgrade', {}).catch(() => undefined) // its connection ends with the old program
  await until('the upgrade', async () => (await next.call('info', {}).catch(() => null))?.upgrades === 1)
  scene.write('beat', '3')
  assert.equal((await next.process('job:0')).pid, pid)
  await counted(next)
  await until('the beat after it', async () => (await next.process('told:0')).statusText === 'beat 3')
  assert.deepEqual((await next.call('reload', { target: 'job' })).ok, true)
})

test('orphans = stop goes together with a user', { skip: needsRoot || missing('setpriv') }, async (t) => {
  openScene(t)
  const ini = `${quick}[master]\norphans = stop\n[web]\ncommand = sleep 600\nuser = nobody\n`
  const master = await startMaster(t, ini)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const pid = (await master.process('web:0')).pid ?? 0
  await master.murder()
  await until('the end that the kernel sends', () => !lives(pid))
})

test('an ordinary user may name itself, and be nicer; its processes are its own', {
  skip: needsRoot || missing('setpriv'),
}, async (t) => {
  const scene = openScene(t)
  mkdirSync(scene.path('.phd'), { mode: 0o711 })
  for (const path of [scene.dir, scene.path('.phd')]) chownSync(path, NOBODY, NOBODY)
  const ini = `${quick}[self]\ncommand = sleep 600\nuser = nobody\nnice = 2\nrlimit_nofile = 100\n`
  const master = await startMaster(t, ini, {
    wrap: ['setpriv', '--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--'],
  })
  await master.call('wait', { target: 'self', state: 'RUNNING' })
  const pid = (await master.process('self:0')).pid ?? 0
  assert.deepEqual([ids(pid, 'Uid')[0], niceOf(pid) - niceOf(master.pid)], [NOBODY, 2])
  assert.deepEqual(limitOf(pid, 'Max open files'), ['100', '100'])
})
