// logs --since, --grep and --json with a real master; and logs -f over the end of masters: no line is missing, and
// none comes twice.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { following } from '../helpers/following.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { PHD, spawnProgram } from '../helpers/programs.ts'
import { until, within } from '../helpers/scene.ts'

/** Prints `NAME 1`, `NAME 2` ... without end. */
const counts = (name: string): string =>
  `command = sh -c 'n=0; while sleep 0.02; do n=$((n+1)); echo "${name} $n"; done'\n`

test('since, grep, json: what each format allows', async (t) => {
  const say = (words: string): string => `command = sh -c 'printf "${words}"; exec sleep 600'\n`
  const master = await startMaster(
    t,
    `${quick}[pre]\n${say('a 1\\\\nb 2\\\\n')}log_format = prefix\n[js]\n${say('c 3\\\\n')}log_format = json\n[raw]\n${say('d 4\\\\nd 5\\\\n')}`,
  )
  const old = '2020-01-02T03:04:05.678Z'
  await until('the lines', () => ['pre', 'js', 'raw'].every((name) => master.lines(`${name}.log`).length > 0))
  // Lines of long ago, before those that are there: as an older master would have left them.
  master.scene.write('pre.log.1', `${old} pre:0 stdout old\n`)
  const logs = async (...words: string[]) => {
    const { code, stdout, stderr } = await master.phctl('logs', ...words)
    return {
      code,
      stderr,
      texts: stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => line.replace(/^\S+ +(\| \S+ )?/, '')),
    }
  }
  assert.deepEqual((await logs('pre')).texts, ['old', 'a 1', 'b 2'])
  assert.deepEqual(await logs('pre', '--since', '1h'), { code: 0, stderr: '', texts: ['a 1', 'b 2'] })
  assert.deepEqual((await logs('pre', '--since', old)).texts, ['old', 'a 1', 'b 2'], 'from that time on')
  assert.deepEqual((await logs('pre', '--since', '1h', '-n', '1')).texts, ['b 2'])
  assert.deepEqual((await logs('pre', '--since', '2100-01-01')).texts, [])
  assert.deepEqual((await logs('pre', '--grep', '^.*[12]$', '-n', '1')).texts, ['b 2'], 'the last one that matches')
  assert.deepEqual((await logs('pre', '--grep', 'nothing')).texts, [])

  const raw = await master.phctl('logs', 'raw', '--since', '1h')
  assert.equal(raw.stdout, 'd 4\nd 5\n')
  assert.match(
    raw.stderr,
    /^phctl: --since cannot tell lines apart in \S+raw\.log: raw lines carry no time\n.*log_format/,
  )
  const started = (await master.phctl('logs', 'master', '--since', '1h')).stdout
  assert.equal(started.split('\n')[0], master.lines('phd.log')[0], "the master's own log has times")
  assert.equal((await master.phctl('logs', 'master', '--since', '2100-01-01')).stdout, '')

  const { stdout } = await master.phctl('logs', 'js', 'raw', '--json')
  const documents = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const [js, ...rest] = documents
  assert.deepEqual(
    { ...js, time: typeof js?.time },
    { time: 'string', program: 'js', name: 'js:0', stream: 'stdout', text: 'c 3' },
  )
  assert.deepEqual(rest[0], { time: null, program: 'raw', name: 'raw:0', stream: null, text: 'd 4' })

  for (const [words, error] of [
    [['--since', 'yesterday'], /^phctl: cannot read --since "yesterday": wanted how long ago, as 30s, 10m/],
    [['--grep', '('], /^phctl: cannot look for "\(": it is no regular expression of JavaScript: /],
  ] as const) {
    const refused = await master.phctl('logs', 'pre', ...words)
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, error)
  }
})

test('logs -f over kill -9 and an upgrade: waits, says so, and goes on where it was', async (t) => {
  const names = ['raw', 'pre', 'js']
  const master = await startMaster(
    t,
    `${quick}[raw]\n${counts('raw')}log_max_size = 4KB\nlog_backups = 50\n[pre]\n${counts('pre')}log_format = prefix\n[js]\n${counts('js')}log_format = json\n`,
  )
  const phctl = following(master, 'logs', '-f', '-n', '0', ...names)
  await phctl.until('js 20\n')
  await master.murder()
  const said = (text: string): Promise<unknown> => until(text, () => phctl.stderr().includes(text))
  await said('is gone: waiting for it --')
  const next = spawnProgram(PHD, ['-n', '-c', master.scene.path('config.ini')], {})
  master.scene.after(() => void next.kill('SIGTERM'))
  await said('the master is back: pid')
  const seen = Number(/js (\d+)\n$/.exec(phctl.stdout())?.[1] ?? 0)
  await phctl.until(`js ${seen + 20}\n`)
  assert.equal((await master.phctl('upgrade')).code, 0)
  await until('a second return', () => phctl.stderr().split('is back').length === 3)
  const later = Number([...phctl.stdout().matchAll(/js (\d+)\n/g)].at(-1)?.[1])
  await phctl.until(`js ${later + 20}\n`)
  const { code, stdout, stderr } = await phctl.interrupt()
  assert.equal(code, 0, stderr)
  for (const name of names) {
    const numbers = [...stdout.matchAll(new RegExp(`${name} (\\d+)$`, 'gm'))].map((match) => Number(match[1]))
    assert.ok(numbers.length > 50, `${name}: ${numbers.length} lines`)
    const first = numbers[0] ?? 0
    assert.deepEqual(
      numbers,
      numbers.map((_number, at) => first + at),
      name,
    )
  }
  assert.doesNotMatch(stderr, /missing|missed/)
  const ended = new Promise((done) => next.once('close', done))
  next.kill('SIGTERM')
  await within('the end of the next master', ended)
})
