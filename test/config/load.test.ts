// Loading as a whole: the seed's file, the defaults, layers, workers, built-in names.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
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
  assert.deepEqual(spec.ready, { kind: 'worker' })
  assert.equal(spec.reloadStrategy, 'start-first')
  assert.deepEqual(spec.output, {
    stdout: path.join(dir, 'master.log'),
    stderr: null,
    pipeBytes: 262_144,
    format: 'raw',
    full: 'block',
    maxBytes: 50 * 1024 * 1024,
    backups: 10,
    compress: false,
  })
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
    output: {
      stdout: path.join(dir, 'web.log'),
      stderr: null,
      pipeBytes: 262_144,
      format: 'raw',
      full: 'block',
      maxBytes: 50 * 1024 * 1024,
      backups: 10,
      compress: false,
    },
    listeners: [],
    backlog: 511,
    balance: 'shared',
    autostart: true,
    dependsOn: [],
    dependsRestart: false,
    priority: 999,
    groups: [],
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
    ready: { kind: 'time' },
    reloadStrategy: 'stop-first',
    reloadParallel: 1,
    reloadSignal: 'SIGHUP',
    maxRequests: 0,
    maxRequestsJitter: { amount: 0 },
    maxMemoryBytes: 0,
    maxConcurrency: 10,
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
      commonPath: `${dir}/.phd`,
      logFile: `${dir}/phd.log`,
      logLevel: 'info',
      daemonize: false,
      orphans: 'adopt',
      exitWhen: 'never',
      allow: [],
      observe: [],
      maxClients: 256,
      maxMessage: 1_048_576,
      web: null,
      webControl: false,
      procName: 'web',
      settings: [],
    },
  )
})

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
