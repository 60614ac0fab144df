// Loading as a whole: the seed's file, what each key becomes, and the error of each kind.

import assert from 'node:assert/strict'
import { readFileSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { findConfig, loadConfig, sameConfig } from '../../src/config/load.ts'
import type { Spec } from '../../src/core/spec.ts'
import { forSlot } from '../../src/core/spec.ts'
import { fixture, folder, load, problems, program } from './support.ts'

test("the seed's file loads byte for byte", (t) => {
  const dir = folder(t, {
    'config.ini': readFileSync(fixture('seed.ini')),
    'jobexecute.js': readFileSync(fixture('jobexecute.js')),
  })
  const config = loadConfig(path.join(dir, 'config.ini'))
  assert.equal(config.file, path.join(dir, 'config.ini'))
  assert.equal(config.master.daemonize, true)
  assert.equal(config.master.pidfile, path.join(dir, 'master.pid'))
  assert.equal(config.master.socket, path.join(dir, 'phd.sock'))
  assert.equal(config.master.runPath, path.join(dir, '.phd'))
  assert.equal(config.master.logFile, path.join(dir, 'phd.log'))
  assert.equal(config.master.procName, 'jobexecute')
  assert.deepEqual([...config.programs.keys()], ['jobexecute'])
  assert.deepEqual(config.warnings, [])
  const { spec, settings } = program(config)
  assert.deepEqual(spec.run, { kind: 'worker', module: path.join(dir, 'jobexecute.js'), className: null })
  assert.equal(spec.workers, 2)
  assert.equal(spec.stopMs, 3000)
  assert.equal(spec.maxRequests, 10_000)
  assert.equal(spec.ready, 'worker')
  assert.equal(spec.reloadStrategy, 'start-first')
  assert.deepEqual(spec.output, { stdout: path.join(dir, 'master.log'), stderr: null, pipeBytes: 262_144 })
  assert.equal(spec.cfg.log_file, path.join(dir, 'master.log'))
  assert.equal(spec.cfg.pidfile, path.join(dir, 'master.pid'))
  assert.equal(spec.cfg.daemonize, 'true')
  const origin = settings.find(({ key }) => key === 'graceful_timeout')?.origin
  assert.deepEqual(origin, { file: path.join(dir, 'config.ini'), line: 3 })
})

test('defaults of a command, all of them', (t) => {
  const config = load(t, '[web]\ncommand = /bin/true\n')
  const dir = path.dirname(config.file)
  const { cfg, ...spec } = program(config).spec
  const expected: Omit<Spec, 'cfg'> = {
    program: 'web',
    run: { kind: 'command', argv: ['/bin/true'] },
    workers: 1,
    procName: 'web',
    directory: dir,
    env: {},
    envClear: false,
    output: { stdout: path.join(dir, 'web.log'), stderr: null, pipeBytes: 262_144 },
    autostart: true,
    autorestart: 'always',
    exitCodes: [0],
    startMs: 1000,
    startTimeoutMs: 60_000,
    startRetries: 10,
    backoffInitialMs: 100,
    backoffMaxMs: 30_000,
    backoffResetMs: 10_000,
    stopSignal: 'SIGTERM',
    stopMs: 10_000,
    stopGroup: false,
    ready: 'time',
    reloadStrategy: 'stop-first',
    reloadParallel: 1,
    reloadSignal: 'SIGHUP',
    maxRequests: 0,
    maxRequestsJitter: { amount: 0 },
    maxAgeMs: 0,
    maxAgeJitter: { share: 0.1 },
    workerTimeoutMs: 0,
  }
  assert.deepEqual(spec, expected)
  assert.deepEqual(cfg, {}) // only an SDK worker reads it
  assert.deepEqual(JSON.parse(JSON.stringify(program(config).spec)), program(config).spec)
  assert.deepEqual(
    { ...config.master, settings: [] },
    {
      basePath: dir,
      socket: `${dir}/phd.sock`,
      socketMode: 0o600,
      socketGroup: null,
      pidfile: `${dir}/master.pid`,
      runPath: `${dir}/.phd`,
      logFile: `${dir}/phd.log`,
      logLevel: 'info',
      daemonize: false,
      maxClients: 256,
      maxMessage: 1_048_576,
      procName: 'web',
      settings: [],
    },
  )
})

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
  ['ready = auto\nlog_format = raw\nsingle_instance = no', (s) => s.ready, 'time'],
  ['max_requests = 0\nworker_timeout = 0', (s) => s.maxRequests, 0],
  ['graceful_timeout =', (s) => s.stopMs, 10_000],
]
for (const [lines, pick, expected] of values) {
  test(`a program with ${JSON.stringify(lines)}`, (t) => {
    assert.deepEqual(pick(program(load(t, `[web]\ncommand = x\n${lines}\n`)).spec), expected)
  })
}

