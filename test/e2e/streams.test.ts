// phctl logs and phctl events as people use them: what is printed where, and how they end.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { ended, start, terminal } from '../cli/phctl.ts'
import { following } from '../helpers/following.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { fixture, until, within } from '../helpers/scene.ts'

const say = (text: string, more = ''): string => `command = sh -c '${text}; exec sleep 600'\n${more}`
const onTerminal = { skip: existsSync('/usr/bin/script') ? false : 'no script(1) to make a terminal with' } as const

test('logs: one plain file as it is; several with the name of each, on a pipe without colour', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[one]\n${say('echo first; echo "second  |  $0"')}[two]\n${say('echo out; echo err >&2', 'stderr_log_file = two.err\n')}
[shared]\n${say('echo "slot %(slot)s"; sleep 0.1', 'number_workers = 2\nlog_format = json\n')}[quiet]\ncommand = sleep 600\nlog_file = none\n`,
  )
  await until('all lines', () => master.lines('shared.log').length === 2 && master.lines('two.err').length === 1)
  await until('all lines', () => master.lines('one.log').length === 2)
  const of = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await master.phctl('logs', ...args)
    assert.deepEqual([code, stderr], [0, ''])
    return stdout
  }
  assert.equal(await of('one'), 'first\nsecond  |  sh\n')
  assert.equal(await of('-n', '1', 'one'), 'second  |  sh\n')
  assert.equal(await of('-n', '0', 'one'), '')
  assert.equal(await of('two'), 'two:0 | out\ntwo:0 ! err\n')
  assert.equal(await of('--stderr', 'two'), 'err\n')
  assert.equal(await of('-n', '1', 'one', 'two'), 'one:0 | second  |  sh\ntwo:0 | out\ntwo:0 ! err\n')
  assert.match(await of('shared'), /^shared:[01] \| \d{4}-\S+Z slot [01]\nshared:[01] \| \d{4}-\S+Z slot [01]\n$/)
  assert.match(await of('shared:1'), /^\d{4}-\S+Z slot 1\n$/)
  assert.deepEqual(JSON.parse(await of('--json', '-n', '1', 'one')), {
    time: null,
    program: 'one',
    name: 'one:0',
    stream: null,
    text: 'second  |  sh',
  })
  assert.equal((await of('master')).split('\n')[0], master.lines('phd.log')[0], 'raw on a pipe')

  const quiet = await master.phctl('logs', 'quiet')
  assert.deepEqual(
    [quiet.code, quiet.stderr],
    [1, 'phctl: no log file to show (log_file = none or inherit)\n  the settings in force: phctl show TARGET\n'],
  )
  assert.equal((await master.phctl('logs', 'nobody')).code, 1)
  assert.equal((await master.phctl('logs', '-n', 'ten', 'one')).code, 2)
  assert.equal((await master.phctl('logs')).code, 2)
})

test('logs -f over a restart, until Ctrl-C: exit 0', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\n${say('echo "hello from %(slot)s"', 'number_workers = 2\nlog_file = web-%(slot)s.log\n')}`,
  )
  await until('the first lines', () => master.lines('web-0.log').length + master.lines('web-1.log').length === 2)
  const phctl = following(master, 'logs', '-f', '-n', '1', 'web')
  await phctl.until('web:1 | hello from 1\n')
  await master.call('restart', { target: 'web' })
  await until('four lines', () => phctl.lines().length === 4)
  const { code, stdout, stderr } = await phctl.interrupt()
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(stdout.split('\n').sort(), [
    '',
    'web:0 | hello from 0',
    'web:0 | hello from 0',
    'web:1 | hello from 1',
    'web:1 | hello from 1',
  ])
})

