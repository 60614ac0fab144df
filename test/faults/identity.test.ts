// Faults of users and limits: who is not there, what is denied, what the user may not reach. None of these starts
// a process, least of all as the master's user.

import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { childrenOf, statusField } from '../helpers/proc.ts'
import { missing, needsRoot, sceneOf } from '../helpers/scene.ts'

const NOBODY = 65_534

/** Sections with these keys, and what each must say. */
type Cases = Readonly<Record<string, readonly [keys: string, state: string, reason: RegExp]>>

const sectionsOf = (cases: Cases): string =>
  Object.entries(cases)
    .map(([name, [keys]]) => `[${name}]\n${keys.includes('command =') ? '' : 'command = sleep 600\n'}${keys}\n`)
    .join('')

async function assertRefused(master: Master, cases: Cases): Promise<void> {
  for (const [name, [, state, reason]] of Object.entries(cases)) {
    await master.call('wait', { target: name, state: state as 'FATAL' })
    const one = await master.process(`${name}:0`)
    assert.match(one.reason ?? '', reason, name)
    assert.equal(one.pid, null)
  }
  const live = childrenOf(master.pid).filter((pid) => statusField(pid, 'State')?.startsWith('Z') === false)
  assert.deepEqual(live, [], 'nothing runs')
}

/** Bits of CapEff; root has not everything in every container. */
const hasCapability = (bit: bigint): boolean =>
  ((BigInt(`0x${statusField(process.pid, 'CapEff') ?? '0'}`) >> bit) & 1n) === 1n
const SYS_RESOURCE = 24n

test('row 31: an unknown user or group, and what the user may not reach: FATAL with the reason, or a failed start', {
  skip: needsRoot || missing('setpriv'),
}, async (t) => {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o755)
  mkdirSync(scene.path('locked'), { mode: 0o700 })
  scene.write('mine.sh', '#!/bin/sh\nexec sleep 600\n', 0o700)
  scene.write('locked/tool', '#!/bin/sh\nexec sleep 600\n', 0o755)
  scene.write('script', '#!/no/such/interpreter\n', 0o755)
  const cases: Cases = {
    nouser: [
      'user = no-such-user',
      'FATAL',
      /^cannot run as no-such-user: there is no user "no-such-user" on this machine$/,
    ],
    nogroup: [
      'user = nobody:no-such-group',
      'FATAL',
      /^cannot run as nobody:no-such-group: there is no group "no-such-group"/,
    ],
    number: ['user = 4242', 'FATAL', /uid 4242 has no entry, so its group is not known: wanted 4242:GROUP$/],
    folder: [
      'user = nobody\ndirectory = locked',
      'FATAL',
      /^EACCES: its directory \S+locked may not be entered, for nobody/,
    ],
    mine: ['user = nobody\ncommand = ./mine.sh', 'FATAL', /^EACCES: \S+mine.sh is not executable, for nobody/],
    way: [
      'user = nobody\ncommand = locked/tool',
      'FATAL',
      /^EACCES: \S+ cannot be reached: a folder on the way may not be entered, for nobody/,
    ],
    path: [
      'user = nobody\ncommand = tool\nenv.PATH = locked',
      'FATAL',
      /^ENOENT: no program "tool" in its PATH, for nobody/,
    ],
    script: [
      'user = nobody\ncommand = ./script',
      'FATAL',
      /^ENOENT: \S+script the interpreter that it names does not exist/,
    ],
    core: ['cpu_affinity = 8000', 'FATAL', /^EINVAL: cannot set cpu_affinity: there is no core 8000 for us /],
    cores: ['cpu_affinity = 0,8000', 'FATAL', /^EINVAL: cannot set cpu_affinity: there is no core 8000 for us /],
    files: ['rlimit_nofile = unlimited', 'FATAL', /^EPERM: cannot set rlimit_nofile to unlimited: /],
    ...(hasCapability(SYS_RESOURCE)
      ? {}
      : { score: ['oom_score_adj = -1000', 'FATAL', /^EACCES: cannot set oom_score_adj = -1000: /] as const }),
  }
  const master = await startMaster(t, `${quick}start_retries = 0\n${sectionsOf(cases)}`)
  await assertRefused(master, cases)
})