test('a command keeps what looks like comments and quotes, and splits as shlex', (t) => {
  const { spec } = program(load(t, '[web]\ncommand = sh -c "a; b # c" \'d e\'\n   f=%%\n'))
  assert.deepEqual(spec.run, { kind: 'command', argv: ['sh', '-c', 'a; b # c', 'd e', 'f=%'] })
})

test('slot marks reach argv, directory, environment and cfg', (t) => {
  const { spec } = program(
    load(
      t,
      '[DEFAULT]\nname = n%(slot)s\n[web]\ncommand = run --port 80%(process_num)02d\ndirectory = d%(slot)s\nenv.N = %(name)s\n',
    ),
  )
  assert.equal(spec.run.kind === 'command' && forSlot(spec.run.argv[2] ?? '', 7), '8007')
  assert.equal(forSlot(path.basename(spec.directory), 1), 'd1')
  assert.equal(forSlot(spec.env.N ?? '', 1), 'n1')
  const worker = program(load(t, '[DEFAULT]\nname = n%(slot)s\n[job]\n', {}, { 'job.js': '' })).spec
  assert.equal(forSlot(worker.cfg.name ?? '', 1), 'n1')
})

test('a section overrides [DEFAULT], whatever spelling either uses; an empty value goes back to the default', (t) => {
  const config = load(
    t,
    `[DEFAULT]\nstopwaitsecs = 3\nredirect_stderr = false\nlog_path = /l\nenv.A = d\nhost = h
[one]\ncommand = x\n[two]\ncommand = x\ngraceful_timeout = 4\nredirect_stderr = true\nenv.A =
[three]\ncommand = x\ngraceful_timeout =\nstderr_log_file = /e\nlog_path = /other\nhost = mine\n`,
  )
  const spec = (name: string): Spec => program(config, name).spec
  assert.deepEqual([spec('one').stopMs, spec('two').stopMs, spec('three').stopMs], [3000, 4000, 10_000])
  assert.deepEqual(
    [spec('one').output.stderr, spec('two').output.stderr, spec('three').output.stderr],
    ['/l/one.err.log', null, '/e'],
  )
  assert.deepEqual([spec('one').env, spec('two').env], [{ A: 'd' }, {}])
  assert.equal(spec('three').output.stdout, '/other/three.log')
  const host = (name: string): string | undefined =>
    program(config, name).settings.find(({ key }) => key === 'host')?.value
  assert.deepEqual([host('one'), host('three')], ['h', 'mine'])
})

test('a section that overrides base_path moves an inherited log_file that uses it', (t) => {
  const config = load(
    t,
    '[DEFAULT]\nlog_file = %(base_path)s/l/%(program)s.log\n[a]\ncommand = x\n[b]\ncommand = x\nbase_path = /b\n',
  )
  const dir = path.dirname(config.file)
  assert.equal(program(config, 'a').spec.output.stdout, `${dir}/l/a.log`)
  assert.equal(program(config, 'b').spec.output.stdout, '/b/l/b.log')
})

test('max_requests and worker_timeout of [DEFAULT] do not disturb a command', (t) => {
  const { spec } = program(load(t, '[DEFAULT]\nmax_requests = 5\nworker_timeout = 5\n[web]\ncommand = x\n'))
  assert.deepEqual([spec.maxRequests, spec.workerTimeoutMs], [0, 0])
})

