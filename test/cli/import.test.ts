// phctl import: what becomes of the files of others, as text; and that whatever comes in, what goes out is accepted.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { cronOf } from '../../cli/import/calendar.ts'
import type { Draft } from '../../cli/import/draft.ts'
import { guess } from '../../cli/import/guess.ts'
import { importPm2 } from '../../cli/import/pm2.ts'
import { pm2Keys } from '../../cli/import/pm2-keys.ts'
import { importProcfile } from '../../cli/import/procfile.ts'
import { settle } from '../../cli/import/settle.ts'
import { importSupervisord } from '../../cli/import/supervisord.ts'
import * as keys from '../../cli/import/supervisord-keys.ts'
import { pairsOf } from '../../cli/import/supervisord-values.ts'
import { importSystemd } from '../../cli/import/systemd.ts'
import * as units from '../../cli/import/systemd-keys.ts'
import { unitWords } from '../../cli/import/unit-reader.ts'
import { loadConfig } from '../../src/config/load.ts'
import { lives } from '../helpers/proc.ts'
import { runPhctl } from '../helpers/programs.ts'
import { type Scene, sceneOf, until } from '../helpers/scene.ts'

const silent = (): void => {}

/** What the loader makes of the text: the specs by their names. */
function specsOf(scene: Scene, draft: Draft) {
  const target = scene.path('config.ini')
  const { text } = settle(draft, target)
  scene.write('config.ini', text)
  const { programs } = loadConfig(target)
  return { text, specs: Object.fromEntries([...programs].map(([name, { spec }]) => [name, spec])) }
}

const keysOf = (draft: Draft): string[] => draft.notes.map(({ key }) => key)

test('a file is known by its name, else by what stands in it', (t) => {
  const scene = sceneOf(t)
  for (const [name, text, wanted] of [
    ['Procfile', '', 'procfile'],
    ['Procfile.dev', '', 'procfile'],
    ['web.service', '', 'systemd'],
    ['ecosystem.config.js', '', 'pm2'],
    ['apps.json', '', 'pm2'],
    ['supervisord.conf', '', 'supervisord'],
    ['x.conf', '[program:x]\n', 'supervisord'],
    ['unit', '[Service]\n', 'systemd'],
    ['procs', 'web: sleep 5\n', 'procfile'],
    ['nothing', 'hello', null],
  ] as const) {
    assert.equal(guess(scene.write(name, text)), wanted, name)
  }
})

/** A value for each key that has a form of its own. */
const values: Readonly<Record<string, string>> = {
  command: '/bin/sh -c "exec sleep 9;# %%d" ; a comment',
  process_name: '%(program_name)s-%(process_num)02d-x',
  numprocs: '2',
  numprocs_start: '1',
  priority: '-1',
  autorestart: 'unexpected',
  exitcodes: '0,2',
  stopsignal: 'QUIT',
  user: '0',
  stdout_logfile: '/tmp/%(program_name)s.%(process_num)d.out',
  stderr_logfile: 'AUTO',
  stdout_logfile_maxbytes: '1MB',
  stderr_logfile_maxbytes: '2MB',
  stdout_logfile_backups: '3',
  stderr_logfile_backups: '4',
  environment: 'A="x,%%y",B=%(process_num)d',
  directory: '%(here)s',
  umask: '027',
  serverurl: 'http://127.0.0.1:9001',
  socket: 'unix:///tmp/f.sock',
  socket_owner: 'root:root',
  socket_mode: '0770',
  socket_backlog: '7',
  events: 'TICK_5',
  result_handler: 'a:b',
  programs: 'p',
  logfile: '/tmp/s.log',
  loglevel: 'blather',
  nodaemon: 'false',
  childlogdir: '/tmp',
  file: '/tmp/s.sock',
  chmod: '0770',
  chown: 'root:root',
  port: '9001',
  minfds: '4096',
}

const section = (name: string, ...tables: readonly object[]): string =>
  [`[${name}]`, ...tables.flatMap((one) => Object.keys(one)).map((key) => `${key} = ${values[key] ?? '1'}`), ''].join(
    '\n',
  )