test('row 31: a master that is no root: another user, a raised priority and a raised limit are denied, in words', {
  skip: needsRoot || missing('setpriv'),
}, async (t) => {
  const scene = sceneOf(t)
  chownSync(scene.dir, NOBODY, NOBODY)
  const cases: Cases = {
    root: [
      'user = root',
      'FATAL',
      /^EPERM: cannot run as root: the master runs as uid 65534 and may not become another user$/,
    ],
    group: [
      'user = nobody:0',
      'FATAL',
      /^EPERM: cannot run as nobody: the master runs as uid 65534 and may not change to group 0$/,
    ],
    nice: ['nice = -1', 'FATAL', /^EPERM: cannot set nice = -1: the master may not raise a priority/],
    files: ['rlimit_nofile = 1000000000', 'FATAL', /^EPERM: cannot set rlimit_nofile to 1000000000: /],
    score: ['oom_score_adj = -1', 'FATAL', /^EACCES: cannot set oom_score_adj = -1: the master may not lower it below/],
  }
  const wrap = ['setpriv', '--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--']
  const master = await startMaster(t, `${quick}${sectionsOf(cases)}`, { wrap })
  await assertRefused(master, cases)
})

test('row 91: without the programs that set users and limits: what is missing is named', {
  skip: needsRoot,
}, async (t) => {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o755)
  mkdirSync(scene.path('bin'))
  symlinkSync(process.execPath, scene.path('bin/node'))
  const cases: Cases = {
    user: [
      'user = nobody\nenv.PATH = /usr/bin:/bin',
      'FATAL',
      /^ENOENT: setpriv \(util-linux\) is not in the PATH: user needs it/,
    ],
    limit: [
      'rlimit_core = 0\nenv.PATH = /usr/bin:/bin',
      'FATAL',
      /^ENOENT: prlimit \(util-linux\) is not in the PATH: rlimit_core needs it/,
    ],
    nice: [
      'nice = 1\nenv.PATH = /usr/bin:/bin',
      'FATAL',
      /^ENOENT: nice \(coreutils\) is not in the PATH: nice needs it/,
    ],
  }
  const ini = `${quick}start_retries = 0\n${sectionsOf(cases)}`
  await assertRefused(await startMaster(t, ini, { env: { PATH: scene.path('bin') } }), cases)
})

/** No controllers, no cgroup v2, not ours: the start is refused with the reason; which of the two is the machine's. */
const WITHOUT = /^cannot set (memory_max|pids_max): .*cgroup/

test('row 23: the OOM killer: told apart, in words and in status; without controllers memory_max is refused', async (t) => {
  const ini = `${quick}[web]\ncommand = tail /dev/zero\nmemory_max = 32MB\nautorestart = never\n`
  const master = await startMaster(t, ini)
  const { to } = await master.logged(
    'its end',
    ({ name, to: state }) => name === 'web:0' && /FATAL|EXITED/.test(state ?? ''),
  )
  const { reason, exit } = await master.process('web:0')
  if (to === 'FATAL') assert.match(reason ?? '', WITHOUT)
  else assert.deepEqual([exit?.signal, exit?.oom, reason], ['SIGKILL', true, 'killed by SIGKILL: out of memory'])
})

test('row 23: an end that cannot be for want of memory says so, SIGKILL by a stranger is not known', async (t) => {
  const ini = `${quick}[web]\ncommand = sleep 600\nautorestart = never\n[ends]\ncommand = false\nautorestart = never\n`
  const master = await startMaster(t, ini)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  await master.call('signal', { target: 'web', signal: 'KILL' })
  await master.call('wait', { target: 'all', state: 'EXITED' })
  assert.deepEqual((await master.process('web:0')).exit?.oom, null)
  assert.deepEqual((await master.process('ends:0')).exit?.oom, false)
})

test('row 18: a fork bomb: pids_max caps it, and all of it is ended; without controllers it is refused', async (t) => {
  const bomb = "sh -c 'while :; do sleep 600 & done'"
  const ini = `${quick}graceful_timeout = 100ms\n[web]\ncommand = ${bomb}\npids_max = 20\nlog_file = none\n`
  const master = await startMaster(t, ini)
  const { to } = await master.logged(
    'a start',
    ({ name, to: state }) => name === 'web:0' && /FATAL|RUNNING|BACKOFF/.test(state ?? ''),
  )
  const { reason } = await master.process('web:0')
  if (to === 'FATAL') assert.match(reason ?? '', WITHOUT)
  assert.deepEqual((await master.call('stop', { target: 'web' })).ok, true)
  assert.deepEqual(childrenOf(master.pid), [])
})
