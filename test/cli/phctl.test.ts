// phctl as a process against a wire that answers what the test says: exit codes, what goes to which
// stream, and that broken wires end in words and not in stacks.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { against, answering, failed, info, ok, type Reply, up, web } from './fake-master.ts'
import { ended, phctl, shell, start } from './phctl.ts'

const soon = { timeout: 60_000 }
test('status: 0 when all is as wanted, 3 when not; the same with --json', soon, () => {
  const answers: Record<string, unknown> = { status: [web([up])] }
  return against(answering(answers), async (_fake, env) => {
    const fine = await phctl(['status'], { env })
    assert.equal(fine.code, 0, fine.stderr)
    assert.match(fine.stdout, /^NAME .*\nweb:0 {5}RUNNING {9}7 {7}5s {4}0\.0% {6}1K {9}0\n$/)
    assert.equal(fine.stderr, '')
    answers.status = [web([up, failed])]
    assert.equal((await phctl(['status'], { env })).code, 3)
    const json = await phctl(['status', '--json'], { env })
    assert.deepEqual([json.code, JSON.parse(json.stdout), json.stderr], [3, answers.status, ''])
  })
})

for (const [rpc, name, exit] of [
  [-32601, 'PH_METHOD', 2],
  [-32602, 'PH_PARAMS', 2],
  [-32603, 'PH_INTERNAL', 1],
  [-32001, 'PH_NOT_FOUND', 1],
  [-32002, 'PH_CONFLICT', 1],
  [-32003, 'PH_FAILED', 1],
  [-32004, 'PH_TIMEOUT', 7],
  [-32005, 'PH_DENIED', 5],
  [-32006, 'PH_CONFIG', 6],
  [-32007, 'PH_STOPPING', 4],
  [-32008, 'PH_LIMIT', 1],
  [-32009, 'PH_UPGRADE', 1],
] as const) {
  test(`${name} ends with ${exit}, in words and in JSON`, soon, () =>
    against(answering({ stop: [rpc, name, { more: 1 }] }), async (_fake, env) => {
      const [words, json] = await Promise.all([
        phctl(['stop', 'web'], { env }),
        phctl(['--json', 'stop', 'web'], { env }),
      ])
      assert.deepEqual([words.code, words.stdout, words.stderr], [exit, '', `phctl: cannot do it: ${name}\n`])
      assert.deepEqual([json.code, json.stderr], [exit, words.stderr])
      assert.deepEqual(JSON.parse(json.stdout), {
        error: { code: rpc, message: `cannot do it: ${name}`, data: { code: name, more: 1 } },
      })
    }),
  )
}

const done = { name: 'web:0', ok: true, state: 'RUNNING', pid: 12 }
const late = { name: 'web:1', ok: false, state: 'BACKOFF', pid: null, error: 'exit 1, next try in 0.2 s' }

