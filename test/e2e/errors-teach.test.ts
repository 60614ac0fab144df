// What people read when something is wrong: what could not be done and why, what was probably meant, what to type
// next, and where the log is. A table of lines and what they answer, by a real master; the exit status beside it.

import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { runPhctl, runPhd } from '../helpers/programs.ts'
import { sceneOf } from '../helpers/scene.ts'

interface Case {
  readonly line: string
  readonly exit: number
  /** Parts of stderr. */
  readonly says: readonly string[]
}

const c = (line: string, exit: number, ...says: readonly string[]): Case => ({ line, exit, says })

/** Words of a line; 'quotes' keep blanks. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')

const withMaster: readonly Case[] = [
  c('statsu', 2, 'cannot run "statsu": there is no such command', 'did you mean: phctl status'),
  c('strat web', 2, 'did you mean: phctl start'),
  c('status --wid', 2, "unknown option '--wid' (did you mean --wide?)", 'usage: phctl status [TARGET...]'),
  c('start', 2, "missing required argument 'target'", 'usage: phctl start TARGET...', 'as:    phctl start web'),
  c('status wbe', 1, 'cannot find "wbe": no such program; did you mean "web"?', 'have: web, bad, off'),
  c('status web:7', 1, '"web" has slots web:0 to web:1'),
  c('status nothing-like-it', 1, 'cannot find "nothing-like-it": no such program\n', 'have: web, bad, off'),
  c('status --columns name,pit', 2, 'cannot take "pit": it is not a column; did you mean pid?', 'have: name, program'),
  c('status --columns name --json', 2, 'cannot choose columns with --json'),
  c('logs wbe', 1, 'did you mean "web"?'),
  c('logs web -n x', 2, 'cannot use -n x: wanted a whole number from 0'),
  c('wait web --state RUNING', 2, 'cannot wait for "RUNING"', 'did you mean RUNNING?'),
  c('events proces', 2, 'cannot follow "proces"', 'did you mean process?'),
  c('events process.stat', 2, 'did you mean process.state?'),
  c('help strat', 2, 'did you mean: phctl help start'),
  c('scale web x', 2, 'cannot scale "web" to "x": wanted a number N, +N or -N'),
  c('scale web 99999', 2, 'cannot call scale: workers: wanted at most 10000, came 99999'),
  c('signal TREM web', 2, 'cannot send "TREM": no such signal', 'did you mean TERM?'),
  c('loglevel dbg', 2, 'wanted one of trace, debug, info, warn, error, fatal, came "dbg"; did you mean debug?'),
  c('call pnig', 2, 'cannot call "pnig": there is no such method; did you mean "ping"?'),
  c(`call status '{"targt":"web"}'`, 2, 'there is no parameter "targt"; did you mean target?'),
  c(`call status '{"target":7}'`, 2, 'target: wanted a name, or a list of names, came 7'),
  c(`call logs '{"target":"web","lines":"x"}'`, 2, 'lines: wanted a number, came "x"'),
  c('status --timeout soon', 2, 'cannot read --timeout "soon": wanted a time like 10, 500ms'),
  c('reload off', 1, 'cannot reload "off": it is STOPPED; start it instead'),
  c('start bad', 1, "why: phctl logs bad:0, or the master's own words: phctl logs master"),
  c('status', 3, 'why: phctl logs bad:0, or'),
  c('status web', 0),
  c('status web --json', 0),
  c('status bad --json', 3),
]

test('phctl, with a master', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n[bad]\ncommand = sh -c "exit 3"\nstart_retries = 0\n[off]\ncommand = true\nautostart = false\n`,
  )
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  await master.call('wait', { target: 'bad', state: 'FATAL' })
  for (const { line, exit, says } of withMaster) {
    const { code, stderr } = await master.phctl(...words(line))
    assert.equal(code, exit, `${line}\n${stderr}`)
    for (const part of says) assert.ok(stderr.includes(part), `${line}: wanted ${part}\n${stderr}`)
    if (says.length === 0) assert.equal(stderr, '', line)
  }
})

test('nobody answers: what was looked at and why it was not that, the log of the last one, how to start one', async (t) => {
  const master = await startMaster(t, '[web]\ncommand = true\n')
  const file = master.scene.path('config.ini')
  const said = async (args: readonly string[], cwd = '/'): Promise<[number | null, string]> => {
    const { code, stderr } = await runPhctl(args, { cwd, env: { HOME: '/nowhere' } })
    return [code, stderr]
  }
  const second = await runPhd(['-n', '-c', file])
  assert.equal(second.code, 75)
  assert.ok(
    second.stderr.includes(`the master with pid ${master.pid} runs already (configuration ${file})`),
    second.stderr,
  )
  assert.ok(second.stderr.includes(`speak to it: phctl -c ${file} status`), second.stderr)
  await master.murder()
  assert.deepEqual(await said(['-c', file, 'status']), [
    4,
    `phctl: cannot reach a master at ${master.socket}: nobody listens on it (a master that died leaves its socket)\n` +
      `  looked for: ${file} -> ${master.socket}\n  what the last one said: tail ${master.scene.path('phd.log')}\n` +
      `  start one with: phd -c ${file}\n`,
  ])
  master.scene.write('plain', '')
  const [code, plain] = await said(['-s', master.scene.path('plain'), 'ping'])
  assert.equal(code, 4)
  assert.match(plain, /it is no socket\n/)
  assert.deepEqual((await said(['-c', master.scene.path('none.ini'), 'ping']))[0], 6)
  master.scene.write('empty/x', '')
  const [none, words] = await said(['ping'], master.scene.path('empty'))
  assert.equal(none, 4)
  assert.match(
    words,
    /looked for: \$PHD_SOCKET \(not set\), \.\/config\.ini \(no such file\), .*\/etc\/phd\/config\.ini \(no such file\), /,
  )
  assert.match(words, /start one with: phd -c FILE/)
  if (process.getuid?.() === 0) {
    chmodSync(master.dir, 0o755)
    const denied = await runPhctl(['-s', master.socket, 'ping'], {
      wrap: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
    })
    assert.equal(denied.code, 5)
    assert.match(
      denied.stderr,
      /permission denied\n {2}it belongs to uid 0, gid 0, mode 600; this is uid 65534\n.*allow and observe/,
    )
  }
})

test('phd: its own line, and its file', async (t) => {
  const scene = sceneOf(t)
  const bad = scene.write('bad.ini', '[web]\ncomand = true\n[webb]\ncommand = true\nready = foo\n')
  const cases: readonly [readonly string[], number, readonly string[]][] = [
    [['--chekc'], 2, ["unknown option '--chekc'; did you mean --check? (phd --help)"]],
    [['status'], 2, ['phd has options only (phd --help); commands are for phctl']],
    [[bad], 2, [`a configuration goes behind -c: phd -c ${bad}`]],
    [['-c', scene.path('none.ini')], 78, ['cannot read the file: there is no such file']],
    [
      ['--check', '-c', bad],
      78,
      [`${bad}:2: [web] comand: cannot be understood: no such key; did you mean command?`, ':5: [webb] ready: '],
    ],
    [['--check', '-c', bad, '-s', 'wbe'], 78, ['no such section; did you mean web?']],
  ]
  for (const [args, exit, says] of cases) {
    const { code, stderr } = await runPhd(args, { cwd: scene.dir })
    assert.equal(code, exit, stderr)
    for (const part of says) assert.ok(stderr.includes(part), `${args.join(' ')}: wanted ${part}\n${stderr}`)
  }
  const { stderr } = await runPhd([], { cwd: scene.dir, env: { HOME: '/nowhere' } })
  assert.match(
    stderr,
    /cannot find a configuration: .*; give one with -c FILE\n {2}the smallest has two lines: \[web\]/,
  )
})