test('supervisord: a file with every key that there is; each is carried over or named', (t) => {
  const scene = sceneOf(t)
  const { environment: _, ...supervisord } = keys.masterKeys
  const text = [
    section('supervisord', supervisord),
    'environment = G="%%%%g"',
    section('unix_http_server', keys.unixServerKeys),
    section('inet_http_server', keys.inetServerKeys),
    section('program:p', keys.programKeys),
    section('fcgi-program:f', keys.fcgiKeys, keys.programKeys),
    section('group:g', keys.groupKeys),
    section('eventlistener:e', keys.listenerKeys, keys.programKeys),
    '[supervisorctl]\nserverurl = x\n[rpcinterface:x]\na.b = c\n[ctlplugin:x]\na = b',
  ].join('\n')
  const draft = importSupervisord(scene.write('s.conf', text), scene.dir)
  const { specs } = specsOf(scene, draft)
  assert.deepEqual(Object.keys(specs).toSorted(), ['f-1', 'f-2', 'p-1', 'p-2'])
  const spec = specs['p-2']
  assert.deepEqual(spec?.run, { kind: 'command', argv: ['/bin/sh', '-c', 'exec sleep 9;# %d'] })
  assert.deepEqual(spec.env, { A: 'x,%y', B: '2', G: '%g' })
  assert.deepEqual(spec.exitCodes, [0, 2])
  assert.deepEqual(
    [spec.stopSignal, spec.output.stdout, spec.output.maxBytes],
    ['SIGQUIT', '/tmp/p.2.out', 1024 * 1024],
  )
  assert.deepEqual(specs['f-1']?.listeners, [
    { kind: 'unix', text: '/tmp/f.sock', path: '/tmp/f.sock', mode: 0o770, owner: 'root:root' },
  ])
  const lost = [keys.programKeys, keys.masterKeys, keys.unixServerKeys, keys.inetServerKeys].flatMap((one) =>
    Object.entries(one).flatMap(([key, { here }]) => (here === null ? [key] : [])),
  )
  const named = new Set(keysOf(draft))
  // numprocs_start is heeded: each process has a section of its own.
  assert.deepEqual(
    lost.filter((key) => !named.has(key)),
    ['numprocs_start'],
  )
  for (const one of ['[supervisorctl]', '[rpcinterface:x]', '[ctlplugin:x]', '[eventlistener:e]'])
    assert.ok(named.has(one), one)
})

test('supervisord: pairs are taken apart as its own reader does it', () => {
  const names = (name: string) => (name === 'process_num' ? ('slot' as const) : { text: `<${name}>` })
  const pairs = (text: string) => Object.fromEntries(pairsOf(text, names))
  assert.deepEqual(pairs(`A="x,y",B='z',C=http://h:1/p,D=%(here)s/%(process_num)02d`), {
    A: 'x,y',
    B: 'z',
    C: 'http://h:1/p',
    D: '<here>/%(process_num)02d',
  })
  assert.deepEqual(pairs('A="50%%"\n,B=""'), { A: '50%%', B: '' })
  assert.throws(() => pairs('A'), /would end at it/)
})

test('PM2: an app with every key; each is carried over or named', async (t) => {
  const scene = sceneOf(t)
  scene.write('app.js', '')
  const app = {
    ...Object.fromEntries(Object.keys(pm2Keys).map((key) => [key, true])),
    ...{ name: 'my app', name_prefix: 'x-', namespace: 'ns', script: 'app.js', args: 'a "b c"', interpreter: 'node' },
    ...{ node_args: ['--max-old-space-size=100'], cwd: '.', instances: 3, exec_mode: 'cluster', instance_var: 'N' },
    ...{
      increment_var: 'P',
      env: { P: 3000, Q: '50%', R: ' x ' },
      'env_*': undefined,
      env_prod: { Q: 'prod' },
      port: 1,
    },
    ...{ out_file: 'o.log', error_file: 'e.log', log_file: 'both.log', disable_logs: false, log_type: 'json' },
    ...{ stop_exit_codes: [3], max_restarts: 4, min_uptime: '5s', restart_delay: 100, exp_backoff_restart_delay: 0 },
    ...{ max_memory_restart: '1G', kill_timeout: 900, listen_timeout: 3000, ignore_watch: ['x', '^y'], uid: 0, gid: 0 },
    ...{ autorestart: undefined, source_map_support: true, filter_env: ['X'], deploy: undefined, merge_logs: false },
  }
  const file = scene.write('e.json', JSON.stringify({ apps: [app], deploy: { x: {} } }))
  const draft = await importPm2(file, scene.dir, 'prod', silent)
  const { specs, text } = specsOf(scene, draft)
  const spec = specs['x-my-app-prod']
  assert.ok(spec, text)
  const argv = ['node', '--enable-source-maps', '--max-old-space-size=100', 'app.js', 'a', 'b c']
  assert.deepEqual(spec.run, { kind: 'command', argv })
  assert.equal(spec.workers, 3)
  assert.deepEqual([spec.env.Q, spec.env.R, spec.env.PORT], ['prod', ' x ', '1'])
  assert.match(spec.env.P ?? '', /^30\0slot:02d\0$/)
  assert.deepEqual([spec.stopMs, spec.startMs, spec.maxMemoryBytes, spec.startRetries], [900, 5000, 2 ** 30, 4])
  assert.deepEqual([spec.autorestart, spec.exitCodes, spec.groups], ['on-failure', [3], ['ns']])
  const named = new Set(keysOf(draft))
  const lost = Object.entries(pm2Keys).flatMap(([key, { here }]) => (here === null ? [key] : []))
  assert.deepEqual(
    lost.filter((key) => !named.has(key)),
    [],
  )
})

