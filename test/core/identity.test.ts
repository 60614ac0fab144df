// The words before a command, and what of an environment is kept from them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coresIn, doubtOf, isWithheld, limitsShown, type Stage, stagesOf, type Wish } from '../../src/core/identity.ts'
import { oomOf } from '../../src/core/policy.ts'

const nothing: Wish = { identity: {}, cores: null, become: null, enters: null, diesWithUs: false, toldPid: false }
const app = { name: 'app', uid: 7, gid: 8, groups: [8, 9], home: '/srv' }
const words = (wish: Partial<Wish>): string[] =>
  stagesOf({ ...nothing, ...wish }).map(({ tool, words: rest }) => [tool, ...rest].join(' '))

const cases: readonly (readonly [string, Partial<Wish>, readonly string[]])[] = [
  ['nothing', {}, []],
  ['umask', { identity: { umask: 0o27 } }, ['/bin/sh -c umask 0027; exec "$@" sh']],
  ['its pid', { toldPid: true }, ['/bin/sh -c LISTEN_PID=$$ exec "$@" sh']],
  [
    'a cgroup, a score and a mask: one shell, and what needs rights comes first',
    { identity: { umask: 0, oomScoreAdj: -5 }, enters: '/c g/cgroup.procs', toldPid: true },
    [
      '/bin/sh -c echo 0 >"$1" || exit 126; shift; echo -5 >/proc/self/oom_score_adj || exit 126; umask 0000; LISTEN_PID=$$ exec "$@" sh /c g/cgroup.procs',
    ],
  ],
  ['cores', { cores: [0, 2, 3] }, ['taskset -c 0,2,3']],
  ['nice', { identity: { nice: -3 } }, ['nice -n -3']],
  ['no niceness', { identity: { nice: 0 } }, []],
  [
    'limits',
    { identity: { rlimits: { nofile: { soft: 1, hard: 2 }, core: { soft: 0, hard: null } } } },
    ['prlimit --nofile=1:2 --core=0:unlimited --'],
  ],
  ['a user', { become: app }, ['setpriv --reuid 7 --regid 8 --groups 8,9 --']],
  ['a user without groups', { become: { ...app, groups: [] } }, ['setpriv --reuid 7 --regid 8 --clear-groups --']],
  [
    'all that setpriv does in one',
    { become: app, diesWithUs: true, identity: { noNewPrivileges: true } },
    ['setpriv --pdeathsig KILL --no-new-privs --reuid 7 --regid 8 --groups 8,9 --'],
  ],
]
for (const [what, wish, expected] of cases) {
  test(`the prefix for ${what}`, () => assert.deepEqual(words(wish), expected))
}

test('the user changes last, and each stage says what it is there for', () => {
  const identity = { umask: 0, nice: 1, noNewPrivileges: true, rlimits: { as: { soft: 1, hard: 1 } } } as const
  const stages: readonly Stage[] = stagesOf({ ...nothing, identity, cores: [1], become: app })
  assert.deepEqual(
    stages.map(({ tool, wants }) => `${tool}: ${wants}`),
    ['/bin/sh: umask', 'taskset: cpu_affinity', 'nice: nice', 'prlimit: rlimit_as', 'setpriv: no_new_privileges, user'],
  )
})

test('what the loader or a shell would obey is kept from the prefix, and what a shell would lose', () => {
  const setpriv = stagesOf({ ...nothing, become: app })
  const shell = stagesOf({ ...nothing, toldPid: true })
  const obeyed = ['LD_PRELOAD', 'LD_LIBRARY_PATH', 'GLIBC_TUNABLES', 'GCONV_PATH', 'ENV', 'BASH_ENV', 'IFS']
  const odd = ['a.b', 'x-y', '1']
  const seen = ['PATH', 'HOME', 'LANG', 'PHD_TOKEN', 'LISTEN_FDS', 'NODE_OPTIONS', 'OLD_PRELOAD', 'ENVIRONMENT', '_']
  const withheld = (stages: readonly Stage[]): string[] =>
    [...obeyed, ...odd, ...seen].filter((name) => isWithheld(name, stages))
  assert.deepEqual(withheld(setpriv), obeyed)
  assert.deepEqual(withheld(shell), [...obeyed, ...odd])
  assert.deepEqual(withheld([]), [], 'no prefix, nothing to keep it from')
})

test('cores, as Linux writes them', () => {
  const lists = { '0': [0], '0,2-3': [0, 2, 3], '3,1-2,2': [1, 2, 3], '': [], '4-4': [4] }
  for (const [text, cores] of Object.entries(lists)) assert.deepEqual(coresIn(text), cores)
})

test('an exit that may be of the prefix says so; of a program without one it is its own', () => {
  const identity = { umask: 0 }
  assert.match(doubtOf({ identity }, 127) ?? '', /could not be run/)
  assert.match(doubtOf({ identity }, 126) ?? '', /could not be run/)
  assert.deepEqual([doubtOf({ identity }, 1), doubtOf({ identity }, null), doubtOf({}, 127)], [null, null, null])
})

test('out of memory: true and false where it is known, null where it is not', () => {
  const end = { code: null, signal: null, left: false }
  assert.equal(oomOf({ ...end, code: 137 }, false), false)
  assert.equal(oomOf({ ...end, signal: 'SIGTERM' }, false), false)
  assert.equal(oomOf({ ...end, signal: 'SIGKILL' }, false), null)
  assert.equal(oomOf({ ...end, signal: 'SIGKILL' }, true), false)
  assert.equal(oomOf({ ...end, signal: 'SIGKILL', oom: true }, true), true)
  assert.equal(oomOf({ ...end, signal: 'SIGKILL', oom: false }, false), false)
  assert.equal(oomOf(end, false), null, 'an end that nobody saw')
})

test('show has each of them as it is written', () => {
  assert.deepEqual(limitsShown(undefined), {})
  const shown = limitsShown({
    user: { name: 'app', group: 'www' },
    umask: 0o27,
    nice: -1,
    rlimits: { as: { soft: 1, hard: null } },
    cgroup: { pids: 3, cores: 0.5 },
    cpuAffinity: [0, 1],
    noNewPrivileges: true,
  })
  assert.deepEqual(shown, {
    user: 'app:www',
    umask: '0027',
    nice: '-1',
    rlimit_as: '1:unlimited',
    pids_max: '3',
    cpu_max: '0.5',
    cpu_affinity: '0,1',
    no_new_privileges: 'true',
  })
})
