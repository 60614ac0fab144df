// A configuration of the system and one of a user, found from anywhere by both programs: files land where each would
// look for them.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readdirSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { childrenOf, lives } from '../helpers/proc.ts'
import { PHD, type Ran, type RunOptions, reading, runPhctl, runPhd, spawnProgram } from '../helpers/programs.ts'
import { missing, needsRoot, sceneOf, until, within } from '../helpers/scene.ts'

const ini = '[web]\nstart_seconds = 50ms\ncommand = sh -c "echo hello; exec sleep 600"\n'

/** phd without a -c, until it is ready; what ends it in order. */
async function ready(t: TestContext, options: RunOptions): Promise<{ pid: number; end(): Promise<void> }> {
  const child = spawnProgram(PHD, ['-n'], options)
  const { stdout, stderr } = reading(child)
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  sceneOf(t).after(() => void (lives(child.pid ?? 0) && child.kill('SIGKILL')))
  await until('ready', () => {
    if (!lives(child.pid ?? 0)) throw new Error(stderr())
    return stdout().includes('"msg":"ready"')
  })
  return {
    pid: child.pid ?? 0,
    async end() {
      child.kill('SIGTERM')
      assert.equal(await within('its end', ended), 0)
    },
  }
}

const settled = async (options: RunOptions): Promise<Ran> => {
  const ran = await runPhctl(['wait', 'web', '--state', 'RUNNING'], options)
  assert.equal(ran.code, 0, ran.stderr)
  return runPhctl(['info'], options)
}

test('an ordinary user: the configuration in XDG_CONFIG_HOME, the rest in XDG_RUNTIME_DIR and XDG_STATE_HOME', {
  skip: needsRoot === false && missing('setpriv'),
}, async (t) => {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o755)
  scene.write('home/.config/phd/config.ini', `[master]\nrun_path = %(here)s/../../r\n${ini}`)
  scene.write('runtime/.keep', '')
  const wrap = needsRoot ? [] : ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups']
  if (wrap.length > 0) for (const name of ['home', 'runtime']) chownSync(scene.path(name), 54321, 54321)
  const env = { HOME: scene.path('home'), XDG_RUNTIME_DIR: scene.path('runtime') }
  const nobody = await runPhctl(['status'], { wrap, env })
  assert.equal(nobody.code, 4)
  assert.ok(nobody.stderr.includes(`phd -c ${scene.path('home/.config/phd/config.ini')}\n`), nobody.stderr)
  const master = await ready(t, { wrap, env })
  const { stdout } = await settled({ wrap, env })
  assert.match(stdout, new RegExp(`socket +${scene.path('runtime/phd/phd.sock')}\n`))
  assert.deepEqual(readdirSync(scene.path('home/.config/phd')), ['config.ini'])
  await until('the log of web', () => scene.lines('home/.local/state/phd/web.log')[0] === 'hello')
  await master.end()
  assert.ok(existsSync(scene.path('home/.local/state/phd/phd.log')))
  assert.ok(!existsSync(scene.path('runtime/phd/phd.sock')))
})

test('none at all: every place that was looked at is named', async (t) => {
  const { code, stderr } = await runPhd([], { cwd: sceneOf(t).dir, env: { HOME: '' } })
  assert.equal(code, 2)
  assert.match(stderr, /^phd: cannot find a configuration: there is none of .*\/config\.ini, \/etc\/phd\/config\.ini; /)
})

const mayMount = ((): string | false => {
  if (needsRoot || missing('unshare') || missing('nsenter')) return needsRoot || 'needs unshare and nsenter'
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' })
    return false
  } catch {
    return 'may not mount'
  }
})()

test('root: /etc/phd/config.ini, /run/phd and /var/log/phd', { skip: mayMount }, async (t) => {
  const scene = sceneOf(t)
  const file = scene.write('config.ini', ini)
  const script = [
    'mount --make-rprivate /',
    'mount -t tmpfs none /etc',
    'mount -t tmpfs none /run',
    'mount -t tmpfs none /var/log',
    'mkdir -m 755 /etc/phd',
    'cp "$0" /etc/phd/config.ini',
    'exec "$@"',
  ].join(' && ')
  const master = await ready(t, { wrap: ['unshare', '-m', 'sh', '-c', script, file] })
  const inside = ['nsenter', '-t', String(master.pid), '-m', '--']
  const ls = (folder: string): string[] =>
    execFileSync('nsenter', ['-t', String(master.pid), '-m', 'ls', '-A', folder], { encoding: 'utf8' })
      .trim()
      .split('\n')
  const { stdout } = await settled({ wrap: inside })
  assert.match(stdout, /config +\/etc\/phd\/config\.ini\nsocket +\/run\/phd\/phd\.sock\n/)
  assert.deepEqual(ls('/etc/phd'), ['config.ini'])
  assert.deepEqual(ls('/run/phd'), ['io', 'master.pid', 'n', 'phd.sock', 'state', 'w.sock'])
  assert.deepEqual(ls('/var/log/phd'), ['phd.log', 'web.log'])
  // One who may not read the file still finds the master, by the socket's usual place.
  execFileSync('nsenter', ['-t', String(master.pid), '-m', 'chmod', '600', '/etc/phd/config.ini'])
  const other = [...inside, 'setpriv', '--reuid=54321', '--regid=54321', '--clear-groups']
  const denied = await runPhctl(['status'], { wrap: other, env: { HOME: '' } })
  assert.deepEqual([denied.code, /\/run\/phd\/phd\.sock/.test(denied.stderr)], [5, true], denied.stderr)
  assert.equal(childrenOf(master.pid).length, 1)
  await master.end()
})