test('cfg has every key under both spellings, and every variable', (t) => {
  const config = load(
    t,
    '[DEFAULT]\nHost = h:%(Port)s\nport = 1\nPIDFILE = m.pid\n[job]\nMax_Age = 5m\nx_mine = 2\n',
    {},
    { 'job.mjs': '' },
  )
  const { cfg } = program(config).spec
  const dir = path.dirname(config.file)
  assert.deepEqual(
    [cfg.Host, cfg.host, cfg.port, cfg.Max_Age, cfg.max_age, cfg.kill_interval, cfg.x_mine, cfg.PIDFILE, cfg.pidfile],
    ['h:1', 'h:1', '1', '5m', '5m', '5m', '2', `${dir}/m.pid`, `${dir}/m.pid`],
  )
})

test('worker: module, class, extension, folder', (t) => {
  const files = { 'a.js': '', 'b.mjs': '', 'sub/c.js': '', 'job.js': '', 'job.mjs': '' }
  const cases: readonly (readonly [string, string, string | null])[] = [
    ['worker = a:Job', 'a.js', 'Job'],
    ['worker = a.js', 'a.js', null],
    ['worker = ./b.mjs:X', 'b.mjs', 'X'],
    ['worker = sub/c:C', 'sub/c.js', 'C'],
    ['base_path = sub\nworker = c', 'sub/c.js', null],
    ['', 'job.js', null],
  ]
  for (const [lines, module, className] of cases) {
    const config = load(t, `[job]\n${lines}\n`, {}, files)
    assert.deepEqual(
      program(config).spec.run,
      { kind: 'worker', module: path.join(path.dirname(config.file), module), className },
      lines,
    )
  }
})

test('a worker in TypeScript needs a Node that runs it', (t) => {
  const { typescript } = process.features as { readonly typescript?: unknown }
  const found = problems(t, '[job]\n', {}, { 'job.ts': '' })
  if (typescript) assert.deepEqual(found, [])
  else
    assert.match(
      found.join(),
      /^config\.ini:1: \[job\] worker: cannot run job\.ts: Node v\S+ does not run TypeScript; wanted JavaScript/,
    )
})

test('built-in names', (t) => {
  const config = load(
    t,
    '[web]\ncommand = %(program)s %(program_name)s %(cpus)s %(ENV_Home)s %(here)s i%(instance)s 100%%\n',
    {
      env: { Home: '/h', HOME: '/no' },
    },
  )
  const run = program(config).spec.run
  assert.deepEqual(run.kind === 'command' && run.argv, [
    'web',
    'web',
    '4',
    '/h',
    path.dirname(config.file),
    'i',
    '100%',
  ])
})

test('an instance has files of its own', (t) => {
  const text = '[a]\ncommand = x\nstderr_log_file = e\n[b]\ncommand = x\nlog_file = l.%(instance)s\n'
  const config = load(t, text, { instance: 'two' })
  const dir = path.dirname(config.file)
  const { master } = config
  assert.deepEqual(
    [master.pidfile, master.socket, master.logFile, master.runPath, master.procName],
    [`${dir}/master.two.pid`, `${dir}/phd.two.sock`, `${dir}/phd.two.log`, `${dir}/.phd/two`, 'two'],
  )
  assert.deepEqual(program(config, 'a').spec.output, {
    stdout: `${dir}/a.two.log`,
    stderr: `${dir}/e.two`,
    pipeBytes: 262_144,
  })
  assert.equal(program(config, 'b').spec.output.stdout, `${dir}/l.two`)
  for (const instance of ['a/b', '..', '', 'state'])
    assert.throws(() => load(t, text, { instance }), { code: 'PH_USAGE' })
})

test('only the selected sections are read', (t) => {
  const text = '[a]\ncommand = x\npidfile = a.pid\n[b]\ncommand = x\npidfile = b.pid\n'
  const config = load(t, text, { sections: ['b'] })
  assert.deepEqual([[...config.programs.keys()], path.basename(config.master.pidfile)], [['b'], 'b.pid'])
  assert.deepEqual(problems(t, text, { sections: ['c'] }), [
    'config.ini: [c] cannot be selected: no such section (have: a, b)',
  ])
})

test('foreground takes daemonize away', (t) => {
  const text = '[master]\ndaemonize = yes\n[a]\ncommand = x\nlog_file = inherit\n'
  assert.equal(load(t, text, { foreground: true }).master.daemonize, false)
  assert.match(problems(t, text).join(), /^config\.ini:5: \[a\] log_file: cannot be inherit with daemonize/)
})

