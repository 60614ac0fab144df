// phctl -H: two masters behind a real sshd that forwards sockets and runs no command.

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { reading, runPhctl, spawnProgram } from '../helpers/programs.ts'
import { root, sceneOf, until, within } from '../helpers/scene.ts'
import { needsSshd, type Sshd, startSshd } from '../helpers/sshd.ts'

interface Farm {
  readonly sshd: Sshd
  readonly red: Master
  readonly green: Master
  phctl(...args: readonly string[]): ReturnType<typeof runPhctl>
}

async function farm(t: TestContext): Promise<Farm> {
  const scene = sceneOf(t)
  const sshd = await startSshd(t)
  const ini = `${quick}[web]\ncommand = sh -c "while :; do echo tick; sleep 0.1; done"\n`
  const [red, green] = await Promise.all(
    ['red', 'green'].map((name) => startMaster(t, ini, { config: `${name}/config.ini` })),
  )
  if (!red || !green) throw new Error('no masters')
  for (const one of [red, green]) await one.call('wait', { target: 'all', state: 'RUNNING' })
  const hosts = scene.write(
    'hosts.ini',
    `[hosts]\nred = 127.0.0.1:${red.socket}\ngreen = 127.0.0.1:${green.socket}\n` +
      `Gone = 127.0.0.1:${scene.path('gone.sock')}\ndown = 127.0.0.2:${red.socket}\n`,
  )
  return { sshd, red, green, phctl: (...args) => runPhctl(['-c', hosts, ...args], { env: sshd.env }) }
}

/** A line of the table without its numbers. */
const short = (line: string): string => line.split(/ {2,}/).slice(0, 3).join(' ')

