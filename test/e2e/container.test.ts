// phd as pid 1, as in a container: a pid namespace and mounts of its own, a read-only root, any uid. Needs root to
// make these; what docs/containers.md tells people to write is read from there.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { blocks } from '../docs/pages.ts'
import { type Master, startMaster } from '../helpers/master.ts'
import { childrenOf, lives, statusField, zombiesOf } from '../helpers/proc.ts'
import { PHD, runPhctl, spawnProgram } from '../helpers/programs.ts'
import { missing, needsRoot, sceneOf, until, within } from '../helpers/scene.ts'

const skip = ((): string | false => {
  const lacks = needsRoot || missing('unshare') || missing('setpriv') || missing('nsenter')
  if (lacks) return lacks
  try {
    execFileSync('unshare', ['-m', '-p', '-f', '--mount-proc', 'mount', '-t', 'tmpfs', 'none', '/mnt'], {
      stdio: 'ignore',
    })
    return false
  } catch {
    return 'may not mount'
  }
})()

/** Words before a program that becomes pid 1 of uid 54321, with one writable folder. */
const contained = (folder: string): string[] => [
  ...['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc', 'sh', '-c'],
  'mount --make-rprivate / && mount -t tmpfs -o mode=0777 none "$0" && mount -o remount,ro,bind / && exec "$@"',
  folder,
  ...['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'],
]

/** The first configuration of the page, with the folder in the place of /tmp/phd and these programs. */
function asDocumented(folder: string, programs: string): string {
  const [ini = ''] = blocks('docs/containers.md', 'ini')
  return `${ini.replaceAll('/tmp/phd', `${folder}/phd`).replace(/\[web\][\s\S]*/, '')}${programs}`
}

async function container(t: TestContext, programs: string): Promise<{ master: Master; inner: number }> {
  const scene = sceneOf(t)
  scene.write('run/.keep', '')
  const folder = scene.path('run')
  execFileSync('chmod', ['755', scene.dir])
  const master = await startMaster(t, asDocumented(folder, programs), { wrap: contained(folder) })
  const [inner = 0] = childrenOf(master.pid)
  return { master, inner }
}

test('pid 1, any uid, a read-only root: lines on stdout, orphans are reaped, phctl answers, TERM ends it in order', {
  skip,
}, async (t) => {
  const script = 'trap "echo bye; exit 0" TERM; (sleep 0.1 &); sleep 0.3; echo later; while :; do sleep 0.05; done'
  const { master, inner } = await container(
    t,
    `[web]\nstart_seconds = 50ms\ncommand = sh -c '${script}'\nstderr_log_file = none\n`,
  )
  const words = (name: string): string[] => (statusField(inner, name) ?? '').split(/\s+/)
  assert.deepEqual([words('NSpid').at(-1), words('Uid')[0]], ['1', '54321'])
  await master.state('web:0', 'RUNNING')
  const wrap = ['nsenter', '-t', String(inner), '-m', '-p']
  const file = master.scene.path('config.ini')
  const { code, stdout, stderr } = await runPhctl(['-c', file, 'status'], { wrap })
  assert.equal(code, 0, stderr)
  assert.match(stdout, /web:0 +RUNNING/)
  const none = await runPhctl(['-c', file, 'logs', 'master'], { wrap })
  assert.deepEqual([none.code, none.stderr.includes('by [master] log_file it has no file')], [1, true], none.stderr)

  await until('the end of its orphan', () => /Z web:0 stdout later\n/.test(master.stdout()))
  assert.deepEqual([childrenOf(inner).length, zombiesOf(inner)], [1, []], 'the orphan was reaped')

  process.kill(inner, 'SIGTERM')
  assert.deepEqual(await within('its end', master.ended), { code: 0, signal: null })
  assert.match(master.stdout(), /Z web:0 stdout bye\n/)
  assert.deepEqual(readdirSync(master.dir).toSorted(), ['config.ini', 'run'], 'nothing was written elsewhere')
})

test('TERM in its first moment ends pid 1, too', { skip }, async (t) => {
  const scene = sceneOf(t)
  scene.write('run/.keep', '')
  execFileSync('chmod', ['755', scene.dir])
  const file = scene.write('config.ini', asDocumented(scene.path('run'), '[web]\ncommand = sleep 600\n'))
  const child = spawnProgram(PHD, ['-n', '-c', file], { wrap: contained(scene.path('run')) })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  scene.after(() => void (lives(child.pid ?? 0) && child.kill('SIGKILL')))
  /** The last of the signals that early.ts takes before it comes to TERM. */
  const SIGIO = 1n << 28n
  const inner = await until('its first lines', () => {
    const [pid] = childrenOf(child.pid ?? 0)
    if (pid === undefined || !existsSync(`/proc/${pid}/status`)) return null
    const caught = BigInt(`0x${statusField(pid, 'SigCgt') || '0'}`)
    return (caught & SIGIO) !== 0n && pid
  })
  process.kill(inner, 'SIGTERM')
  assert.equal(await within('its end', ended), 0)
})

test('the configurations of the page are right, and its images start phd as it is', (t) => {
  const scene = sceneOf(t)
  const inis = blocks('docs/containers.md', 'ini')
  assert.equal(inis.length, 2)
  for (const ini of inis) assert.deepEqual(loadConfig(scene.write('config.ini', ini)).warnings, [])
  const images = blocks('docs/containers.md', 'dockerfile')
  assert.equal(images.length, 2)
  for (const image of images) {
    const [cmd = ''] = /^CMD (\[.*\])$/m.exec(image)?.slice(1) ?? []
    assert.deepEqual(JSON.parse(cmd), ['phd', '-n', '-c', '/app/config.ini'])
    assert.match(image, /^HEALTHCHECK .* CMD \["phctl", "-c", "\/app\/config\.ini", "status"\]$/m)
  }
})
