// The systemd unit that phctl startup makes: what stands in it, that systemd understands it, and that nothing of
// somebody else's is overwritten.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type UnitFacts, unitFile } from '../../cli/unit-file.ts'
import { runPhctl } from '../helpers/programs.ts'
import { missing, sceneOf } from '../helpers/scene.ts'

const facts: UnitFacts = {
  scope: 'system',
  config: '/srv/a b/100%/$x.ini',
  instance: 'blue',
  node: '/usr/bin/node',
  phd: '/opt/phd.cjs',
  user: null,
  environment: new Map([['PATH', '/a b:/c%d"e']]),
  folders: false,
  stopSeconds: 12.5,
  version: 252,
}

const has = (text: string, ...lines: readonly string[]): void => {
  for (const line of lines) assert.ok(text.includes(`\n${line}\n`), `${line}\nin\n${text}`)
}

test('a unit of the system, with words that systemd would read otherwise', () => {
  const text = unitFile(facts)
  has(text, 'ExecStart=/usr/bin/node /opt/phd.cjs -n -c "/srv/a b/100%%/$$x.ini" --instance blue')
  has(text, 'Environment="PATH=/a b:/c%%d\\"e"', 'TimeoutStopSec=43s', 'WantedBy=multi-user.target')
  has(text, 'Type=notify', 'ExecReload=/bin/kill -HUP $MAINPID', 'NotifyAccess=main', 'KillMode=process')
  has(text, 'Restart=always', 'Delegate=yes', 'RestartPreventExitStatus=2 78', 'WatchdogSec=30s')
  assert.doesNotMatch(text, /^User=|RuntimeDirectory/m)
})

test('systemd waits for the end of a reload since 253; an unknown version may be an old one', () => {
  const typeOf = (version: number | null): string | undefined =>
    /^Type=(.*)$/m.exec(unitFile({ ...facts, version }))?.[1]
  assert.deepEqual([252, 253, 257, null].map(typeOf), ['notify', 'notify-reload', 'notify-reload', 'notify'])
  assert.doesNotMatch(unitFile({ ...facts, version: 253 }), /ExecReload/)
})

test('for a user; as a user', () => {
  const own = unitFile({ ...facts, scope: 'user' })
  has(own, 'WantedBy=default.target')
  assert.doesNotMatch(own, /network-online/)
  has(
    unitFile({ ...facts, user: 'app', folders: true }),
    'User=app',
    'RuntimeDirectory=phd',
    'RuntimeDirectoryPreserve=yes',
  )
})

const ini = '[web]\ncommand = sleep 600\ngraceful_timeout = 90\n[job]\ncommand = x\ndepends_on = web\n'

test('systemd understands it', { skip: missing('systemd-analyze') }, async (t) => {
  const scene = sceneOf(t)
  const file = scene.write('a b%.ini', ini)
  for (const scope of ['system', 'user']) {
    const { code, stdout, stderr } = await runPhctl(['-c', file, 'startup', `--${scope}`])
    assert.equal(code, 0, stderr)
    has(stdout, 'TimeoutStopSec=130s')
    const unit = scene.write(`phd-${scope}-test.service`, stdout)
    const env = { ...process.env, XDG_RUNTIME_DIR: scene.dir, SYSTEMD_LOG_LEVEL: 'warning' }
    const verified = spawnSync('systemd-analyze', [`--${scope}`, 'verify', unit], { encoding: 'utf8', env })
    // Here it may have no services at all to be compared with; of ours it must say nothing.
    assert.doesNotMatch(verified.stderr, /phd-/, verified.stderr)
    assert.equal(verified.status, 0, verified.stderr)
  }
})

test('--write: into the place of a user, again over its own, and over nothing else', async (t) => {
  const scene = sceneOf(t)
  const file = scene.write('config.ini', ini)
  const other = scene.write('other.ini', ini)
  const env = { HOME: scene.dir, XDG_CONFIG_HOME: '' }
  const startup = (...args: string[]) => runPhctl(['startup', '--user', ...args], { env })
  const path = scene.path('.config/systemd/user/phd.service')
  const printed = await startup('-c', file, '--json')
  const { text, written, next } = JSON.parse(printed.stdout)
  assert.deepEqual([written, existsSync(path), next[0]], [false, false, `phctl -c ${file} startup --user --write`])
  const first = await startup('-c', file, '--write')
  assert.deepEqual([first.code, first.stdout], [0, `written: ${path}\n`])
  assert.match(
    first.stderr,
    /^next:\n {2}systemctl --user daemon-reload\n {2}systemctl --user enable --now phd\.service\n {2}loginctl enable-linger/,
  )
  assert.equal(readFileSync(path, 'utf8').trimEnd(), text.trimEnd())
  assert.equal((await startup('-c', file, '--write')).code, 0)
  const taken = await startup('-c', other, '--write')
  assert.equal(taken.code, 1)
  assert.match(
    taken.stderr,
    /^phctl: cannot write .*phd\.service: it is that of .*config\.ini; give this one a name of its own/,
  )
  assert.equal((await startup('-c', other, '--write', '--instance', 'two')).code, 0)
  assert.ok(existsSync(scene.path('.config/systemd/user/phd-two.service')))
  scene.write('.config/systemd/user/phd.service', '[Unit]\n')
  assert.match((await startup('-c', file, '--write')).stderr, /it is not ours; /)
})

for (const [args, said] of [
  [['--user', '--system'], /wanted --user or --system/],
  [['--systemd', 'new'], /wanted a version like 252/],
] as const) {
  test(`startup ${args.join(' ')} is no command`, async (t) => {
    const ran = await runPhctl(['-c', sceneOf(t).write('config.ini', ini), 'startup', ...args])
    assert.deepEqual([ran.code, said.test(ran.stderr)], [2, true], ran.stderr)
  })
}

test('a unit of the system for files of a login is refused; a broken configuration, too', async (t) => {
  const scene = sceneOf(t)
  const env = { HOME: scene.dir }
  const ran = await runPhctl(['-c', scene.write('.config/phd/config.ini', ini), 'startup', '--system'], { env })
  assert.match(ran.stderr, /^phctl: cannot make a unit of the system for .*: its files belong to a login/)
  assert.equal((await runPhctl(['-c', scene.write('bad.ini', '[web]\n'), 'startup'])).code, 6)
})