test('logs -f of a program without processes: it waits for them, and names them when they are several', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\n${say('echo "hello from %(slot)s"', 'number_workers = 0\nlog_file = web-%(slot)s.log\n')}`,
  )
  const phctl = following(master, 'logs', '-f', 'web')
  const [remark] = (await within('a remark', once(phctl.child.stderr as NodeJS.ReadableStream, 'data'))) as [string]
  assert.equal(remark, 'phctl: no log file to show yet\n')
  await master.call('scale', { program: 'web', workers: 1 })
  await phctl.until('hello from 0\n')
  await master.call('scale', { program: 'web', workers: 2 })
  await phctl.until('hello from 1\n')
  const { code, stdout } = await phctl.interrupt()
  assert.deepEqual([code, stdout], [0, 'hello from 0\nweb:1 | hello from 1\n'])
})

test('logs -f and events: the master goes, exit 4, and it says so', async (t) => {
  const master = await startMaster(t, `${quick}[web]\n${say('echo hello')}`)
  const logs = following(master, 'logs', '-f', 'web')
  const events = following(master, 'events', 'master', '--json')
  await logs.until('hello')
  await until('the subscription', async () => (await master.call('ping', {})) === 'pong')
  await new Promise((resolve) => setTimeout(resolve, 300))
  await master.stop()
  for (const { done } of [logs, events]) {
    const { code, stderr } = await within('the end of phctl', done)
    assert.deepEqual([code, stderr], [4, `phctl: cannot follow any longer: the master at ${master.socket} is gone\n`])
  }
  const [event, failure] = events.lines().map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(event?.topic, 'master.stopping')
  assert.match(JSON.stringify(failure), /"code":"PH_NO_MASTER"/)
})

test('logs -f whose reader stops: what was missed is said on stderr, and it goes on', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[flood]\ncommand = sh -c 'yes "a flood of lines that nobody wants to read but everybody has to carry" | head -n 1000000; echo the end; exec sleep 600'\nautostart = false\n`,
  )
  const phctl = start(['-s', master.socket, 'logs', '-f', '-n', '0', 'flood'])
  master.scene.after(() => void phctl.kill('SIGKILL'))
  let tail = ''
  let newlines = 0
  let stderr = ''
  phctl.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  phctl.stdout?.setEncoding('utf8').pause()
  await new Promise((resolve) => setTimeout(resolve, 500)) // until it follows; what it says is only heard below
  await master.call('start', { target: 'flood', wait: false })
  await until('the end of the flood', () => ends(master))
  phctl.stdout?.on('data', (text: string) => {
    newlines += text.split('\n').length - 1
    tail = (tail + text).slice(-100)
  })
  phctl.stdout?.resume()
  await until('the end', () => tail.endsWith('the end\n'))
  phctl.kill('SIGINT')
  const [code] = await within('its end', once(phctl, 'close'))
  assert.equal(code, 0)
  const missed = [...stderr.matchAll(/^-- (\d+) lines missed --$/gm)].reduce((sum, found) => sum + Number(found[1]), 0)
  assert.ok(missed > 100_000, stderr)
  assert.equal(newlines + missed, 1_000_001)
})

const ends = async (master: Master): Promise<boolean> =>
  (await master.call('logs', { target: 'flood', lines: 1 })).lines[0]?.text === 'the end'

test('events: a line an event, topics by family, since', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[job]\ncommand = sh ${fixture('crash-on-boot.sh')} 3\nstart_retries = 0\nautostart = false\n`,
  )
  const phctl = following(master, 'events', 'process.state', 'program', '--since', '0')
  await phctl.until('STOPPED')
  await master.call('start', { target: 'job', wait: false })
  await phctl.until('FATAL')
  await master.call('scale', { program: 'job', workers: 2 })
  await phctl.until('2 processes')
  const { code, stdout } = await phctl.interrupt()
  assert.equal(code, 0)
  assert.match(stdout, /^\d\d:\d\d:\d\d {2}job:0 {9}STARTING -> FATAL {2}.*exit 3/m)
  assert.match(stdout, /^\d\d:\d\d:\d\d {2}job {11}1 -> 2 processes$/m)
  assert.ok(!stdout.includes('ready') && !stdout.includes('\x1b'))
  const unknown = await master.phctl('events', 'nothing')
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /^phctl: cannot follow "nothing": wanted process, program, config, master, log/)
  assert.equal((await master.phctl('events', '--since', '-1')).code, 2)
})

test('on a terminal: colours of names, the time, no other control sequence of a program', onTerminal, async (t) => {
  const rude = `printf "\\\\033[32mgreen\\\\033[0m \\\\033[2J\\\\007 end\\\\n"`
  const master = await startMaster(
    t,
    `${quick}[web]\n${say(rude, 'number_workers = 2\nlog_file = web-%(slot)s.log\n')}`,
  )
  await until('the lines', () => master.lines('web-0.log').length + master.lines('web-1.log').length === 2)
  const see = async (line: string, env = {}): Promise<string[]> =>
    (await ended(terminal(line, { PHD_SOCKET: master.socket, ...env }))).stdout.replaceAll('\x1b', '^').split('\r\n')
  const [zero, one] = await see('phctl logs web')
  assert.match(zero ?? '', /^\^\[3\dmweb:0\^\[39m \^\[2m\|\^\[22m \^\[32mgreen\^\[0m \\x1b\[2J\\x07 end\^\[0m$/)
  assert.notEqual(zero?.slice(0, 5), one?.slice(0, 5), 'neighbours have different colours')
  const [plain] = await see('phctl logs web', { NO_COLOR: '1' })
  assert.equal(plain, 'web:0 | green \\x1b[2J\\x07 end')
  const record = (await see('phctl logs -n 1 master'))[0] ?? ''
  assert.match(
    record,
    /^\^\[2m\d\d:\d\d:\d\d\^\[22m \^\[2minfo \^\[22m web:\d {2}STARTING -> \^\[32mRUNNING\^\[39m {2}pid \d+$/,
  )
})