test('PM2: code is run in a process apart, and ended with all that it has begun', async (t) => {
  const scene = sceneOf(t)
  const said: string[] = []
  const code = `setInterval(() => {}, 1000)
    const { pid } = require('node:child_process').spawn('sleep', ['600'], { stdio: 'inherit' })
    console.log('noise')
    module.exports = async () => ({ apps: [{ name: 'a', script: 'a.js', args: process.pid + ' ' + pid }] })`
  const draft = await importPm2(scene.write('e.config.js', code), scene.dir, null, (text) => said.push(text))
  const { specs } = specsOf(scene, draft)
  const run = specs.a?.run
  const begun = run?.kind === 'command' ? run.argv.slice(-2).map(Number) : []
  assert.equal(begun.length, 2)
  await until('the end of all that it has begun', () => !begun.some(lives))
  assert.match(said.join(), /is code/)
  await assert.rejects(
    importPm2(scene.write('bad.config.js', 'throw new Error("boom")'), scene.dir, null, silent),
    /cannot import .*bad.config.js: boom/,
  )
  await assert.rejects(importPm2(scene.write('x.json', '[]x'), scene.dir, null, silent), /cannot import/)
})

test('Procfile: ports as foreman gives them, a shell where one is needed', (t) => {
  const scene = sceneOf(t)
  scene.write('.env', 'PORT=4000\nSECRET=1\n')
  const file = scene.write(
    'Procfile',
    '# x\nweb: node s.js -p $PORT\nworker: A=1 work --x=1\nplain: sleep 5\nrelease: x\n?\n',
  )
  const draft = importProcfile(file, scene.dir, 'web=2')
  const { specs } = specsOf(scene, draft)
  const argv = (name: string) => (specs[name]?.run.kind === 'command' ? specs[name].run.argv : [])
  assert.deepEqual(argv('web'), ['sh', '-c', 'exec node s.js -p $PORT'])
  assert.deepEqual(argv('worker'), ['sh', '-c', 'A=1 exec work --x=1'])
  assert.deepEqual(argv('plain'), ['sleep', '5'])
  assert.deepEqual(
    [specs.web?.workers, specs.release?.workers, specs.plain?.env.PORT, specs.web?.env.SECRET],
    [2, 0, '4200', '1'],
  )
  assert.match(specs.web?.env.PORT ?? '', /^40\0slot:02d\0$/)
  assert.deepEqual(
    keysOf(draft).filter((key) => key === '?'),
    ['?'],
  )
  assert.throws(() => importProcfile(file, scene.dir, 'nobody=2'), /the Procfile has no nobody/)
})

const unitValues: Readonly<Record<string, string>> = {
  Type: 'notify',
  ExecStart: `/bin/echo "a b" $$X \${Y} $Z %i %%`,
  ExecReload: '/bin/kill -HUP $MAINPID',
  ExecStop: '/bin/kill -s QUIT $MAINPID',
  ExecStartPre: '-/bin/false',
  ReloadSignal: 'SIGHUP',
  Restart: 'on-failure',
  KillSignal: 'SIGINT',
  KillMode: 'mixed',
  SuccessExitStatus: '3 SIGKILL',
  RestartPreventExitStatus: '4',
  TimeoutStartSec: '1min 30s',
  TimeoutStopSec: 'infinity',
  User: 'root',
  Group: 'root',
  WorkingDirectory: '/tmp',
  Environment: 'A=1 "B=2 3"',
  EnvironmentFile: '-/nowhere',
  UMask: '0027',
  LimitNOFILE: '10:20',
  LimitCORE: 'infinity',
  LimitAS: '1G',
  CPUAffinity: '0 1',
  NoNewPrivileges: 'yes',
  MemoryMax: '1G',
  CPUQuota: '50%',
  StandardOutput: 'append:/tmp/o.log',
  StandardError: 'null',
  Requires: 'other.service',
  StartLimitBurst: '5',
  Wants: 'no.service',
  After: 'other.service network.target',
  ListenStream: '127.0.0.1:80',
  Accept: 'no',
  SocketMode: '0600',
  SocketUser: 'root',
  SocketGroup: 'root',
  Sockets: 'extra.socket',
}