for (const [args, params] of [
  [['start', 'web'], { target: 'web' }],
  [['stop', 'web', 'api'], { target: ['web', 'api'] }],
  [['restart', 'all', '--no-wait'], { target: 'all', wait: false }],
  [['reload', 'web', '--timeout', '1m'], { target: 'web', timeout: 60 }],
  [['scale', 'web', '3'], { program: 'web', workers: 3 }],
  [['scale', 'web', '-1', '--no-wait'], { program: 'web', delta: -1, wait: false }],
  [['scale', 'web', '4', '--save'], { program: 'web', workers: 4, save: true }],
  [['scale', 'web', '+2', '--timeout', '5'], { program: 'web', delta: 2, timeout: 5 }],
  [['signal', 'usr1', 'web'], { target: ['web'], signal: 'usr1' }],
  [['signal', '-9', 'web:1', 'api'], { target: ['web:1', 'api'], signal: 9 }],
  [['wait', 'web', '--state', 'running', '--timeout', '500ms'], { target: ['web'], state: 'RUNNING', timeout: 0.5 }],
  [['update', '--dry-run'], { dryRun: true }],
  [['update', '--no-wait'], { wait: false }],
  [['loglevel', 'DEBUG'], { level: 'debug' }],
  [['call', 'stop', '{"target":"web"}'], { target: 'web' }],
] as const) {
  test(`what is sent for phctl ${args.join(' ')}`, soon, () =>
    against(
      ({ id, method }, socket) => {
        if (method === 'info') return void socket.write(ok(id, info))
        const diff = { added: [], changed: [], removed: [], unchanged: [], master: [] }
        socket.write(ok(id, { ok: true, results: [done], program: 'web', from: 1, to: 2, level: 'debug', diff }))
      },
      async (fake, env) => {
        const ran = await phctl(args, { env })
        assert.equal(ran.code, 0, ran.stderr)
        const asked = fake.asked.filter((r) => r.method !== 'info')
        assert.deepEqual(
          asked.map((r) => [r.method, r.params]),
          [[args[0] === 'call' ? args[1] : args[0], params]],
        )
      },
    ),
  )
}

test('an operation that failed for one target: its lines, exit 1', soon, () =>
  against(answering({ start: { ok: false, results: [done, late] } }), async (_fake, env) => {
    const ran = await phctl(['start', 'web'], { env })
    assert.deepEqual([ran.code, ran.stdout], [1, 'web:0  RUNNING  pid 12\nweb:1  BACKOFF  exit 1, next try in 0.2 s\n'])
  }),
)

test('an operation that timed out: what was reached, exit 7', soon, () =>
  against(answering({ start: [-32004, 'PH_TIMEOUT', { results: [done, late] }] }), async (_fake, env) => {
    const ran = await phctl(['start', 'web', '--timeout', '1'], { env })
    assert.deepEqual([ran.code, ran.stderr], [7, 'phctl: cannot do it: PH_TIMEOUT\n'])
    assert.match(ran.stdout, /^web:0 {2}RUNNING {2}pid 12\nweb:1/)
  }),
)

test('a master that hangs: --timeout ends the wait', soon, () =>
  against(
    () => {},
    async (_fake, env) => {
      const [ping, stop] = await Promise.all([
        phctl(['ping', '--timeout', '200ms'], { env }),
        phctl(['stop', 'web', '--timeout', '100ms'], { env }),
      ])
      assert.deepEqual([ping.code, ping.stderr], [7, 'phctl: cannot wait longer for ping: no answer within 0.2 s\n'])
      assert.deepEqual([stop.code, stop.stdout], [7, ''])
    },
  ),
)

