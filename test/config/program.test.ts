// What each key of a program's section becomes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readyIn } from '../../src/core/readiness.ts'
import { forSlot, type Spec } from '../../src/core/spec.ts'
import { load, program } from './support.ts'

const values: readonly (readonly [string, (spec: Spec) => unknown, unknown])[] = [
  ['number_workers = 0', (s) => s.workers, 0],
  ['number_workers = auto', (s) => s.workers, 4],
  ['numprocs = 7', (s) => s.workers, 7],
  ['NUMBER_Workers = 7', (s) => s.workers, 7],
  ['graceful_timeout = 500ms', (s) => s.stopMs, 500],
  ['stopwaitsecs = 1.5', (s) => s.stopMs, 1500],
  ['kill_interval = 2h', (s) => s.maxAgeMs, 7_200_000],
  ['max_age = 1d', (s) => s.maxAgeMs, 86_400_000],
  ['max_age_jitter = 25%%', (s) => s.maxAgeJitter, { share: 0.25 }],
  ['max_age_jitter = 30s', (s) => s.maxAgeJitter, { amount: 30_000 }],
  ['max_requests_jitter = 50', (s) => s.maxRequestsJitter, { amount: 50 }],
  ['exit_codes = 2, 0,2', (s) => s.exitCodes, [0, 2]],
  ['exitcodes = 1', (s) => s.exitCodes, [1]],
  ['autorestart = unexpected', (s) => s.autorestart, 'on-failure'],
  ['autorestart = true', (s) => s.autorestart, 'always'],
  ['autorestart = False', (s) => s.autorestart, 'never'],
  ['autostart = off', (s) => s.autostart, false],
  ['stopsignal = int', (s) => s.stopSignal, 'SIGINT'],
  ['stop_signal = 10', (s) => s.stopSignal, 'SIGUSR1'],
  ['stopasgroup = yes', (s) => s.stopGroup, true],
  ['killasgroup = true', (s) => s.stopGroup, true],
  ['stopasgroup = false\nkillasgroup = true', (s) => s.stopGroup, false],
  ['stopasgroup = true\nkillasgroup = true', (s) => s.stopGroup, true],
  ['startretries = -1', (s) => s.startRetries, -1],
  ['startsecs = 0', (s) => s.startMs, 0],
  ['log_pipe_size = 1MB', (s) => s.output.pipeBytes, 1_048_576],
  ['log_full = drop', (s) => s.output.full, 'drop'],
  ['log_file = none', (s) => s.output.stdout, 'none'],
  ['stdout_logfile = NONE', (s) => s.output.stdout, 'none'],
  ['log_file = /dev/stdout', (s) => s.output.stdout, 'inherit'],
  ['log_file = /x/%(slot)02d.log', (s) => forSlot(s.output.stdout, 3), '/x/03.log'],
  ['log_file = /x/%(process_num)s.log', (s) => forSlot(s.output.stdout, 3), '/x/3.log'],
  ['stderr_log_file = /x/e', (s) => s.output.stderr, '/x/e'],
  ['stderr_logfile = inherit', (s) => s.output.stderr, 'inherit'],
  ['log_path = /l\nredirect_stderr = false', (s) => s.output.stderr, '/l/web.err.log'],
  ['redirect_stderr = false\nstderr_logfile = /x/e', (s) => s.output.stderr, '/x/e'],
  ['redirect_stderr = true\nstderr_logfile = /x/e', (s) => s.output.stderr, null],
  ['stderr_logfile = AUTO\nlog_path = /l', (s) => s.output.stderr, '/l/web.err.log'],
  ['directory = /srv', (s) => s.directory, '/srv'],
  ['base_path = /srv/x/..', (s) => s.directory, '/srv'],
  ['base_path = /srv\ndirectory = sub', (s) => s.directory, '/srv/sub'],
  ['env.A = x=y', (s) => s.env, { A: 'x=y' }],
  ['env.lower_Case = 1', (s) => s.env, { lower_Case: '1' }],
  ['environment = A=1,B="2, 3"\nenv.A = 9', (s) => s.env, { A: '9', B: '2, 3' }],
  ['environment =\n  A=1,\n  B=2', (s) => s.env, { A: '1', B: '2' }],
  ['env_clear = 1', (s) => s.envClear, true],
  ['proc_name = w', (s) => s.procName, 'w'],
  ['reload_strategy = signal', (s) => s.reloadStrategy, 'signal'],
  ['reload_signal = SIGUSR2', (s) => s.reloadSignal, 'SIGUSR2'],
  [
    'ready = auto\nlog_format = raw\nsingle_instance = no',
    (s) => [s.ready, s.singleInstance],
    [{ kind: 'time' }, undefined],
  ],
  ['single_instance = Yes', (s) => s.singleInstance, true],
  [
    'single_instance = etcd://a:1,[::1],c/my/key\ngraceful_timeout = 1500ms',
    (s) => [s.singleInstance, s.lease],
    [true, { endpoints: ['a:1', '[::1]:2379', 'c:2379'], key: 'my/key', ms: 12_000 }],
  ],
  [
    'single_instance = etcds://u:p%%40w@h/k\nlease = 3\ngraceful_timeout = 0\netcd_ca = /dev/null',
    (s) => s.lease,
    {
      endpoints: ['h:2379'],
      key: 'k',
      user: { name: 'u', password: 'p@w' },
      ms: 3_000,
      tls: { ca: '/dev/null', cert: null, key: null },
    },
  ],
  ['ready = Notify\nworker_timeout = 2', (s) => [s.ready, s.workerTimeoutMs], [{ kind: 'notify' }, 2000]],
  ['ready = fd:3', (s) => s.ready, { kind: 'fd', fd: 3 }],
  ['ready = tcp:localhost:80', (s) => s.ready, { kind: 'tcp', address: 'localhost:80', own: false }],
  ['ready = tcp:[::1]:80%(slot)02d', (s) => readyIn(s.ready, 7), { kind: 'tcp', address: '[::1]:8007', own: false }],
  ['ready = http://h:8%(slot)s/x', (s) => readyIn(s.ready, 1), { kind: 'http', url: 'http://h:81/x', own: false }],
  ['ready = exec: sh -c "exit %(slot)s"', (s) => readyIn(s.ready, 2), { kind: 'exec', argv: ['sh', '-c', 'exit 2'] }],
  ['ready = log:^a:b.* %(slot)s$', (s) => readyIn(s.ready, 2), { kind: 'log', pattern: '^a:b.* 2$' }],
  ['ready = log:x\nlog_file = none\nstderr_log_file = /x/e', (s) => s.ready, { kind: 'log', pattern: 'x' }],
  ['nice = 0\nno_new_privileges = no\nuser =', (s) => s.identity, undefined],
  ['user = www:22', (s) => s.identity, { user: { name: 'www', group: '22' } }],
  ['umask = 27', (s) => s.identity, { umask: 0o27 }],
  ['umask = 0', (s) => s.identity, { umask: 0 }],
  ['nice = -5\noom_score_adj = 0', (s) => s.identity, { nice: -5, oomScoreAdj: 0 }],
  ['rlimit_nofile = 10:unlimited', (s) => s.identity, { rlimits: { nofile: { soft: 10, hard: null } } }],
  ['rlimit_as = 1GB', (s) => s.identity?.rlimits, { as: { soft: 2 ** 30, hard: 2 ** 30 } }],
  ['rlimit_core = 0:1MB', (s) => s.identity?.rlimits, { core: { soft: 0, hard: 2 ** 20 } }],
  ['rlimit_nproc = UNLIMITED', (s) => s.identity?.rlimits, { nproc: { soft: null, hard: null } }],
  ['cpu_affinity = 3, 0-1,1', (s) => s.identity, { cpuAffinity: [0, 1, 3] }],
  ['cpu_affinity = Auto', (s) => s.identity, { cpuAffinity: 'auto' }],
  ['no_new_privileges = on', (s) => s.identity, { noNewPrivileges: true }],
  ['memory_max = 64MB\npids_max = 9', (s) => s.identity?.cgroup, { memoryBytes: 2 ** 26, pids: 9 }],
  ['cpu_max = 50%%', (s) => s.identity?.cgroup, { cores: 0.5 }],
  ['cpu_max = 1.5', (s) => s.identity?.cgroup, { cores: 1.5 }],
  ['user = 12\nunix_socket = /s', (s) => s.listeners.map((one) => one.kind === 'unix' && one.owner), ['12']],
  [
    'user = 12\nunix_socket = /s\nunix_socket_owner = 13',
    (s) => s.listeners.map((one) => one.kind === 'unix' && one.owner),
    ['13'],
  ],
  ['max_requests = 0\nworker_timeout = 0', (s) => s.maxRequests, 0],
  ['graceful_timeout =', (s) => s.stopMs, 10_000],
]
for (const [lines, pick, expected] of values) {
  test(`a program with ${JSON.stringify(lines)}`, (t) => {
    assert.deepEqual(pick(program(load(t, `[web]\ncommand = x\n${lines}\n`)).spec), expected)
  })
}

test('ready and worker_timeout of [DEFAULT] are for those that can have them', (t) => {
  const text = '[DEFAULT]\nready = notify\nworker_timeout = 5\n[a]\ncommand = x\n[b]\ncommand = x\nready = auto\n'
  const { programs } = load(t, text)
  const facts = [...programs.values()].map(({ spec }) => [spec.ready.kind, spec.workerTimeoutMs])
  assert.deepEqual(facts, [
    ['notify', 5000],
    ['time', 0],
  ])
})

test('a user whom nobody can know here is warned of, with its line', (t) => {
  const { warnings } = load(t, '[web]\ncommand = x\nuser = no-such-user\n[b]\ncommand = x\nuser = root\n')
  assert.deepEqual(
    warnings.map(({ line, section, key, message }) => [line, section, key, message]),
    [[3, 'web', 'user', '"no-such-user" is no user of this machine: where there is none, the start is refused']],
  )
})