const unitSection = (name: string, table: object): string =>
  [`[${name}]`, ...Object.keys(table).map((key) => `${key}=${unitValues[key] ?? '1'}`), ''].join('\n')

test('systemd: a template with every key, its socket and what it requires; each is carried over or named', (t) => {
  const scene = sceneOf(t)
  const file = scene.write(
    'w@.service',
    unitSection('Unit', units.unitKeys) + unitSection('Service', units.serviceKeys),
  )
  scene.write('w@.socket', unitSection('Socket', units.socketKeys))
  scene.write('extra.socket', '[Socket]\nListenStream=/tmp/x.sock\nListenStream=@no\n')
  scene.write('other.service', '[Service]\nType=oneshot\nExecStart=/bin/true\nExecStart=/bin/true 2\n')
  scene.write('w@.service.d/a.conf', '[Service]\n# again\nEnvironment=C=%H\\\n  D=4\n')
  const draft = importSystemd(file, scene.dir)
  const { specs, text } = specsOf(scene, draft)
  const spec = specs.w
  assert.ok(spec, text)
  assert.deepEqual(spec.run.kind === 'command' && spec.run.argv.slice(0, 2), ['sh', '-c'])
  assert.match(
    text,
    /command += sh -c 'set -f; exec \/bin\/echo '\\''a b'\\'' '\\''\$X'\\'' "\$\{Y\}" \$Z %\(slot\)s %%'/,
  )
  assert.deepEqual(spec.dependsOn, [{ program: 'other', condition: 'completed' }])
  assert.deepEqual([spec.stopSignal, spec.reloadSignal, spec.reloadStrategy], ['SIGQUIT', 'SIGHUP', 'signal'])
  assert.deepEqual([spec.exitCodes, spec.startTimeoutMs, spec.env.B, spec.env.D], [[0, 3, 4], 90_000, '2 3', '4'])
  assert.deepEqual(
    spec.listeners.map(({ text: one }) => one),
    ['127.0.0.1:80', '/tmp/x.sock'],
  )
  assert.deepEqual([spec.identity?.cgroup?.cores, spec.startRetries, specs.other?.startRetries], [0.5, 4, -1])
  const named = new Set(keysOf(draft))
  const lost = [units.serviceKeys, units.socketKeys].flatMap((one) =>
    Object.entries(one).flatMap(([key, { here }]) => (here === null ? [key] : [])),
  )
  assert.deepEqual(
    lost.filter((key) => !named.has(key)),
    [],
  )
})

test('systemd: calendars that cron can say, and none that it cannot', () => {
  for (const [calendar, cron, timezone] of [
    ['daily', '0 0 * * *'],
    ['Mon..Fri *-*-* 03:30', '30 3 * * 1-5'],
    ['*-*-01,15 00/6:00:00 Europe/Berlin', '0 */6 1,15 * *', 'Europe/Berlin'],
    ['*:0/5', '*/5 * * * *'],
    ['*-*-* *:0/5:00 UTC', '*/5 * * * *', 'UTC'],
    ['Sat,Sun 10:00:30', '30 0 10 * * 6,0'],
    ['Fri *-*-13 00:00', null],
    ['2027-01-01 00:00', null],
    ['*-*~1', null],
    ['nonsense', null],
  ] as const) {
    const wanted = cron === null ? null : { cron, timezone: timezone ?? null }
    assert.deepEqual(cronOf(calendar), wanted, calendar)
  }
})

test('systemd: words with their quotes and escapes', () => {
  assert.deepEqual(unitWords(`a "b c" 'd "e' f\\x20g \\s"" "x\\ty"`), ['a', 'b c', 'd "e', 'f g', ' ', 'x\ty'])
})