describe('phctl -H', { concurrency: true, skip: needsSshd }, () => {
  test('status is one table, operations fan out, the exit status is the worst; a host that is down costs its line', {}, async (t) => {
    const { sshd, red, green, phctl } = await farm(t)
    const all = await phctl('-H', 'all', 'status')
    const [title = '', ...lines] = all.stdout.trimEnd().split('\n')
    assert.match(title, /^HOST {3}NAME +STATE +PID +UPTIME/)
    assert.deepEqual(lines.slice(0, 2).map(short), ['red web:0 RUNNING', 'green web:0 RUNNING'])
    assert.match(lines[2] ?? '', /^Gone {3}cannot reach a master on Gone \(.*gone\.sock\): nobody listens on it there/)
    assert.match(
      lines[3] ?? '',
      /^down {3}cannot reach down by ssh: connect to host 127\.0\.0\.2 port \d+: Connection refused$/,
    )
    assert.deepEqual([all.code, all.stderr, lines.length], [4, '', 4])
    assert.equal(sshd.connections().length, 1, 'for three sockets of one host')

    // Six at once, with nothing there yet.
    for (const pid of sshd.connections()) process.kill(pid)
    await until('no connection', () => sshd.connections().length === 0)
    const six = await Promise.all(
      Array.from({ length: 6 }, () => phctl('-H', 'red', '-H', 'green', '-H', 'red', 'ping')),
    )
    for (const { stdout } of six)
      assert.deepEqual(stdout.trimEnd().split('\n').sort(), ['green | pong', 'red   | pong'])
    assert.equal(sshd.connections().length, 1)

    const before = (await red.process('web:0')).pid
    const both = await phctl('restart', 'web', '-H', 'red', '-H', 'green')
    const pids = [(await green.process('web:0')).pid, (await red.process('web:0')).pid]
    assert.deepEqual(both.stdout.trimEnd().split('\n').sort(), [
      `green | web:0  RUNNING  pid ${pids[0]}`,
      `red   | web:0  RUNNING  pid ${pids[1]}`,
    ])
    assert.deepEqual([both.code, pids.includes(before)], [0, false])
    await green.call('stop', { target: 'web' })
    const worse = await phctl('-H', 'red', '-H', 'green', 'signal', 'HUP', 'web')
    assert.deepEqual([worse.code, /^green \| .*web:0/m.test(worse.stdout + worse.stderr)], [1, true])
    const json = await phctl('-H', 'red', '-H', 'Gone', 'status', '--json')
    const [first, second] = JSON.parse(json.stdout) as {
      host: string
      programs?: unknown[]
      error?: { data: object }
    }[]
    assert.deepEqual([first?.host, first?.programs?.length, second?.host], ['red', 1, 'Gone'])
    assert.deepEqual([second?.error?.data, json.code], [{ code: 'PH_NO_MASTER', host: 'Gone' }, 4])
    // Written on the line, as ssh takes it.
    const plain = await phctl('-H', `127.0.0.1:${red.socket}`, 'pid', 'web')
    assert.match(plain.stdout, new RegExp(`^127\\.0\\.0\\.1:.* \\| ${(await red.process('web:0')).pid}\n$`))
    const gone = await phctl('-H', 'green', 'shutdown')
    assert.deepEqual([gone.code, gone.stdout], [0, `green | master ${green.pid} is gone\n`])
    await within('its end', green.ended)
  })

  test('logs -f and events of several hosts, each line with its host; Ctrl-C ends them well', async (t) => {
    const { sshd, green } = await farm(t)
    const hosts = ['-c', sceneOf(t).path('hosts.ini'), '-H', 'red', '-H', 'green']
    const follow = (...args: string[]) => {
      const child = spawnProgram(`${root}/dist/bin/phctl.cjs`, [...hosts, ...args], { env: sshd.env })
      const ended = new Promise((resolve) => child.on('close', resolve))
      return { ...reading(child), child, ended }
    }
    const logs = follow('logs', '-f', 'web')
    const events = follow('events', 'process', '--json')
    const has = (text: () => string, ...patterns: RegExp[]) =>
      until(String(patterns), () => patterns.every((one) => one.test(text())))
    await has(logs.stdout, /^red {3}\| tick$/m, /^green \| tick$/m)
    // Nothing says that it listens by now.
    const restarts = setInterval(() => void green.call('restart', { target: 'web', wait: false }), 500)
    sceneOf(t).after(() => clearInterval(restarts))
    await has(events.stdout, /^\{"host":"green","result":\{.*"to":"RUNNING".*\}\}$/m)
    clearInterval(restarts)
    for (const { child, ended } of [logs, events]) {
      child.kill('SIGINT')
      assert.equal(await within('its end', ended), 0)
    }
    assert.doesNotMatch(logs.stdout(), /^(?!(red {2}|green) \| )./m, 'no line without its host')
  })

  test('ssh asks nobody anything: a strange host and a key that is not taken are said', async (t) => {
    const { sshd, red } = await farm(t)
    const scene = sceneOf(t)
    const ssh = (line: string): Record<string, string> => {
      const config = scene.write('other_config', `${line}\n${scene.read('ssh_config')}`)
      return { ...sshd.env, PHCTL_SSH: `ssh -F ${config}` }
    }
    const ping = async (env: Record<string, string>) =>
      (await runPhctl(['-H', `127.0.0.1:${red.socket}`, 'ping'], { env })).stderr
    assert.match(await ping(ssh('UserKnownHostsFile /dev/null')), /by ssh: Host key verification failed\.\n$/)
    scene.write('authorized', scene.read('stranger.pub'))
    assert.match(await ping(ssh('')), /by ssh: .*Permission denied \(publickey\)\.\n$/)
    assert.match(await ping({ ...sshd.env, PHCTL_SSH: '/nowhere/ssh' }), /by ssh: spawn \/nowhere\/ssh ENOENT/)
    for (const [words, said] of [
      [['-H', 'red', '-s', '/x', 'ping'], /cannot use -s with -H/],
      [['-H', 'red', '--instance', 'x', 'ping'], /cannot use --instance with -H/],
      [
        ['-H', '-oProxyCommand=x', 'ping'],
        /cannot use -H -oProxyCommand=x: it cannot be "-oProxyCommand=x": wanted user@host/,
      ],
      [['-H', 'red', 'check'], /cannot run "check" with -H: it is about this machine/],
      [['-c', red.scene.path('red/config.ini'), '-H', 'all', 'ping'], /cannot use -H all: there is no \[hosts\] in /],
    ] as const) {
      const { code, stderr } = await runPhctl(words, { env: sshd.env })
      assert.deepEqual([code, said.test(stderr)], [2, true], stderr)
    }
  })
})