for (const [name, reply, words] of [
  ['junk', (_r, s) => s.write('220 smtp.example.com ESMTP\n'), /does not speak JSON-RPC: "220 smtp/],
  ['a close in the middle', ({ id }, s) => s.end(ok(id, 'x').slice(0, 9)), /the connection (was closed|broke)/],
  ['no answer at all', (_r, s) => s.destroy(), /the connection (was closed|broke)/],
] as const satisfies readonly (readonly [string, Reply, RegExp])[]) {
  test(`a broken wire is no master, exit 4: ${name}`, soon, () =>
    against(reply, async (_fake, env) => {
      const ran = await phctl(['status'], { env })
      assert.deepEqual([ran.code, ran.stdout], [4, ''])
      assert.match(ran.stderr, words)
      assert.doesNotMatch(ran.stderr, /\bat .*\.cjs/)
    }),
  )
}

test('a master of another major version, exit 1', soon, () =>
  against(answering({ info: { ...info, version: '9.1.0' }, status: [] }), async (_fake, env) => {
    const ran = await phctl(['status', '--json'], { env })
    assert.equal(ran.code, 1)
    assert.match(ran.stderr, /^phctl: cannot speak with the master at .*: it is version 9\.1\.0, this phctl is 0\./)
    assert.equal((JSON.parse(ran.stdout) as { error: { data: { code: string } } }).error.data.code, 'PH_CONFLICT')
  }),
)

test('phctl status | head -1 ends quietly', soon, () => {
  const many = Array.from({ length: 20_000 }, (_x, i) => ({ ...up, name: `web:${i}` }))
  return against(answering({ status: [web(many)] }), async (_fake, env) => {
    const ran = await shell('{ phctl status; echo "exit $?" >&2; } | head -1', env)
    assert.match(ran.stdout, /^NAME .*\n$/)
    assert.equal(ran.stderr, 'exit 0\n')
  })
})

test('everything that was printed arrives, however much it is', soon, () => {
  const many = Array.from({ length: 20_000 }, (_x, i) => ({ ...up, name: `web:${i}` }))
  return against(answering({ status: [web(many)] }), async (_fake, env) => {
    const ran = await shell('phctl status | { sleep 0.3; wc -l; }', env)
    assert.equal(ran.stdout.trim(), '20001')
  })
})

test('pid, ping, info, call and reopen print what scripts want', soon, () => {
  const answers = { status: [web([up, failed])], ping: 'pong', reopen: { ok: true }, weird: { a: [1] } }
  return against(answering(answers), async (_fake, env) => {
    const out = async (...args: string[]) => {
      const { code, stdout } = await phctl(args, { env })
      return [code, stdout]
    }
    assert.deepEqual(await out('pid'), [0, `${info.pid}\n`])
    assert.deepEqual(await out('pid', 'web'), [0, '7\n'])
    assert.deepEqual(await out('ping'), [0, 'pong\n'])
    assert.deepEqual(await out('ping', '--json'), [0, '"pong"\n'])
    assert.deepEqual(await out('reopen'), [0, 'log files reopened\n'])
    assert.deepEqual(await out('call', 'weird'), [0, '{"a":[1]}\n'])
    assert.deepEqual(await out('call', 'weird', '{"a"'), [2, ''])
    assert.deepEqual(await out('call', 'weird', '5'), [2, ''])
  })
})

test('reread and update say in words what changed, and show where each value comes from', soon, () => {
  const changed = [{ program: 'api', keys: ['command', 'env.A'], effect: 'reload' }]
  const diff = { added: ['web'], changed, removed: ['old'], unchanged: ['x'], master: ['socket'] }
  const none = { added: [], changed: [], removed: [], unchanged: ['x'], master: [] }
  const settings = [
    { key: 'command', value: 'node app.js', origin: '/srv/config.ini:3' },
    { key: 'start_seconds', value: '1', origin: 'default' },
    { key: 'env_file', value: '', origin: 'default' },
  ]
  const place = { directory: '/srv', stdout: '/srv/web.log', stderr: null, slot: 0, listeners: [], limits: {} }
  const shown = { program: 'web', settings, argv: ['node', "it's"], environment: { A: 'x y' }, ...place }
  const answers: Record<string, unknown> = { reread: diff, show: [shown] }
  return against(answering(answers), async (_fake, env) => {
    const words = [
      '+ web       new',
      '~ api       command, env.A: processes are replaced',
      '- old       gone from the file: its processes are stopped',
      '~ [master]  socket: taken over when the master is started anew',
      '',
    ]
    assert.deepEqual((await phctl(['reread'], { env })).stdout.split('\n'), words)
    answers.update = { diff, ok: false, results: [done, late] }
    const update = await phctl(['update'], { env })
    assert.deepEqual([update.code, update.stdout.split('\n').length], [1, words.length + 2])
    answers.update = { diff: none, ok: true, results: [] }
    assert.equal((await phctl(['update'], { env })).stdout, 'no changes\n')
    assert.deepEqual((await phctl(['show', 'web'], { env })).stdout.split('\n'), [
      '[web]',
      '  command        node app.js  /srv/config.ini:3',
      '  start_seconds  1            default',
      '',
      'process web:0',
      "  argv       node 'it'\\''s'",
      '  directory  /srv',
      '  stdout     /srv/web.log',
      '  stderr     merged into stdout',
      '',
      'environment',
      '  A=x y',
      '',
    ])
  })
})

test('an unknown name: the names there are', soon, () =>
  against(answering({ stop: [-32001, 'PH_NOT_FOUND', { known: ['web', 'api'] }] }), async (_fake, env) => {
    const ran = await phctl(['stop', 'wbe'], { env })
    assert.deepEqual([ran.code, ran.stderr], [1, 'phctl: cannot do it: PH_NOT_FOUND\n  have: web, api\n'])
  }),
)

test('nobody there: exit 4, in words that teach', soon, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'phctl-'))
  try {
    const ran = await phctl(['status', '-s', join(folder, 'none.sock')])
    assert.deepEqual([ran.code, ran.stdout], [4, ''])
    assert.match(
      ran.stderr,
      /^phctl: cannot reach a master at .*: there is no such socket\n {2}looked for: -s .*\n {2}start one with: phd -c FILE\n$/,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('check: ok with counts, or every problem and exit 6; no master is asked', soon, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'phctl-'))
  try {
    writeFileSync(join(folder, 'config.ini'), '[web]\ncommand = sleep 1\nnumber_workers = 3\n[api]\ncommand = true\n')
    writeFileSync(join(folder, 'bad.ini'), '[web]\ncommandd = x\nnumber_workers = many\n')
    const fine = await phctl(['check'], { cwd: folder })
    assert.equal(fine.code, 0, fine.stderr)
    assert.match(fine.stdout, /config\.ini: ok \(2 programs, 4 processes\)\n$/)
    const bad = await phctl(['check', 'bad.ini'], { cwd: folder })
    assert.equal(bad.code, 6)
    const lines = bad.stdout.trimEnd().split('\n')
    assert.equal(lines.at(-1), `${lines.length - 1} problems`)
    assert.ok(
      lines.some((line) => /bad\.ini:2: \[web\] commandd: /.test(line)),
      bad.stdout,
    )
    assert.ok(
      lines.some((line) => /bad\.ini:3: \[web\] number_workers: /.test(line)),
      bad.stdout,
    )
    const json = await phctl(['check', 'bad.ini', '--json'], { cwd: folder })
    const { error } = JSON.parse(json.stdout) as { error: { code: number; data: { problems: unknown[] } } }
    assert.deepEqual([json.code, error.code, error.data.problems.length], [6, -32006, lines.length - 1])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('status -w --json: one document a line until it is interrupted', soon, () =>
  against(answering({ status: [web([up])] }), async (_fake, env) => {
    const child = start(['status', '-w', '--json'], { env })
    const result = ended(child)
    let seen = ''
    await new Promise<void>((done) => {
      child.stdout?.on('data', (text: string) => {
        seen += text
        if (seen.split('\n').length > 2) done()
      })
    })
    child.kill('SIGINT')
    const { code, stdout } = await result
    assert.equal(code, 0)
    const lines = stdout.trimEnd().split('\n')
    assert.ok(lines.length >= 2)
    for (const line of lines) assert.deepEqual(JSON.parse(line), [web([up])])
  }),
)

test('nothing but the result is written on a pipe, however long it takes', soon, () =>
  against(
    ({ id, method }, socket) => {
      if (method === 'info') return void socket.write(ok(id, info))
      setTimeout(() => socket.write(ok(id, { ok: true, results: [done] })), 1500)
    },
    async (fake, env) => {
      const ran = await phctl(['start', 'web'], { env })
      assert.deepEqual([ran.stdout, ran.stderr], ['web:0  RUNNING  pid 12\n', ''])
      assert.deepEqual(
        fake.asked.map((r) => r.method),
        ['info', 'start'],
      )
    },
  ),
)