/** Lines that look like something, and lines that do not. */
const junk = (known: readonly string[]): fc.Arbitrary<string> => {
  const value = fc.oneof(
    fc.constantFrom(
      '1',
      'true',
      '%(here)s/x',
      '%(process_num)02d',
      '%',
      '%%',
      '',
      '"',
      "a 'b",
      '/tmp/x',
      'root',
      '0',
      '-5',
      '1MB',
    ),
    fc.string({ maxLength: 20 }),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  const line = fc.tuple(fc.constantFrom(...known), value).map(([key, text]) => `${key} = ${text.replaceAll('\0', '')}`)
  return fc
    .array(
      fc.oneof(
        { weight: 9, arbitrary: line },
        { weight: 1, arbitrary: fc.constantFrom('', '  more', '; x', '# y', '  ; z') },
      ),
      {
        maxLength: 25,
      },
    )
    .map((lines) => lines.join('\n'))
}

test('whatever comes in, what goes out is accepted', async (t) => {
  const scene = sceneOf(t)
  mkdirSync(scene.path('in'))
  const accepted = (draft: Draft): void => {
    const { text } = settle(draft, scene.path('in/config.ini'))
    scene.write('in/config.ini', text)
    loadConfig(scene.path('in/config.ini'))
  }
  const programs = fc.tuple(
    junk(Object.keys(keys.masterKeys)),
    junk(Object.keys(keys.programKeys)),
    junk(Object.keys({ ...keys.programKeys, ...keys.fcgiKeys })),
  )
  const attempt = (make: () => Draft): void => {
    let draft: Draft
    try {
      draft = make()
    } catch (e) {
      assert.match(String(e), /cannot /) // what Python or systemd would not read either
      return
    }
    accepted(draft)
  }
  fc.assert(
    fc.property(programs, ([master, program, fcgi]) => {
      const text = `[supervisord]\n${master}\n[program:a b]\ncommand = sleep 1\n${program}\n[fcgi-program:f]\n${fcgi}\n[group:a]\nprograms = f,x\n`
      attempt(() => importSupervisord(scene.write('in/s.conf', text), scene.path('in')))
    }),
    { numRuns: 40 },
  )
  fc.assert(
    fc.property(junk(Object.keys(units.serviceKeys)), junk(Object.keys(units.socketKeys)), (service, socket) => {
      scene.write('in/u.socket', `[Socket]\n${socket}`)
      attempt(() =>
        importSystemd(scene.write('in/u.service', `[Service]\nExecStart=/bin/true\n${service}`), scene.path('in')),
      )
    }),
    { numRuns: 40 },
  )
  const anything = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string({ maxLength: 5 })),
    fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 })),
  )
  const app = fc.dictionary(fc.constantFrom(...Object.keys(pm2Keys), 'env_x', 'odd'), anything, { maxKeys: 20 })
  await fc.assert(
    fc.asyncProperty(fc.array(app, { minLength: 1, maxLength: 3 }), async (apps) => {
      accepted(await importPm2(scene.write('in/e.json', JSON.stringify({ apps })), scene.path('in'), 'x', silent))
    }),
    { numRuns: 40 },
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ maxLength: 6 }), fc.string({ maxLength: 20 })), { maxLength: 6 }),
      (lines) => {
        const text = lines.map(([name, command]) => `${name}: ${command}`).join('\n')
        accepted(importProcfile(scene.write('in/Procfile', text), scene.path('in'), null))
      },
    ),
    { numRuns: 40 },
  )
})

test('the command: prints, writes, refuses to write over', async (t) => {
  const scene = sceneOf(t)
  const file = scene.write('Procfile', 'web: sleep 600\n')
  const printed = await runPhctl(['import', file], { cwd: scene.dir })
  assert.deepEqual(
    [printed.code, /^\[web\]$/m.test(printed.stdout), /1 program, 1 process/.test(printed.stderr)],
    [0, true, true],
  )
  const out = scene.path('out.ini')
  assert.equal((await runPhctl(['import', file, '-o', out])).code, 0)
  assert.equal(scene.read('out.ini'), printed.stdout)
  // Elsewhere it must lead back.
  const elsewhere = await runPhctl(['import', file], { cwd: '/usr' })
  assert.ok(elsewhere.stdout.includes(`\ndirectory        = ${scene.dir}\n`), elsewhere.stdout)
  const again = await runPhctl(['import', file, '-o', out])
  assert.deepEqual([again.code, /there already; --force/.test(again.stderr)], [1, true])
  assert.equal((await runPhctl(['import', file, '-o', out, '--force', '--formation', 'web=3'])).code, 0)
  assert.match(scene.read('out.ini'), /number_workers = 3/)
  const json = await runPhctl(['import', file, '--json'])
  assert.equal((JSON.parse(json.stdout) as { kind: string }).kind, 'procfile')
  for (const [args, words] of [
    [[file, '--from', 'cron'], /cannot import from "cron": wanted --from supervisord, pm2/],
    [[scene.path('none')], /there is no such file/],
    [[scene.write('odd', 'x')], /cannot tell what .*odd is/],
    [[scene.dir], /it is a folder/],
  ] as const) {
    const { code, stderr } = await runPhctl(['import', ...args])
    assert.equal(code, 2, stderr)
    assert.match(stderr, words)
  }
})