test('[master] and [DEFAULT] for the master', (t) => {
  const config = load(
    t,
    `[DEFAULT]\nbase_path = /srv\nlog_level = debug\nmax_clients = 9\nlog_file = p.log\nmax_message = 2MB
[master]\nmax_clients = 10\nsocket = s\nsocket_mode = 660\nsocket_group = adm\nlog_file = m.log\n[web]\ncommand = x\n`,
  )
  const { settings, ...master } = config.master
  assert.deepEqual(master, {
    basePath: '/srv',
    socket: '/srv/s',
    socketMode: 0o660,
    socketGroup: 'adm',
    pidfile: '/srv/master.pid',
    runPath: '/srv/.phd',
    logFile: '/srv/m.log',
    logLevel: 'debug',
    daemonize: false,
    maxClients: 10,
    maxMessage: 2_097_152,
    procName: 'web',
  })
  assert.equal(settings.find(({ key }) => key === 'max_clients')?.origin?.line, 8)
  assert.equal(program(config).spec.output.stdout, '/srv/p.log')
})

test('pidfile and daemonize stand anywhere, but say one thing', (t) => {
  const config = load(
    t,
    '[a]\ncommand = x\nbase_path = /a\npidfile = x.pid\n[b]\ncommand = x\npidfile = /a/x.pid\ndaemonize = on\n',
  )
  assert.deepEqual([config.master.pidfile, config.master.daemonize], ['/a/x.pid', true])
  assert.deepEqual(problems(t, '[a]\ncommand = x\npidfile = /a\n[master]\npidfile = /b\n'), [
    'config.ini:3: [a] pidfile: cannot differ from [master] in line 5 of config.ini, which says "/b": there is one master',
  ])
})

test('includes: sorted, patterns, folders of their own', (t) => {
  const files = {
    'conf.d/b.ini': '[b]\ncommand = x %(here)s\nbase_path = .\n',
    'conf.d/a.ini': '[program:a]\ncommand = x\nlog_file = %(v)s.log\n',
    'conf.d/.hidden.ini': 'junk',
    'conf.d/a.txt': 'junk',
    'one/more.ini': '[c]\ncommand = x\n',
  }
  const config = load(
    t,
    '[DEFAULT]\nv = w\nd = conf.d\n[z]\ncommand = x\n[include]\nfiles = %(d)s/*.ini o*/more.ini none/*.ini\n',
    {},
    files,
  )
  const dir = path.dirname(config.file)
  assert.deepEqual([...config.programs.keys()], ['z', 'a', 'b', 'c'])
  assert.equal(program(config, 'a').spec.output.stdout, `${dir}/w.log`)
  assert.equal(program(config, 'b').spec.directory, `${dir}/conf.d`)
  assert.deepEqual(program(config, 'b').spec.run, { kind: 'command', argv: ['x', `${dir}/conf.d`] })
  assert.equal(program(config, 'c').settings.find(({ key }) => key === 'command')?.origin?.file, `${dir}/one/more.ini`)
})

test('a near miss in [DEFAULT] and a key that was indented are warnings', (t) => {
  const config = load(
    t,
    '[DEFAULT]\nnumber_worker = 3\nnumberworkers = 3\nport = 1\nx_numprocs = 1\n[a]\ncommand = x\n  directory = /y\n',
  )
  assert.deepEqual(
    config.warnings.map(({ line, key, message }) => [line, key, message]),
    [
      [2, 'number_worker', 'is a variable; did you mean number_workers?'],
      [3, 'numberworkers', 'is a variable; did you mean number_workers?'],
      [7, 'command', 'goes on over the indented line that sets directory: a key begins the line'],
    ],
  )
})

test('findConfig and sameConfig', (t) => {
  const dir = folder(t, { 'config.ini': '', 'other.ini': '' })
  const file = path.join(dir, 'config.ini')
  symlinkSync(file, path.join(dir, 'link'))
  assert.equal(findConfig(dir), file)
  assert.equal(sameConfig(path.join(dir, 'link'), file), true)
  assert.equal(sameConfig(path.join(dir, 'other.ini'), file), false)
  rmSync(file)
  assert.notEqual(findConfig(dir), file)
  assert.equal(sameConfig(path.join(dir, 'link'), file), false)
})
